// SPDX-License-Identifier: Apache-2.0
// Inside of api/: where the API server is, from its URL. Threading: pure.
#ifndef MIGCTL_KUBERNETES_API_SERVER_URL_H_
#define MIGCTL_KUBERNETES_API_SERVER_URL_H_

#include <string>

#include "mig/result.h"

namespace mig::kube {

struct ServerUrl {
  std::string base;        // before a path; with the name that the certificate must have
  std::string connect_to;  // where it is, when that is not what `base` says
  std::string host;        // for the header Host; "" = as in `base`
};

// kInvalidInput: no URL, another scheme, a password in it, or http to another machine (a token
// would travel unencrypted). `tls_name`: "" = the server's own.
Result<ServerUrl> server_url(const std::string& server, const std::string& tls_name);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_SERVER_URL_H_
