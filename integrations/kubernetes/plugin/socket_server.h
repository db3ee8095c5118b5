// SPDX-License-Identifier: Apache-2.0
// A gRPC server on one UNIX socket of mode 0600. Included by files of this room that use gRPC only.
// Threading: start and stop on one thread; services are called on gRPC's threads.
#ifndef MIGCTL_KUBERNETES_PLUGIN_SOCKET_SERVER_H_
#define MIGCTL_KUBERNETES_PLUGIN_SOCKET_SERVER_H_

#include <memory>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "mig/result.h"

#include "kubernetes/plugin/socket_place.h"

namespace mig::kube {

class SocketServer {
 public:
  // The services must outlive the server. Errors: of clear_stale_socket(); kIo.
  static Result<std::unique_ptr<SocketServer>> start(const std::string& path,
                                                     const std::vector<grpc::Service*>& services);
  // Ends calls that run on: the services' streams must have been told to end.
  ~SocketServer();
  SocketServer(const SocketServer&) = delete;
  SocketServer& operator=(const SocketServer&) = delete;
  SocketServer(SocketServer&&) = delete;
  SocketServer& operator=(SocketServer&&) = delete;

  const std::string& path() const { return path_; }

  // False when the socket's file was removed or replaced: nobody can connect any more.
  bool reachable() const { return identity(path_) == identity_; }

 private:
  SocketServer(std::string path, std::unique_ptr<grpc::Server> server);

  std::string path_;
  std::unique_ptr<grpc::Server> server_;
  FileIdentity identity_;
};

// Status of an Error, its text made printable.
grpc::Status status_of(const Error& error);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PLUGIN_SOCKET_SERVER_H_
