// SPDX-License-Identifier: Apache-2.0
// Lines on standard error. Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_MAIN_LOG_H_
#define MIGCTL_KUBERNETES_MAIN_LOG_H_

#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "kubernetes/plugin/tell.h"

namespace mig::kube {

// `ms`: since 1970. Text: "2026-11-29T23:06:01.123Z warning words"; else one JSON object.
std::string log_line(std::int64_t ms, Weight weight, const std::string& words, bool json);

class Log {
 public:
  explicit Log(bool json) : json_(json) {}

  void say(Weight weight, const std::string& words);

  // A state of `topic` that lasts: said when it begins or changes, once a minute while it lasts,
  // and when it is over ("" = it is well).
  void state(const std::string& topic, const std::string& trouble);

  Tell tell() {
    return [this](Weight weight, const std::string& words) { say(weight, words); };
  }

 private:
  struct Told {
    std::string trouble;
    std::chrono::steady_clock::time_point at;
  };

  bool json_;
  std::mutex mutex_;
  std::map<std::string, Told> told_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_LOG_H_
