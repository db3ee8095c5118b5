// SPDX-License-Identifier: Apache-2.0
// What `mig-kubelet check` asks: a UNIX socket that tells each client in one line whether the
// program is ready, and why not. An answer at all means that the program lives.
#ifndef MIGCTL_KUBERNETES_MAIN_STATUS_SOCKET_H_
#define MIGCTL_KUBERNETES_MAIN_STATUS_SOCKET_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::kube {

class StatusSocket {
 public:
  // `trouble` is called on the socket's thread; "" = ready.
  static Result<std::unique_ptr<StatusSocket>> start(const std::string& path,
                                                     std::function<std::string()> trouble);
  ~StatusSocket();
  StatusSocket(const StatusSocket&) = delete;
  StatusSocket& operator=(const StatusSocket&) = delete;
  StatusSocket(StatusSocket&&) = delete;
  StatusSocket& operator=(StatusSocket&&) = delete;

 private:
  StatusSocket(std::string path, base::Fd listener, std::function<std::string()> trouble);
  void serve();

  std::string path_;
  base::Fd listener_;
  std::function<std::string()> trouble_;
  std::jthread thread_;
};

// Why the program that serves `path` is not ready; "" = it is. Errors: kIo: it does not answer.
Result<std::string> ask_status(const std::string& path);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_MAIN_STATUS_SOCKET_H_
