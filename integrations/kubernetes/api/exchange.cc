// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/api/answer.h"
#include "kubernetes/api/client_impl.h"

namespace mig::kube {
namespace {

using Moment = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kIdleTransfers = 8;
constexpr std::size_t kMostPages = 10'000;
constexpr int kPageObjects = 500;

// A token that would end its header and begin another one is no token.
Result<std::string> clean_token(std::string token) {
  while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ') {
    token.pop_back();
  }
  for (const char c : token) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return fail(ErrorCode::kInvalidInput, "the token has blanks or control characters in it");
    }
  }
  return token;
}

void pause(Interrupt* interrupt, milliseconds duration) {
  if (interrupt != nullptr) {
    interrupt->pause(duration);
  } else {
    std::this_thread::sleep_for(duration);
  }
}

std::string shown(const HttpRequest& request, const std::string& target) {
  return fmt::format("{} {}", base::lower(request.method), target.substr(0, target.find('?')));
}

Result<base::Json> parsed(const std::string& body, std::size_t most, const std::string& what) {
  MIG_ASSIGN_OR_RETURN(base::Json json, base::parse_json(body, {most, "the answer to " + what}));
  if (!json.is_object()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("the answer to {} is no object", what));
  }
  return json;
}

}  // namespace

class ApiClient::Impl::Lent {
 public:
  explicit Lent(Impl& of) : of_(of) {
    const std::lock_guard lock(of_.mutex_);
    if (!of_.idle_.empty()) {
      transfer_ = std::move(of_.idle_.back());
      of_.idle_.pop_back();
    }
  }

  ~Lent() {
    const std::lock_guard lock(of_.mutex_);
    if (transfer_ && of_.idle_.size() < kIdleTransfers) {
      of_.idle_.push_back(std::move(transfer_));
    }
  }

  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  Lent(Lent&&) = delete;
  Lent& operator=(Lent&&) = delete;

  Result<Transfer*> get() {
    if (!transfer_) {
      MIG_ASSIGN_OR_RETURN(transfer_, Transfer::open());
    }
    return transfer_.get();
  }

 private:
  Impl& of_;
  std::unique_ptr<Transfer> transfer_;
};

ApiClient::Impl::Impl(ApiConfig with)
    : config(std::move(with)),
      token(config.token_file),
      ca(config.ca_file),
      cert(config.client_cert_file),
      key(config.client_key_file) {}

Result<HttpAnswer> ApiClient::Impl::once(HttpRequest& request, Interrupt* interrupt) {
  const auto or_inline = [](KeptFile& file, const std::string& data) -> Result<std::string> {
    MIG_ASSIGN_OR_RETURN(std::string text, file.content());
    return text.empty() ? data : text;
  };
  MIG_ASSIGN_OR_RETURN(request.tls.ca_pem, or_inline(ca, config.ca_data));
  MIG_ASSIGN_OR_RETURN(request.tls.cert_pem, or_inline(cert, config.client_cert_data));
  MIG_ASSIGN_OR_RETURN(request.tls.key_pem, or_inline(key, config.client_key_data));
  request.tls.verify = !config.skip_tls_verify;
  MIG_ASSIGN_OR_RETURN(std::string bearer, token.content());
  MIG_ASSIGN_OR_RETURN(request.bearer, clean_token(bearer.empty() ? config.token : bearer));
  Lent lent(*this);
  MIG_ASSIGN_OR_RETURN(Transfer * transfer, lent.get());
  return transfer->run(request, interrupt);
}

