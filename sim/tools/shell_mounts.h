// SPDX-License-Identifier: Apache-2.0
// A private mount namespace in which /proc, /sys and /dev show the machine's device tree. Programs
// that make raw system calls (Go) see it too, and nothing outside the calling process changes.
#ifndef MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_
#define MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_

#include <string>

#include "sim/tools/problem.h"

namespace migsim {

// Folder inside the machine's where the namespace keeps its own files (a tmpfs that only it sees).
std::string shell_scratch(const std::string& machine_dir);

// What /dev/nvidia* are in there. kFiles follow every change of instances and can be opened, so
// that somebody can hold one. kCharacterDevices have the numbers of the machine's /proc/devices,
// for programs that take nothing else; they are those of the moment of entry, and lie where the
// kernel opens no device (nodev), so that none reaches a real GPU. They need root.
enum class Nodes { kFiles, kCharacterDevices };

// Moves the calling process, which must have one thread, into the namespace; unprivileged callers
// become root of a user namespace. `library` covers a real driver's libnvidia-ml.so.1 where there
// is one. On an error the process is half moved and should end.
Problem enter_machine(const std::string& machine_dir, const std::string& library, Nodes nodes);

}  // namespace migsim

#endif  // MIGCTL_SIM_TOOLS_SHELL_MOUNTS_H_
