// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/watch.h"

#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "kubernetes/api/answer.h"
#include "kubernetes/api/backoff.h"
#include "kubernetes/api/client_impl.h"
#include "kubernetes/api/lines.h"

namespace mig::kube {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostBytesOfLine = 4 << 20;
constexpr unsigned kHastyEnds = 3;

}  // namespace

struct Watcher::Impl {
  Impl(ApiClient& of, std::string at, std::string with, WatchHandlers to, Pace times)
      : api(of.impl()),
        path(std::move(at)),
        query(std::move(with)),
        handlers(std::move(to)),
        pace(times),
        trouble(handlers.on_state),
        backoff(pace) {}

  void run();
  bool list();
  void watch();
  Result<HttpAnswer> stream(Lines& lines);
  bool line(std::string_view text);
  void failed(const std::string& why);
  void worked();

  ApiClient::Impl& api;
  const std::string path, query;
  const WatchHandlers handlers;
  const Pace pace;
  Interrupt stop;
  Trouble trouble;
  Backoff backoff;
  std::string version;  // that everything up to is known of; "" = list anew
  bool moved = false;   // the watch under way brought something
  bool gone = false;    // the server does not know `version` any more
  unsigned hasty = 0;   // watches in a row that ended as soon as they began
  std::optional<Error> line_error;
  std::thread thread;  // last: it uses all the others
};

void Watcher::Impl::failed(const std::string& why) {
  if (!stop.is_set()) {
    trouble.failed(why);
    stop.pause(backoff.pause());
  }
}

void Watcher::Impl::worked() {
  hasty = 0;
  backoff.reset();
  trouble.works();
}

void Watcher::Impl::run() {
  while (!stop.is_set()) {
    if (!version.empty() || list()) {
      watch();
    }
  }
}

bool Watcher::Impl::list() {
  const Result<base::Json> all = api.list(path, query, &stop);
  if (!all) {
    failed(all.error().text());
    return false;
  }
  version = metadata_text(*all, "resourceVersion");
  if (stop.is_set()) {
    return false;
  }
  trouble.works();
  if (handlers.on_list) {
    const base::Json& items = all->at("items");
    handlers.on_list(std::vector<base::Json>(items.begin(), items.end()));
  }
  return true;
}

// A line of a watch; false: this watch is over, `line_error` says why.
bool Watcher::Impl::line(std::string_view text) {
  if (text.empty()) {
    return true;
  }
  auto event = base::parse_json(text, {kMostBytesOfLine, "an event of " + path});
  const auto no_event = [&] {
    line_error = Error{ErrorCode::kInvalidInput, "no event of a watch of " + path, {}, {}, {}};
    return false;
  };
  if (!event) {
    line_error = event.error();
    return false;
  }
  if (!event->is_object() || !event->contains("type") || !event->at("type").is_string() ||
      !event->contains("object") || !event->at("object").is_object()) {
    return no_event();
  }
  const std::string type = event->at("type").get<std::string>();
  const base::Json& object = event->at("object");
  if (type == "ERROR") {
    line_error = refusal(object, "watch " + path);
    gone = object.contains("code") && object.at("code") == kGone;
    return false;
  }
  const std::string next = metadata_text(object, "resourceVersion");
  if (next.empty()) {
    return no_event();
  }
  if (!std::exchange(moved, true)) {
    worked();
  }
  // A later kind of event is news of an object too, but not one that we know what to do with.
  const bool known = type == "ADDED" || type == "MODIFIED" || type == "DELETED";
  if (known && handlers.on_event && !stop.is_set()) {
    handlers.on_event(type, object);
  }
  version = next;
  return !stop.is_set();
}

Result<HttpAnswer> Watcher::Impl::stream(Lines& lines) {
  const auto seconds = std::max<std::int64_t>(1, pace.watch.count() / 1000);
  std::string target =
      fmt::format("{}?watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
                  path,
                  percent_encoded(version),
                  seconds);
  target += query.empty() ? "" : "&" + query;
  HttpRequest request;
  request.total_limit = pace.watch + pace.grace;
  request.on_bytes = [&lines](std::string_view bytes) { return lines.feed(bytes); };
  // That it was begun says little: the back-off is over when something came, or it lasted.
  request.on_begin = [this] {
    if (hasty < kHastyEnds) {
      trouble.works();
    }
  };
  return api.exchange(std::move(request), target, &stop);
}

void Watcher::Impl::watch() {
  moved = false;
  gone = false;
  line_error.reset();
  Lines lines(kMostBytesOfLine, [this](std::string_view text) { return line(text); });
  const auto begun = std::chrono::steady_clock::now();
  const Result<HttpAnswer> ended = stream(lines);
  if (stop.is_set()) {
    return;
  }
  if (lines.too_long()) {
    line_error =
        Error{ErrorCode::kTooLarge,
              fmt::format("an event of {} is longer than {} bytes", path, kMostBytesOfLine),
              {},
              {},
              {}};
  }
  if (gone || (ended && ended->status == kGone)) {
    version.clear();
    // Not a failure, but a server that says so of a list just made must not be asked in a loop.
    stop.pause(backoff.pause());
    return;
  }
  if (line_error) {
    version.clear();  // what was missed is not known
    return failed(line_error->text());
  }
  if (!ended) {
    return failed(ended.error().text());
  }
  if (ended->status != 200) {
    return failed(refusal(*ended, "watch " + path).text());
  }
  const bool lasted = std::chrono::steady_clock::now() - begun >= pace.first_pause;
  if (moved || lasted) {
    return worked();
  }
  if (++hasty < kHastyEnds) {  // the server is going down, say
    stop.pause(backoff.pause());
    return;
  }
  failed(fmt::format("each watch of {} ends as soon as it begins", path));
}

Watcher::Watcher(
    ApiClient& api, std::string path, std::string query, WatchHandlers handlers, Pace pace)
    : impl_(std::make_unique<Impl>(
          api, std::move(path), std::move(query), std::move(handlers), pace)) {
  impl_->thread = std::thread([this] { impl_->run(); });
}

Watcher::~Watcher() {
  impl_->stop.set();
  impl_->thread.join();
}

}  // namespace mig::kube
