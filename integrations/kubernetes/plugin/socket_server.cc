// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/plugin/socket_server.h"

#include <sys/stat.h>

#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "base/fd.h"
#include "base/strings.h"

namespace mig::kube {
namespace {

constexpr int kMostMessageBytes = 1 << 20;
constexpr int kMostThreads = 256;
// A kubelet gives up after 45 s; the program ends within 5 s.
constexpr std::chrono::seconds kDrain{3};
constexpr mode_t kSocketMode = 0600;

grpc::StatusCode code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
    case ErrorCode::kInvalidInput:
    case ErrorCode::kTooLarge:
      return grpc::StatusCode::INVALID_ARGUMENT;
    case ErrorCode::kNotFound:
    case ErrorCode::kNothingMatched:
      return grpc::StatusCode::NOT_FOUND;
    case ErrorCode::kInUse:
    case ErrorCode::kConflict:
      return grpc::StatusCode::FAILED_PRECONDITION;
    case ErrorCode::kNoCapacity:
      return grpc::StatusCode::RESOURCE_EXHAUSTED;
    case ErrorCode::kPermission:
      return grpc::StatusCode::PERMISSION_DENIED;
    case ErrorCode::kTimeout:
      return grpc::StatusCode::DEADLINE_EXCEEDED;
    case ErrorCode::kNoDriver:
    case ErrorCode::kIo:
      return grpc::StatusCode::UNAVAILABLE;
    default:
      return grpc::StatusCode::INTERNAL;
  }
}

}  // namespace

SocketServer::SocketServer(std::string path, std::unique_ptr<grpc::Server> server)
    : path_(std::move(path)), server_(std::move(server)), identity_(identity(path_)) {}

Result<std::unique_ptr<SocketServer>> SocketServer::start(
    const std::string& path, const std::vector<grpc::Service*>& services) {
  MIG_TRY(clear_stale_socket(path));
  grpc::ServerBuilder builder;
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kMostThreads);
  builder.SetResourceQuota(quota);
  builder.SetMaxReceiveMessageSize(kMostMessageBytes);
  builder.AddListeningPort("unix:" + path, grpc::InsecureServerCredentials());
  for (auto* service : services) {
    builder.RegisterService(service);
  }
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (!server) {
    return fail(ErrorCode::kIo, fmt::format("cannot listen on {}: gRPC refused it", path));
  }
  // The folder keeps others out until here.
  if (::chmod(path.c_str(), kSocketMode) != 0) {
    return base::errno_error("set the mode of", path, errno);
  }
  return std::unique_ptr<SocketServer>(new SocketServer(path, std::move(server)));
}

SocketServer::~SocketServer() {
  const bool ours = reachable();
  // What is there by now may be another server's: gRPC removes its socket by name alone.
  const std::string aside = path_ + ".other";
  const bool moved =
      !ours && identity(path_).there() && ::rename(path_.c_str(), aside.c_str()) == 0;
  server_->Shutdown(std::chrono::system_clock::now() + kDrain);
  server_->Wait();
  server_.reset();
  if (moved) {
    (void)::rename(aside.c_str(), path_.c_str());
  }
}

grpc::Status status_of(const Error& error) {
  std::string text = base::printable(error.text());
  if (!error.hint.empty()) {
    text += " (" + base::printable(error.hint) + ")";
  }
  return {code_of(error.code), text};
}

}  // namespace mig::kube
