// SPDX-License-Identifier: Apache-2.0
// Wakes a thread up when something appears in, or vanishes from, one of a few folders. It only says
// when to look again; what is there is for the caller to see. A folder that does not exist yet is
// watched from when it does. Threading: wait() on one thread, wake() on any.
#ifndef MIGCTL_KUBERNETES_PLUGIN_FOLDER_WATCH_H_
#define MIGCTL_KUBERNETES_PLUGIN_FOLDER_WATCH_H_

#include <chrono>
#include <string>
#include <vector>

#include "base/fd.h"

namespace mig::kube {

class FolderWatch {
 public:
  explicit FolderWatch(std::vector<std::string> folders);

  // Returns after a change, after wake(), or after `patience`; never later.
  void wait(std::chrono::milliseconds patience);
  void wake() const;

 private:
  void watch_all() const;

  std::vector<std::string> folders_;
  base::Fd inotify_, wake_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_FOLDER_WATCH_H_
