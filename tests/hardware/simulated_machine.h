// SPDX-License-Identifier: Apache-2.0
// Fixture: a simulated machine per test, and nvidia-smi's dialect on it, in this process.
#ifndef MIGCTL_TESTS_HARDWARE_SIMULATED_MACHINE_H_
#define MIGCTL_TESTS_HARDWARE_SIMULATED_MACHINE_H_

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "sim/tools/sim_cli.h"
#include "smi/smi.h"

namespace mig::hardware {

class SimulatedMachine {
 public:
  // `options` as for `sim create`.
  explicit SimulatedMachine(const std::string& gpus, const std::vector<std::string>& options = {}) {
    char pattern[] = "/tmp/mig_hw_XXXXXX";
    root_ = mkdtemp(pattern);
    setenv("MIGSIM_ROOT", root_.c_str(), 1);
    unsetenv("MIGSIM_MACHINE");
    std::vector<std::string> words = {"create", "box", "--gpus", gpus};
    words.insert(words.end(), options.begin(), options.end());
    created_ = sim(words);
    setenv("MIGSIM_MACHINE", (root_ + "/box").c_str(), 1);
  }

  ~SimulatedMachine() { std::filesystem::remove_all(root_); }

  SimulatedMachine(const SimulatedMachine&) = delete;
  SimulatedMachine& operator=(const SimulatedMachine&) = delete;

  bool created() const { return created_; }

  // Runs `migctl sim <words>`; true on success.
  static bool sim(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    return migsim::sim_main(static_cast<int>(words.size()), argv.data(), {}) == 0;
  }

  // Makes the next call of this function fail with `code`.
  static bool fail(const std::string& function, const std::string& code) {
    return sim({"inject", "box", "--call", function, "--fail", code});
  }

  // Output of `nvidia-smi <line>`; its exit code is in exit_code().
  std::string smi(const std::string& line) {
    std::vector<std::string> words;
    std::istringstream in(line);
    for (std::string word; in >> word;) {
      words.push_back(word);
    }
    char* text = nullptr;
    std::size_t size = 0;
    smi::SmiContext context;
    context.library_path = MIG_SIM_NVML_LIBRARY;
    context.out = open_memstream(&text, &size);
    context.before_change = [this] {
      ++announced_;
      return Result<void>();
    };
    exit_code_ = smi::smi_main(words, context);
    std::fclose(context.out);
    std::string out(text, size);
    std::free(text);
    return out;
  }

  int exit_code() const { return exit_code_; }

  // Number of commands that announced a change of modes or instances.
  int announced() const { return announced_; }

 private:
  std::string root_;
  bool created_ = false;
  int exit_code_ = -1;
  int announced_ = 0;
};

}  // namespace mig::hardware

#endif  // MIGCTL_TESTS_HARDWARE_SIMULATED_MACHINE_H_
