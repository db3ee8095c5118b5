// SPDX-License-Identifier: Apache-2.0
// The machine that the lab runs on: by default a simulated one in a private folder, which goes with
// this object, however the lab ends. Threading: one thread.
#ifndef MIGCTL_LAB_BENCH_H_
#define MIGCTL_LAB_BENCH_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "mig/inventory.h"
#include "mig/result.h"

#include "lab/terminal.h"

namespace mig::lab {

struct BenchRequest {
  std::string migctl;        // path of this program
  std::string workload;      // path of mig-workload
  std::string library_dir;   // the simulator's driver
  std::string machine;       // an existing simulated machine; "" = a private one, or hardware
  std::string nvml_library;  // --nvml-library, for hardware
  bool real = false;         // hardware, or the machine named
  std::string board = "a100-sxm4-40gb";  // of a private machine
  const std::atomic<bool>* stop = nullptr;
};

class Bench {
 public:
  // kNotFound: a program is missing; kNoDriver: no machine; else what `sim create` said.
  static Result<std::unique_ptr<Bench>> open(const BenchRequest& request);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  Bench(Bench&&) = delete;
  Bench& operator=(Bench&&) = delete;

  const Terminal& terminal() const { return *terminal_; }

  // What made the machine; nullopt where it was there.
  const std::optional<Ran>& made() const { return made_; }

  // The machine as it is now, with its profiles.
  Result<Inventory> read() const;

  // One more private machine with one board, for what this one's driver does not tell.
  Result<Terminal> beside(const std::string& name, const std::string& board);

  // Folder for files of the exercises, mode 0700.
  const std::string& folder() const { return folder_; }

  bool is_private() const { return private_; }

 private:
  Bench() = default;
  Result<void> make_folder(const BenchRequest& request);
  Result<void> make_machine(const BenchRequest& request);
  Result<void> use_machine(const BenchRequest& request);
  Result<TerminalSetting> setting_of(const BenchRequest& request, const std::string& name) const;

  BenchRequest request_;
  std::string folder_;
  bool private_ = false;
  std::optional<Terminal> terminal_;
  std::optional<Ran> made_;
};

}  // namespace mig::lab

#endif  // MIGCTL_LAB_BENCH_H_
