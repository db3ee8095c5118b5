// SPDX-License-Identifier: Apache-2.0
#include "base/find_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/strings.h"

namespace mig::base {
namespace {

// What a shell uses without $PATH.
constexpr const char* kUsualFolders = "/usr/bin:/bin";

bool may_run(const std::string& file) {
  struct stat found {};

  return ::stat(file.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
         ::access(file.c_str(), X_OK) == 0;
}

}  // namespace

std::string find_program(const std::string& name, std::string_view more) {
  if (name.empty() || name.find('/') != std::string::npos) {
    return name;
  }
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): see the header
  std::string folders = path == nullptr ? kUsualFolders : path;
  folders.append(":").append(more);
  for (std::string file : split(folders, ':')) {
    if (!file.starts_with('/')) {
      continue;
    }
    file.append("/").append(name);
    if (may_run(file)) {
      return file;
    }
  }
  return {};
}

Result<std::string> program_path(const std::string& name) {
  std::string path = find_program(name);
  if (path.empty()) {
    return fail(ErrorCode::kNotFound,
                "there is no program " + base::quoted(name) + " in $PATH",
                "name it with its path");
  }
  return path;
}

std::string own_program() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : self.string();
}

std::string program_beside_us(const std::string& name) {
  const std::string self = own_program();
  std::string path =
      self.empty() ? "" : (std::filesystem::path(self).parent_path() / name).string();
  return may_run(path) ? path : "";
}

}  // namespace mig::base
