// SPDX-License-Identifier: Apache-2.0
// The stream of migd's events: docs/reference/api.md.
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "kubernetes/api/answer.h"
#include "kubernetes/api/backoff.h"
#include "kubernetes/api/lines.h"
#include "kubernetes/api/transfer.h"
#include "kubernetes/api/watch.h"

namespace mig::kube {
namespace {

constexpr std::size_t kMostBytesOfEvent = 1 << 20;

}  // namespace

struct DaemonEvents::Impl {
  Impl(std::string at, Handlers to, Pace times)
      : socket(std::move(at)),
        handlers(std::move(to)),
        pace(times),
        trouble(handlers.on_state),
        backoff(pace) {}

  void run();
  Result<void> once(Transfer& transfer);
  bool line(std::string_view text);
  void begun();

  const std::string socket;
  const Handlers handlers;
  const Pace pace;
  Interrupt stop;
  Trouble trouble;
  Backoff backoff;
  ServerEvents events;
  bool fresh = false;  // nothing came since on_reset
  std::optional<Error> line_error;
  std::thread thread;  // last: it uses all the others
};

void DaemonEvents::Impl::begun() {
  backoff.reset();
  trouble.works();
  fresh = true;
  if (handlers.on_reset && !stop.is_set()) {
    handlers.on_reset();
  }
}

bool DaemonEvents::Impl::line(std::string_view text) {
  if (!events.line(text)) {
    if (events.bytes() > kMostBytesOfEvent) {
      line_error = Error{ErrorCode::kTooLarge, "an event of migd is too large", {}, {}, {}};
    }
    return !line_error;
  }
  const ServerEvent& event = events.event();
  const bool first = std::exchange(fresh, false);
  if (event.type == "reset") {
    if (!first && handlers.on_reset) {
      handlers.on_reset();
    }
    return !stop.is_set();
  }
  const auto document = base::parse_json(event.data, {kMostBytesOfEvent, "an event of migd"});
  if (!document) {
    line_error = document.error();
    return false;
  }
  if (handlers.on_event) {
    handlers.on_event(*document);
  }
  return !stop.is_set();
}

Result<void> DaemonEvents::Impl::once(Transfer& transfer) {
  HttpRequest request;
  request.url = "http://localhost/v1/events";
  request.socket = socket;
  request.total_limit = std::chrono::milliseconds(0);
  request.idle_limit = pace.silence;
  request.headers = {"Accept: text/event-stream"};
  if (!events.last_id().empty()) {
    request.headers.push_back("Last-Event-ID: " + events.last_id());
  }
  events.reconnected();
  line_error.reset();
  Lines lines(kMostBytesOfEvent, [this](std::string_view text) { return line(text); });
  request.on_bytes = [&lines](std::string_view bytes) { return lines.feed(bytes); };
  request.on_begin = [this] { begun(); };
  const Result<HttpAnswer> answer = transfer.run(request, &stop);
  if (line_error) {
    return *line_error;
  }
  MIG_TRY(answer);
  if (lines.too_long()) {
    return fail(ErrorCode::kTooLarge, "an event of migd is too large");
  }
  if (answer->status != 200) {
    return fail(
        ErrorCode::kIo,
        fmt::format("migd on {} answers {} to a request for its events", socket, answer->status));
  }
  return fail(ErrorCode::kIo, fmt::format("migd on {} ended the stream of events", socket));
}

void DaemonEvents::Impl::run() {
  const Result<std::unique_ptr<Transfer>> transfer = Transfer::open();
  if (!transfer) {
    trouble.failed(transfer.error().text());
    return;
  }
  while (!stop.is_set()) {
    if (const Result<void> ended = once(**transfer); !ended && !stop.is_set()) {
      trouble.failed(ended.error().text());
      stop.pause(backoff.pause());
    }
  }
}

DaemonEvents::DaemonEvents(std::string socket, Handlers handlers, Pace pace)
    : impl_(std::make_unique<Impl>(std::move(socket), std::move(handlers), pace)) {
  impl_->thread = std::thread([this] { impl_->run(); });
}

DaemonEvents::~DaemonEvents() {
  impl_->stop.set();
  impl_->thread.join();
}

}  // namespace mig::kube
