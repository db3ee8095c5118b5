// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: GET /v1/events, server-sent events. A client gets what it may see from now on,
// or, with Last-Event-ID, from there on: the newest kKept events are kept. Where that id is not
// known (the daemon was started anew, or too much happened), the first event is of type "reset":
// what the client knows may be out of date, and it has to read the state again.
//
// A client that does not read is dropped by the server (http::Limits); it comes back with the id of
// the last event that it has.
//
// Threading: as the server.
#ifndef MIGCTL_DAEMON_EVENTS_H_
#define MIGCTL_DAEMON_EVENTS_H_

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "mig/result.h"

#include "base/clock.h"
#include "http/router.h"
#include "model/tenants.h"
#include "wire/events.h"

namespace mig::daemon {

class Events {
 public:
  static constexpr std::size_t kKept = 1000;
  static constexpr std::size_t kMostClients = 256;
  static constexpr std::size_t kMostOfOne = 32;  // of a user
  static constexpr std::chrono::seconds kBeat{15};

  // `reader`: the tenant of who asks; an Error: they may not look.
  using Reader = std::function<Result<Tenant>(const http::Request&)>;
  // `counts`: whether the token with that id still counts.
  Events(wire::Source source,
         http::ErrorWriter writer,
         Reader reader,
         std::function<bool(const std::string& token)> counts,
         base::Clock& clock);

  // Adds the path. The router must not be used after this object's end.
  void add_to(http::Router& router);

  // To all who may see it: events with a tenant are for that tenant, operators and admins, others
  // get them without the owner or not at all (EventNews::others_see).
  void publish(wire::EventNews news);
  // Call about every second: keeps connections alive, ends those of tokens that count no more.
  void tick();
  // Ends all streams: who may see what has changed. Clients come back by themselves.
  void end_all();

  std::size_t clients() const { return clients_.size(); }

 private:
  struct Kept {
    std::uint64_t number = 0;
    std::string tenant, type;  // tenant: "" = for all
    std::string text;          // as it is sent
    std::string to_others;     // to those who do not see the tenant's own; "" = not
  };

  struct Client {
    std::weak_ptr<http::Stream> stream;
    std::string type;    // "" = all
    std::string tenant;  // whose events
    bool sees_all = false;
    std::string token;
    std::uint32_t uid = 0;
  };

  void begin(const http::Request& request, const http::Reply& reply);
  void replay(const std::shared_ptr<http::Stream>& stream,
              const Client& client,
              const std::string& last);
  // What that client gets of the event; nullptr: nothing.
  static const std::string* text_for(const Client& client, const Kept& event);
  std::string id_of(std::uint64_t number) const;
  std::string framed(const wire::EventNews& news, std::uint64_t number) const;
  void forget_ended();

  wire::Source source_;
  http::ErrorWriter writer_;
  Reader reader_;
  std::function<bool(const std::string&)> counts_;
  base::Clock& clock_;
  std::string epoch_;  // of this daemon: ids of another are not ours
  std::uint64_t last_ = 0;
  std::deque<Kept> kept_;
  std::list<Client> clients_;
  std::chrono::nanoseconds beaten_;
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_EVENTS_H_
