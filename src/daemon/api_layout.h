// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: who asks; a layout file planned, and carried out by admins who saw that plan.
// Threading: as the API; plans are made and carried out by the driver's thread.
#ifndef MIGCTL_DAEMON_API_LAYOUT_H_
#define MIGCTL_DAEMON_API_LAYOUT_H_

#include "daemon/api.h"

namespace mig::daemon {

class LayoutApi {
 public:
  LayoutApi(Api& api, wire::Source source) : api_(api), source_(std::move(source)) {}

  // Adds the paths. The router must not be used after this object's end.
  void add_to(http::Router& router);

 private:
  void me(const http::Request& request, const http::Reply& reply);
  void plan(const http::Request& request, const http::Reply& reply);
  void apply(const http::Request& request, const http::Reply& reply);

  http::Response refused(const Error& error) const {
    return http::refusal(error, error_writer(source_));
  }

  Api& api_;
  wire::Source source_;
  bool applying_ = false;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_API_LAYOUT_H_
