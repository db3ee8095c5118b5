// SPDX-License-Identifier: Apache-2.0
// Inside of api/: one HTTP exchange by libcurl, whole or as a stream of bytes, that another thread
// can interrupt. Redirects are not followed.
//
// Threading: a Transfer is for one thread at a time; Interrupt is thread-safe.
#ifndef MIGCTL_KUBERNETES_API_TRANSFER_H_
#define MIGCTL_KUBERNETES_API_TRANSFER_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

namespace mig::kube {

// Ends the exchanges that run with it, and those that begin later, at once.
class Interrupt {
 public:
  void set();

  bool is_set() const { return set_; }

  // Waits, at most until it is set; returns whether it is.
  bool pause(std::chrono::milliseconds duration);

 private:
  friend class Transfer;
  void attach(void* multi);

  std::atomic<bool> set_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  void* multi_ = nullptr;  // of the exchange under way
};

struct Tls {
  std::string ca_pem;  // "" = the system's
  std::string cert_pem, key_pem;
  bool verify = true;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;
  std::string body;
  std::string bearer;      // "" = none
  std::string connect_to;  // as of CURLOPT_CONNECT_TO; "" = where the URL says
  std::string socket;      // a UNIX socket instead of TCP; never through a proxy
  Tls tls;
  std::chrono::milliseconds connect_limit{5'000};
  std::chrono::milliseconds total_limit{10'000};
  std::chrono::milliseconds idle_limit{0};  // without a byte; 0 = none
  std::size_t most_bytes = 4 << 20;         // of a body that is kept
  // A stream: with status 200 the body goes here, piece by piece, and is not kept. false ends it.
  std::function<bool(std::string_view)> on_bytes = {};
  std::function<void()> on_begin = {};  // before its first piece, or at its end without one
};

struct HttpAnswer {
  int status = 0;
  std::string body;
  std::int64_t retry_after_s = 0;  // 0 = the server does not say
  std::string location;
};

class Transfer {
 public:
  static Result<std::unique_ptr<Transfer>> open();
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  Transfer(Transfer&&) = delete;
  Transfer& operator=(Transfer&&) = delete;

  // Any status is a success. Errors: kTimeout, kTooLarge, kIo (unreachable, TLS, cut, interrupted).
  Result<HttpAnswer> run(const HttpRequest& request, Interrupt* interrupt);

  struct Impl;

 private:
  explicit Transfer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_TRANSFER_H_
