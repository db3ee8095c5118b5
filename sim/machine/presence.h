// SPDX-License-Identifier: Apache-2.0
// Processes of other pid namespaces (containers): whether they live, and which pid they have here.
//
// A process in a container knows its pid in there only. So each process that is on an instance
// holds a POSIX record lock (fcntl(2), F_SETLK) on one byte of <machine>/machine.json, whose offset
// is the serial number of its entry in the process table. The kernel drops the lock with the
// process, however it ends, and F_GETLK tells the holder's pid in the reader's own pid namespace: 0
// where it has none there.
//
// The descriptor is never closed: close(2) of any descriptor of a file drops all record locks of
// the process on it.
//
// Threading: thread-safe. Runs with the machine's lock held.
#ifndef MIGCTL_SIM_MACHINE_PRESENCE_H_
#define MIGCTL_SIM_MACHINE_PRESENCE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "sim/machine/state.h"

namespace migsim {

// Takes the lock of an entry of the calling process. False: machine.json cannot be opened or
// locked; other pid namespaces then keep the entry until the machine's reboot.
bool hold_presence(const std::string& machine_dir, std::uint64_t serial);
void drop_presence(const std::string& machine_dir, std::uint64_t serial);

// One look at the processes of a machine by the calling process.
class Presence {
 public:
  explicit Presence(const std::string& machine_dir);

  // As is_alive() (process.h), for a process of any pid namespace.
  bool alive(const ProcessState& process, bool quick) const;

  // Its pid in the caller's pid namespace; nullopt: it has none here, or has ended.
  std::optional<std::int32_t> pid_here(const ProcessState& process) const;

 private:
  bool of_another_namespace(const ProcessState& process) const {
    return process.pid_namespace != 0 && process.pid_namespace != pid_namespace_;
  }

  const std::string& machine_dir_;
  std::uint64_t pid_namespace_ = 0;
};

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_PRESENCE_H_
