// SPDX-License-Identifier: Apache-2.0
// Inside of api/: the exchanges of an ApiClient, which another thread may interrupt.
// Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_API_CLIENT_IMPL_H_
#define MIGCTL_KUBERNETES_API_CLIENT_IMPL_H_

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kubernetes/api/client.h"
#include "kubernetes/api/kept_file.h"
#include "kubernetes/api/server_url.h"
#include "kubernetes/api/transfer.h"

namespace mig::kube {

inline constexpr std::size_t kMostBytesOfObject = 4 << 20;
inline constexpr std::size_t kMostBytesOfList = 64 << 20;

struct ApiClient::Impl {
  explicit Impl(ApiConfig with);

  // `target`: path and query. Credentials, the second try after a 401 and after a 429 with
  // Retry-After are here; any status is a success. A stream has the request's own time limits.
  Result<HttpAnswer> exchange(HttpRequest request, const std::string& target, Interrupt* interrupt);
  // The object of an answer 2xx.
  Result<base::Json> object(HttpRequest request, const std::string& target, Interrupt* interrupt);
  Result<base::Json> list(const std::string& path, const std::string& query, Interrupt* interrupt);

  const ApiConfig config;
  ServerUrl server;
  KeptFile token, ca, cert, key;

 private:
  // A transfer with its open connections, back in the pool at the end.
  class Lent;

  Result<HttpAnswer> once(HttpRequest& request, Interrupt* interrupt);
  Result<void> list_pages(const std::string& path,
                          const std::string& query,
                          Interrupt* interrupt,
                          base::Json& all,
                          bool& expired);

  std::mutex mutex_;
  std::vector<std::unique_ptr<Transfer>> idle_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_CLIENT_IMPL_H_
