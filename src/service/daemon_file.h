// SPDX-License-Identifier: Apache-2.0
// The daemon's configuration file, read from where it is (config/daemon_file.h has its form).
#ifndef MIGCTL_SERVICE_DAEMON_FILE_H_
#define MIGCTL_SERVICE_DAEMON_FILE_H_

#include <string>

#include "mig/result.h"

#include "config/daemon_file.h"

namespace mig::service {

// `path`: "" = /etc/migctl/migd.yaml, which may be missing. kPermission for a file that others than
// this user and root can change; kNotFound for one that was named and is not there.
Result<config::DaemonFile> read_daemon_file(const std::string& path);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_DAEMON_FILE_H_
