// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: what TCP adds to the daemon: its listeners, and the check of each request
// before the API sees it. Threading: as the server.
#ifndef MIGCTL_DAEMON_WEB_H_
#define MIGCTL_DAEMON_WEB_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "daemon/access.h"
#include "daemon/daemon.h"
#include "daemon/page.h"
#include "http/server.h"

namespace mig::daemon {

class Web {
 public:
  Web(const WebOptions& options,
      http::ErrorWriter writer,
      std::function<void(const std::string&)> log);

  // The handler with the check before it. The dashboard's files are answered here, without a token.
  http::Handler checked(http::Handler handler);
  // Listens where the options say, and on what systemd passed. kPermission for an address that
  // other machines reach without TLS, unless the options say otherwise (a text with http).
  Result<void> listen(http::Server& server);
  // Takes the names of hosts from `next`, and reads the certificate again. On an error the old ones
  // stay; what else differs takes a restart, which the log says.
  void reload(const Result<WebOptions>& next);

  TokenBook& tokens() { return tokens_; }

 private:
  void log(const std::string& line) const;
  Result<void> listen_at(http::Server& server, const std::string& text) const;
  // `text`: as the administrator named it.
  Result<void> serve(http::Server& server,
                     http::TcpListener listener,
                     const std::string& text) const;

  WebOptions options_;
  TokenBook tokens_;
  Access access_;
  Page page_;
  std::shared_ptr<http::Tls> tls_;
  std::function<void(const std::string&)> log_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_WEB_H_
