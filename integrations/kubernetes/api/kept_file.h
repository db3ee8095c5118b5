// SPDX-License-Identifier: Apache-2.0
// Inside of api/: the content of a small file that others exchange while we run (a token, a
// certificate): read again when the file is another one.
//
// Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_API_KEPT_FILE_H_
#define MIGCTL_KUBERNETES_API_KEPT_FILE_H_

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "mig/result.h"

namespace mig::kube {

class KeptFile {
 public:
  explicit KeptFile(std::string path) : path_(std::move(path)) {}

  // "" without a path. While the file cannot be read (it is being exchanged), what it had before.
  // `anew`: whatever the file's time and size say.
  Result<std::string> content(bool anew = false);

 private:
  struct Stamp {
    std::uint64_t device = 0, inode = 0;
    std::int64_t size = 0, second = 0, nanosecond = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };

  std::optional<Stamp> stamp() const;

  const std::string path_;
  std::mutex mutex_;
  std::optional<Stamp> stamp_;
  std::optional<std::string> content_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_KEPT_FILE_H_
