// SPDX-License-Identifier: Apache-2.0
// A simulated machine with mocks for some NVML calls: for results that a simulated board never
// returns, and for distinct values that cannot be confused.
#ifndef MIGCTL_TESTS_HARDWARE_SCRIPTED_DRIVER_H_
#define MIGCTL_TESTS_HARDWARE_SCRIPTED_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "nvml/session.h"
#include "simulated_machine.h"
#include "smi/options.h"
#include "smi/run.h"

namespace mig::hardware {

class ScriptedDriver {
 public:
  explicit ScriptedDriver(const std::string& gpus) : box_(gpus) {
    auto session = nvml::Session::open(MIG_SIM_NVML_LIBRARY);
    if (session) {
      session_ = std::move(*session);
      functions_ = session_->nvml();
    }
  }

  bool usable() const { return box_.created() && session_ != nullptr; }

  template <class Signature>
  void answer(nvml::Function<Signature> nvml::Functions::*function,
              typename nvml::Function<Signature>::Pointer with) {
    functions_.*function = nvml::Function<Signature>(with);
  }

  // Output of a sub-command, which must succeed.
  std::string printed(smi::Options (*parse)(const std::vector<std::string>&),
                      int (*run_command)(const smi::Run&, const smi::Options&),
                      const std::vector<std::string>& words) {
    char* text = nullptr;
    std::size_t size = 0;
    const smi::Run run{*session_, functions_, open_memstream(&text, &size), stderr};
    exit_code_ = run_command(run, parse(words));
    std::fclose(run.out);
    std::string out(text, size);
    std::free(text);
    return out;
  }

  int exit_code() const { return exit_code_; }

 private:
  SimulatedMachine box_;
  std::unique_ptr<nvml::Session> session_;
  nvml::Functions functions_;
  int exit_code_ = -1;
};

}  // namespace mig::hardware

#endif  // MIGCTL_TESTS_HARDWARE_SCRIPTED_DRIVER_H_
