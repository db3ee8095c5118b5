// SPDX-License-Identifier: Apache-2.0
// For tests of this room: a folder of their own, and waiting for a condition.
#ifndef MIGCTL_KUBERNETES_PLUGIN_TEST_FOLDER_H_
#define MIGCTL_KUBERNETES_PLUGIN_TEST_FOLDER_H_

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>

#include <stdlib.h>

namespace mig::kube {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = "/tmp/mig-kube-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }

  ~TestFolder() { std::filesystem::remove_all(path_); }

  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  TestFolder(TestFolder&&) = delete;
  TestFolder& operator=(TestFolder&&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// True when `is` becomes true; the limit is generous, for a machine that is busy.
inline bool becomes(const std::function<bool()>& is) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!is()) {
    if (std::chrono::steady_clock::now() > until) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  return true;
}

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_TEST_FOLDER_H_
