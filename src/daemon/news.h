// SPDX-License-Identifier: Apache-2.0
// Inside of daemon/: what becomes an event: changes of the layout, what the lease store notes, and
// parts of the daemon that do their work no more. Threading: as the server, but layout_news().
#ifndef MIGCTL_DAEMON_NEWS_H_
#define MIGCTL_DAEMON_NEWS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mig/inventory.h"

#include "daemon/events.h"
#include "daemon/health.h"
#include "service/lease_desk.h"

namespace mig::daemon {

// An event for each GPU that differs: instances that came and went, modes. A pure function.
std::vector<wire::EventNews> layout_news(const Inventory& before,
                                         const Inventory& after,
                                         const std::string& cause);

// Publishes what is new since the last look.
class NewsDesk {
 public:
  NewsDesk(service::LeaseDesk& desk, const Health& health, Events& events)
      : desk_(desk), health_(health), events_(events) {}

  // Everything until now is old.
  void start();
  void look();

 private:
  void look_at_leases();
  void look_at_health();
  Result<std::vector<lease::Event>> newer_than(std::int64_t id) const;

  service::LeaseDesk& desk_;
  const Health& health_;
  Events& events_;
  std::int64_t last_ = 0;                       // id of the last lease event that was told
  std::map<std::string, std::string> trouble_;  // by part of the daemon
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_NEWS_H_
