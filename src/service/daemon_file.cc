// SPDX-License-Identifier: Apache-2.0
#include "service/daemon_file.h"

#include <unistd.h>

#include <fmt/format.h>

#include "base/file.h"
#include "base/own_path.h"

namespace mig::service {
namespace {

constexpr const char* kUsual = "/etc/migctl/migd.yaml";
constexpr std::size_t kMostBytes = 64U << 10U;

}  // namespace

Result<config::DaemonFile> read_daemon_file(const std::string& path) {
  const std::string file = path.empty() ? kUsual : path;
  if (::access(file.c_str(), F_OK) != 0) {
    if (path.empty()) {
      return config::DaemonFile();
    }
    return fail(ErrorCode::kNotFound, fmt::format("there is no configuration file {}", file));
  }
  MIG_TRY(base::only_trusted_write(file));
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, kMostBytes));
  return config::parse_daemon_file(text, file);
}

}  // namespace mig::service
