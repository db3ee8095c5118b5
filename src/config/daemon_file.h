// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration file, /etc/migctl/migd.yaml. Parsed strictly: an unknown key or a
// value of another kind is an error with file:line:column. What the command line says goes before.
// docs/reference/api.md.
#ifndef MIGCTL_CONFIG_DAEMON_FILE_H_
#define MIGCTL_CONFIG_DAEMON_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::config {

// What the file says; "" and nullopt = nothing.
struct DaemonFile {
  std::string socket, tenants, guard_nodes;
  std::vector<std::string> listen, hosts;
  std::string tls_certificate, tls_key, tokens;
  std::optional<std::int64_t> keep_open_ms;
  // Of the sampler (--sample), DCGM's names ("off", "legacy", "4.9"), ids of batch jobs.
  std::optional<std::int64_t> sample_ms;
  bool sample_off = false;
  std::string dcgm, hpc_jobs;
  // Activity by a DCGM host engine ("off", "auto", "require"), and where that listens.
  std::string dcgm_activity, dcgm_engine;

  friend bool operator==(const DaemonFile&, const DaemonFile&) = default;
};

// The range of the sampler's interval.
inline constexpr std::int64_t kShortestSampleMs = 100;
inline constexpr std::int64_t kLongestSampleMs = 60'000;

// `file` is used in messages only.
Result<DaemonFile> parse_daemon_file(std::string_view text, std::string_view file);

}  // namespace mig::config

#endif  // MIGCTL_CONFIG_DAEMON_FILE_H_
