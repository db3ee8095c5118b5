// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: the dashboard's files (web/), at / and below /web/. They hold no data, so they
// need no token; what they show comes from /v1, as any client gets it.
//
// Threading: as the server.
#ifndef MIGCTL_DAEMON_PAGE_H_
#define MIGCTL_DAEMON_PAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "http/assets.h"
#include "http/server.h"

namespace mig::daemon {

class Page {
 public:
  explicit Page(http::ErrorWriter writer);
  Page(const Page&) = delete;
  Page& operator=(const Page&) = delete;
  Page(Page&&) = delete;
  Page& operator=(Page&&) = delete;
  ~Page() = default;

  bool has(const http::Request& request) const { return assets_->has(request.path); }

  // nullopt: the path is none of the page's.
  std::optional<http::Response> answer(const http::Request& request);

 private:
  std::vector<std::string> paths_;
  std::optional<http::Assets> assets_;  // refers to paths_
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_PAGE_H_
