// SPDX-License-Identifier: Apache-2.0
// Inside of doctor/: small readers of files below /proc, /sys, /dev and /etc. Pure functions of the
// file system.
#ifndef MIGCTL_DOCTOR_FILES_H_
#define MIGCTL_DOCTOR_FILES_H_

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mig::doctor {

// First line without blanks at its ends; nullopt: not readable.
std::optional<std::string> first_line(const std::string& path);

// Names in a folder, sorted; empty where there is none.
std::vector<std::string> names_in(const std::string& folder);

// "Key: value" lines, as of /proc/driver/nvidia/params; empty where there is no such file.
std::map<std::string, std::string> key_values(const std::string& path);

// Names of loaded modules, from /proc/modules; nullopt: not readable.
std::optional<std::vector<std::string>> loaded_modules(const std::string& proc_modules);

// Major number of a character device, from /proc/devices.
std::optional<std::uint32_t> major_of(const std::string& proc_devices, const std::string& name);

// Kind, mode and numbers of a file, links followed.
struct FileFacts {
  bool character_device = false;
  mode_t mode = 0;  // permission bits
  std::uint32_t uid = 0, gid = 0;
  std::uint32_t major_number = 0, minor_number = 0;  // of a character device
};

std::optional<FileFacts> facts_of(const std::string& path);

// "0444".
std::string mode_text(mode_t mode);

}  // namespace mig::doctor

#endif  // MIGCTL_DOCTOR_FILES_H_
