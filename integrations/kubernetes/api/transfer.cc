// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/transfer.h"

#include <algorithm>
#include <array>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/api/client.h"

namespace mig::kube {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// A peer that is gone without a word (a node that lost power) is noticed within a minute, also by a
// watch that has nothing to say.
constexpr long kKeepAliveIdleS = 20;
constexpr long kKeepAliveIntervalS = 5;
constexpr long kConnectionsKept = 2;
constexpr milliseconds kLongestWait{1'000};
constexpr const char* kUserAgent = "mig-kubelet/" MIG_VERSION;

struct Body {
  const HttpRequest* request = nullptr;
  CURL* easy = nullptr;
  HttpAnswer answer;
  Clock::time_point heard = Clock::now();
  bool begun = false;  // the stream
  bool too_large = false;
  bool ended = false;  // by the reader of the stream

  bool streams() const {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    return request->on_bytes && status == 200;
  }

  void begin() {
    if (!begun && request->on_begin) {
      request->on_begin();
    }
    begun = true;
  }
};

std::size_t take(char* data, std::size_t /*one*/, std::size_t size, void* context) {
  Body& body = *static_cast<Body*>(context);
  body.heard = Clock::now();
  if (body.streams()) {
    body.begin();
    body.ended = !body.request->on_bytes(std::string_view(data, size));
    return body.ended ? CURL_WRITEFUNC_ERROR : size;
  }
  if (body.answer.body.size() + size > body.request->most_bytes) {
    body.too_large = true;
    return CURL_WRITEFUNC_ERROR;
  }
  body.answer.body.append(data, size);
  return size;
}

void set_blob(CURL* easy, CURLoption option, const std::string& pem) {
  if (pem.empty()) {
    return;
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): the flag says that it is copied
  curl_blob blob{const_cast<char*>(pem.data()), pem.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

using List = std::unique_ptr<curl_slist, FreeList>;

void append(List& list, const std::string& line) {
  // On failure (no memory) the list is what it was.
  if (curl_slist* longer = curl_slist_append(list.get(), line.c_str()); longer != nullptr) {
    static_cast<void>(list.release());
    list.reset(longer);
  }
}

void set_method(CURL* easy, const HttpRequest& request) {
  if (request.method == "GET") {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_POST, 1L);
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.c_str());
}

void set_tls(CURL* easy, const Tls& tls) {
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, tls.verify ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, tls.verify ? 2L : 0L);
  set_blob(easy, CURLOPT_CAINFO_BLOB, tls.ca_pem);
  set_blob(easy, CURLOPT_SSLCERT_BLOB, tls.cert_pem);
  set_blob(easy, CURLOPT_SSLKEY_BLOB, tls.key_pem);
}

void set_connection(CURL* easy, const HttpRequest& request) {
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  // With HTTP/1.1 a request that fails closes its connection; a dead HTTP/2 connection would be
  // used again by the next one.
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveIdleS);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveIntervalS);
  curl_easy_setopt(
      easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_limit.count()));
  if (!request.socket.empty()) {
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request.socket.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
}

Error failure(const Body& body, CURLcode code, const char* detail) {
  const HttpRequest& request = *body.request;
  if (body.too_large) {
    return {ErrorCode::kTooLarge,
            fmt::format("the answer to {} {} is larger than {} bytes",
                        request.method,
                        request.url,
                        request.most_bytes),
            {},
            {},
            {}};
  }
  const std::string reason = *detail != '\0' ? detail : curl_easy_strerror(code);
  const bool late = code == CURLE_OPERATION_TIMEDOUT;
  return {late ? ErrorCode::kTimeout : ErrorCode::kIo,
          fmt::format("{} {} failed: {}", request.method, request.url, base::printable(reason)),
          {},
          {},
          {}};
}

}  // namespace

void Interrupt::set() {
  const std::lock_guard lock(mutex_);
  set_ = true;
  changed_.notify_all();
  if (multi_ != nullptr) {
    curl_multi_wakeup(multi_);
  }
}

bool Interrupt::pause(milliseconds duration) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, duration, [this] { return set_.load(); });
}

void Interrupt::attach(void* multi) {
  const std::lock_guard lock(mutex_);
  multi_ = multi;
}

