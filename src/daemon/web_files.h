// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: the files of web/, which the build makes part of the program
// (embed_web.cmake).
#ifndef MIGCTL_DAEMON_WEB_FILES_H_
#define MIGCTL_DAEMON_WEB_FILES_H_

#include <span>
#include <string_view>

namespace mig::daemon {

struct WebFile {
  std::string_view name;  // "main.js"
  std::string_view text;
};

extern const std::span<const WebFile> kWebFiles;

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_WEB_FILES_H_
