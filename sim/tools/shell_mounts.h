// SPDX-License-Identifier: Apache-2.0
// The sandbox of `sim shell`: a private mount namespace in which /proc, /sys and /dev show the
// machine's device tree. Programs that make raw system calls (Go) see it too, and nothing outside
// the calling process changes.
#ifndef MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_
#define MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_

#include <string>

#include "sim/tools/problem.h"

namespace migsim {

// Folder inside the machine's for the namespace's own files (a tmpfs that only the namespace sees).
std::string shell_scratch(const std::string& machine_dir);

// Kind of the /dev/nvidia* nodes. kFiles: regular files that follow every change of instances and
// can be opened, so a process can hold one. kCharacterDevices: device nodes with the numbers of the
// machine's /proc/devices, for programs that insist on them; a snapshot at entry, on a nodev mount,
// so none reaches a real GPU. Needs root.
enum class Nodes { kFiles, kCharacterDevices };

// Moves the calling process, which must be single-threaded, into the namespace; unprivileged
// callers become root of a user namespace. `library` covers a real driver's libnvidia-ml.so.1. On
// an error the process is between namespaces and should exit.
Problem enter_machine(const std::string& machine_dir, const std::string& library, Nodes nodes);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_