struct Transfer::Impl {
  CURL* easy = nullptr;
  CURLM* multi = nullptr;
  std::array<char, CURL_ERROR_SIZE> detail{};

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  ~Impl() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  Result<void> drive(Body& body, const Interrupt* interrupt);
};

Transfer::Transfer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Transfer::~Transfer() = default;

Result<std::unique_ptr<Transfer>> Transfer::open() {
  static const CURLcode kGlobal = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto impl = std::make_unique<Impl>();
  impl->easy = curl_easy_init();
  impl->multi = curl_multi_init();
  if (kGlobal != CURLE_OK || impl->easy == nullptr || impl->multi == nullptr) {
    return fail(ErrorCode::kInternal, "libcurl does not initialise");
  }
  curl_multi_setopt(impl->multi, CURLMOPT_MAXCONNECTS, kConnectionsKept);
  return std::unique_ptr<Transfer>(new Transfer(std::move(impl)));
}

// The loop around an exchange that is set up: until its end, a limit or the interrupt.
Result<void> Transfer::Impl::drive(Body& body, const Interrupt* interrupt) {
  const HttpRequest& request = *body.request;
  for (int running = 1; running > 0;) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) {
      return fail(ErrorCode::kInternal, "libcurl does not go on");
    }
    if (running == 0) {
      break;
    }
    if (interrupt != nullptr && interrupt->is_set()) {
      return fail(ErrorCode::kIo, fmt::format("{} {} was stopped", request.method, request.url));
    }
    milliseconds wait = kLongestWait;
    if (request.idle_limit.count() > 0) {
      const auto idle = std::chrono::duration_cast<milliseconds>(Clock::now() - body.heard);
      if (idle >= request.idle_limit) {
        return fail(
            ErrorCode::kTimeout,
            fmt::format(
                "{} {} failed: nothing came for {} ms", request.method, request.url, idle.count()));
      }
      wait = std::min(wait, request.idle_limit - idle);
    }
    curl_multi_poll(multi, nullptr, 0, static_cast<int>(wait.count()) + 1, nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  if (message == nullptr || message->msg != CURLMSG_DONE) {
    return fail(ErrorCode::kInternal, "libcurl says nothing of an exchange that ended");
  }
  if (message->data.result != CURLE_OK && !body.ended) {
    return failure(body, message->data.result, detail.data());
  }
  return {};
}

Result<HttpAnswer> Transfer::run(const HttpRequest& request, Interrupt* interrupt) {
  CURL* easy = impl_->easy;
  curl_easy_reset(easy);  // connections stay
  impl_->detail.fill('\0');
  Body body;
  body.request = &request;
  body.easy = easy;
  List headers;
  for (const std::string& line : request.headers) {
    append(headers, line);
  }
  List connect_to;
  if (!request.connect_to.empty()) {
    append(connect_to, request.connect_to);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to.get());
  }
  curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(easy, CURLOPT_USERAGENT, kUserAgent);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, impl_->detail.data());
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  if (!request.bearer.empty()) {
    // Not as a header of ours: curl keeps a bearer token from proxies and other hosts.
    curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
    curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, request.bearer.c_str());
  }
  set_method(easy, request);
  set_tls(easy, request.tls);
  set_connection(easy, request);

  if (interrupt != nullptr) {
    interrupt->attach(impl_->multi);
  }
  curl_multi_add_handle(impl_->multi, easy);
  const Result<void> done = impl_->drive(body, interrupt);
  long status = 0;
  curl_off_t retry_after = 0;
  const char* location = nullptr;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after);
  curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &location);
  body.answer.status = static_cast<int>(status);
  body.answer.retry_after_s = retry_after;
  body.answer.location = location != nullptr ? location : "";
  if (done && body.streams()) {
    body.begin();
  }
  curl_multi_remove_handle(impl_->multi, easy);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy, CURLOPT_CONNECT_TO, nullptr);
  if (interrupt != nullptr) {
    interrupt->attach(nullptr);
  }
  MIG_TRY(done);
  return std::move(body.answer);
}

std::string percent_encoded(const std::string& text) {
  char* escaped = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  if (escaped == nullptr) {
    return {};
  }
  std::string out(escaped);
  curl_free(escaped);
  return out;
}

}  // namespace mig::kube
