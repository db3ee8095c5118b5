// SPDX-License-Identifier: Apache-2.0
#include "daemon/events.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/unix_time.h"

namespace mig::daemon {
namespace {

constexpr std::array<const char*, 6> kTypes{"layout", "lease", "job", "xid", "drift", "alert"};

}  // namespace

Events::Events(wire::Source source,
               http::ErrorWriter writer,
               Reader reader,
               std::function<bool(const std::string& token)> counts,
               base::Clock& clock)
    : source_(std::move(source)),
      writer_(std::move(writer)),
      reader_(std::move(reader)),
      counts_(std::move(counts)),
      clock_(clock),
      epoch_(fmt::format("{:x}", base::unix_ms(clock))),
      beaten_(clock.monotonic()) {}

void Events::add_to(http::Router& router) {
  router.add(
      "GET",
      "/v1/events",
      {"type"},
      [this](const http::Request& request, const http::Reply& reply) { begin(request, reply); });
}

void Events::begin(const http::Request& request, const http::Reply& reply) {
  const auto tenant = reader_(request);
  if (!tenant) {
    return reply(http::refusal(tenant.error(), writer_));
  }
  Client client;
  client.tenant = tenant->name;
  client.sees_all = tenant->role >= Role::kOperator;
  client.token = request.token;
  client.uid = request.peer.uid;
  if (const std::string* type = http::value_of(request, "type")) {
    client.type = *type;
    if (std::find(kTypes.begin(), kTypes.end(), *type) == kTypes.end()) {
      return reply(
          http::refusal(Error{ErrorCode::kUsage,
                              fmt::format("there are no events of type {}", base::quoted(*type)),
                              "layout, lease, job, xid, drift and alert are the types",
                              {},
                              {}},
                        writer_));
    }
  }
  forget_ended();
  const auto own = static_cast<std::size_t>(
      std::count_if(clients_.begin(), clients_.end(), [&](const Client& other) {
        return other.uid == client.uid;
      }));
  if (clients_.size() >= kMostClients || own >= kMostOfOne) {
    return reply(http::refusal(Error{ErrorCode::kNoCapacity,
                                     "too many clients have events open",
                                     "close some, or try again later",
                                     {},
                                     {}},
                               writer_));
  }
  const auto last = request.headers.find("last-event-id");
  http::Response response;
  response.content_type = "text/event-stream";
  response.headers.emplace_back("X-Accel-Buffering", "no");  // a proxy is to pass each on at once
  response.stream = [this, client, last = last == request.headers.end() ? "" : last->second](
                        const std::shared_ptr<http::Stream>& stream) mutable {
    client.stream = stream;
    replay(stream, client, last);
    clients_.push_back(std::move(client));
  };
  reply(std::move(response));
}

std::string Events::id_of(std::uint64_t number) const {
  return fmt::format("{}-{}", epoch_, number);
}

std::string Events::framed(const wire::EventNews& news, std::uint64_t number) const {
  const std::string id = id_of(number);
  return fmt::format(
      "id: {}\nevent: {}\ndata: {}\n\n", id, news.type, wire::event_document(news, id, source_));
}

// All since `last`, or that it is not known what that was. First how soon to come back.
void Events::replay(const std::shared_ptr<http::Stream>& stream,
                    const Client& client,
                    const std::string& last) {
  std::string text = "retry: 2000\n\n";
  const bool ours = last.starts_with(epoch_ + "-");
  const auto number = base::parse_decimal(ours ? last.substr(epoch_.size() + 1) : "", last_);
  const std::uint64_t oldest = last_ - kept_.size();
  const bool known = ours && number.has_value() && number.value_or(0) >= oldest;
  if (!last.empty() && !known) {
    wire::EventNews news;
    news.type = "reset";
    news.message = "what happened since is not known any more: read the state again";
    news.time_ms = base::unix_ms(clock_);
    text += framed(news, last_);
  }
  for (const Kept& event : kept_) {
    if (!known || event.number <= number.value_or(last_)) {
      continue;
    }
    if (const std::string* seen = text_for(client, event)) {
      text += *seen;
    }
  }
  stream->write(text);
}

const std::string* Events::text_for(const Client& client, const Kept& event) {
  if (!client.type.empty() && client.type != event.type) {
    return nullptr;
  }
  if (event.tenant.empty() || client.sees_all || event.tenant == client.tenant) {
    return &event.text;
  }
  return event.to_others.empty() ? nullptr : &event.to_others;
}

void Events::publish(wire::EventNews news) {
  if (news.time_ms == 0) {
    news.time_ms = base::unix_ms(clock_);
  }
  ++last_;
  Kept event{last_, news.tenant, news.type, framed(news, last_), {}};
  if (news.others_see && !news.tenant.empty()) {
    event.to_others = framed(wire::without_owner(news), last_);
  }
  kept_.push_back(std::move(event));
  if (kept_.size() > kKept) {
    kept_.pop_front();
  }
  for (const Client& client : clients_) {
    const auto stream = client.stream.lock();
    const std::string* seen = text_for(client, kept_.back());
    if (stream && seen != nullptr) {
      stream->write(*seen);
    }
  }
}

void Events::forget_ended() {
  std::erase_if(clients_, [](const Client& client) {
    const auto stream = client.stream.lock();
    return !stream || !stream->write("");
  });
}

void Events::tick() {
  for (const Client& client : clients_) {
    const auto stream = client.stream.lock();
    if (stream && !client.token.empty() && !counts_(client.token)) {
      stream->close();
    }
  }
  forget_ended();
  const auto now = clock_.monotonic();
  if (now - beaten_ < kBeat) {
    return;
  }
  beaten_ = now;
  for (const Client& client : clients_) {
    if (const auto stream = client.stream.lock()) {
      stream->write(": beat\n\n");  // a comment: proxies and clients see that the connection lives
    }
  }
}

void Events::end_all() {
  for (const Client& client : clients_) {
    if (const auto stream = client.stream.lock()) {
      stream->close();
    }
  }
  clients_.clear();
}

}  // namespace mig::daemon
