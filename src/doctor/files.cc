// SPDX-License-Identifier: Apache-2.0
#include "doctor/files.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::doctor {
namespace {

constexpr std::size_t kMostBytes = 1U << 20U;
constexpr std::size_t kMostNames = 4096;

std::string trimmed(const std::string& text) {
  constexpr const char* kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  return first == std::string::npos
             ? std::string()
             : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::vector<std::string> lines_of(const std::string& path) {
  const auto text = base::read_file(path, kMostBytes);
  return text ? base::split(*text, '\n') : std::vector<std::string>();
}

}  // namespace

std::optional<std::string> first_line(const std::string& path) {
  const auto text = base::read_file(path, kMostBytes);
  return text ? std::optional(trimmed(text->substr(0, text->find('\n')))) : std::nullopt;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end;
       !error && entry != end && names.size() < kMostNames;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::map<std::string, std::string> key_values(const std::string& path) {
  std::map<std::string, std::string> values;
  for (const std::string& line : lines_of(path)) {
    if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
      values[trimmed(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
  }
  return values;
}

std::optional<std::vector<std::string>> loaded_modules(const std::string& proc_modules) {
  if (!facts_of(proc_modules)) {
    return std::nullopt;
  }
  std::vector<std::string> names;
  for (const std::string& line : lines_of(proc_modules)) {
    if (!line.empty()) {
      names.push_back(line.substr(0, line.find(' ')));
    }
  }
  return names;
}

std::optional<std::uint32_t> major_of(const std::string& proc_devices, const std::string& name) {
  for (const std::string& line : lines_of(proc_devices)) {
    const std::string text = trimmed(line);
    const std::size_t blank = text.find(' ');
    if (blank == std::string::npos || text.substr(blank + 1) != name) {
      continue;
    }
    if (const auto number = base::parse_decimal(text.substr(0, blank), UINT32_MAX)) {
      return static_cast<std::uint32_t>(*number);
    }
  }
  return std::nullopt;
}

std::optional<FileFacts> facts_of(const std::string& path) {
  struct stat info {};

  if (::stat(path.c_str(), &info) != 0) {
    return std::nullopt;
  }
  FileFacts facts;
  facts.character_device = S_ISCHR(info.st_mode);
  facts.mode = info.st_mode & 07777U;
  facts.uid = info.st_uid;
  facts.gid = info.st_gid;
  facts.major_number = major(info.st_rdev);
  facts.minor_number = minor(info.st_rdev);
  return facts;
}

std::string mode_text(mode_t mode) {
  return fmt::format("{:04o}", mode);
}

}  // namespace mig::doctor