Result<HttpAnswer> ApiClient::Impl::exchange(HttpRequest request,
                                             const std::string& target,
                                             Interrupt* interrupt) {
  const auto end = Moment::now() + config.timeout;
  const bool stream = static_cast<bool>(request.on_bytes);
  request.url = server.base + target;
  request.connect_to = server.connect_to;
  request.connect_limit = std::min(request.connect_limit, config.timeout);
  request.headers.emplace_back("Accept: application/json");
  if (!server.host.empty()) {
    request.headers.push_back("Host: " + server.host);
  }
  const auto left = [&] {
    return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(end - Moment::now()));
  };
  if (!stream) {
    request.total_limit = left();
  }
  MIG_ASSIGN_OR_RETURN(HttpAnswer answer, once(request, interrupt));
  const std::string sent = request.bearer;
  const milliseconds wait = answer.retry_after_s * config.second;
  const bool busy = answer.status == kTooManyRequests && answer.retry_after_s > 0 &&
                    answer.retry_after_s < 3600 && wait < left() && !is_disruption_budget(answer);
  if (answer.status == 401) {
    // The token was exchanged just now, perhaps within the same second and at the same size.
    MIG_ASSIGN_OR_RETURN(const std::string now, token.content(true));
    MIG_ASSIGN_OR_RETURN(const std::string fresh, clean_token(now));
    if (fresh.empty() || fresh == sent) {
      return answer;
    }
  } else if (busy) {
    pause(interrupt, wait);
  } else {
    return answer;
  }
  if (!stream) {
    request.total_limit = left();
  }
  return once(request, interrupt);
}

Result<base::Json> ApiClient::Impl::object(HttpRequest request,
                                           const std::string& target,
                                           Interrupt* interrupt) {
  const std::string what = shown(request, target);
  MIG_ASSIGN_OR_RETURN(const HttpAnswer answer, exchange(std::move(request), target, interrupt));
  if (answer.status / 100 != 2) {
    return refusal(answer, what);
  }
  return parsed(answer.body, kMostBytesOfObject, what);
}

// `expired`: the list is too old to be continued (410): it is to begin anew.
Result<void> ApiClient::Impl::list_pages(const std::string& path,
                                         const std::string& query,
                                         Interrupt* interrupt,
                                         base::Json& all,
                                         bool& expired) {
  const std::string what = "list " + path;
  std::size_t bytes = 0;
  std::string next;
  for (std::size_t page = 0; page < kMostPages; ++page) {
    std::string target = fmt::format("{}?limit={}", path, kPageObjects);
    target += query.empty() ? "" : "&" + query;
    target += next.empty() ? "" : "&continue=" + percent_encoded(next);
    HttpRequest request;
    request.most_bytes = kMostBytesOfList - bytes;
    MIG_ASSIGN_OR_RETURN(const HttpAnswer answer, exchange(std::move(request), target, interrupt));
    expired = answer.status == kGone && !next.empty();
    if (answer.status != 200) {
      return refusal(answer, what);
    }
    bytes += answer.body.size();
    MIG_ASSIGN_OR_RETURN(base::Json json, parsed(answer.body, kMostBytesOfList, what));
    const auto items = json.find("items");
    const std::string version = metadata_text(json, "resourceVersion");
    if (items == json.end() || !(items->is_array() || items->is_null()) || version.empty()) {
      return fail(ErrorCode::kInvalidInput, fmt::format("the answer to {} is no list", what));
    }
    for (base::Json& item : *items) {
      all["items"].push_back(std::move(item));
    }
    all["metadata"]["resourceVersion"] = version;
    next = metadata_text(json, "continue");
    if (next.empty()) {
      return {};
    }
  }
  return fail(ErrorCode::kTooLarge, fmt::format("the answer to {} does not end", what));
}

Result<base::Json> ApiClient::Impl::list(const std::string& path,
                                         const std::string& query,
                                         Interrupt* interrupt) {
  for (int round = 0;; ++round) {
    base::Json all = {{"metadata", base::Json::object()}, {"items", base::Json::array()}};
    bool expired = false;
    const Result<void> done = list_pages(path, query, interrupt, all, expired);
    if (done) {
      return all;
    }
    if (!expired || round > 0) {
      return done.error();
    }
  }
}

}  // namespace mig::kube
