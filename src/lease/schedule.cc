// SPDX-License-Identifier: Apache-2.0
#include "lease/schedule.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "lease/order.h"
#include "lease/reasons.h"

namespace mig::lease {
namespace {

// Assumed length of a request without a limit, for the order of this pass.
constexpr std::int64_t kAssumedMs = 3'600'000;

std::optional<std::int64_t> later(std::optional<std::int64_t> a, std::optional<std::int64_t> b) {
  return a && b ? std::optional(std::max(*a, *b)) : std::nullopt;
}

// Reservations of one instance: the first starts at `start_ms` (nullopt: unknown), the last ends at
// `end_ms` (nullopt: unknown).
struct Promises {
  bool any = false;
  std::optional<std::int64_t> start_ms, end_ms;

  void add(std::optional<std::int64_t> start, std::optional<std::int64_t> end) {
    if (!any) {
      *this = {true, start, end};
      return;
    }
    start_ms = start_ms && start ? std::optional(std::min(*start_ms, *start)) : std::nullopt;
    end_ms = later(end_ms, end);
  }

  // True when using the instance now for so long delays no reservation.
  bool kept_by(std::optional<std::int64_t> limit_ms) const {
    return !any || (start_ms && limit_ms && *limit_ms <= *start_ms);
  }
};

struct Place {
  const Seat* seat = nullptr;
  std::vector<HeldBy> held;  // including grants of this pass
  Promises promises;
};

// When a request could have the instance if nothing were reserved; 0 = now.
std::optional<std::int64_t> free_in(const Place& place, std::uint32_t shared) {
  if (!place.seat->busy.empty() && place.held.empty()) {
    return std::nullopt;
  }
  const bool joins = shared > 1 && std::all_of(place.held.begin(),
                                               place.held.end(),
                                               [&](const HeldBy& h) { return h.shared == shared; });
  if (joins && place.held.size() < shared) {
    return 0;
  }
  std::optional<std::int64_t> all = 0;
  std::optional<std::int64_t> first;
  for (const HeldBy& held : place.held) {
    // A lease that is about to end still occupies the instance.
    std::optional<std::int64_t> left = held.left_ms;
    if (left) {
      left = std::max<std::int64_t>(*left, 1);
    }
    all = later(all, left);
    if (left) {
      first = first ? std::min(*first, *left) : *left;
    }
  }
  return joins ? first : all;
}

class Scheduler {
 public:
  Scheduler(const Machine& machine, const std::vector<Waiting>& queue) : machine_(machine) {
    places_.reserve(machine.seats.size());
    for (const Seat& seat : machine.seats) {
      places_.push_back({&seat, seat.held, {}});
      for (const HeldBy& held : seat.held) {
        used_[held.tenant].add(seat.instance);
      }
    }
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
      return smaller(a.seat->instance, b.seat->instance);
    });
    order_ = in_order(machine, queue, kAssumedMs);
  }

  Decisions run() {
    for (const Waiting* request : order_) {
      serve(*request);
    }
    return std::move(out_);
  }

 private:
  struct Option {
    Place* place;
    std::optional<std::int64_t> in_ms;  // including the reservations made so far
    bool now;                           // free now, and taking it delays no reservation
  };

  std::vector<Option> options_for(const Waiting& request) {
    std::vector<Option> options;
    options.reserve(places_.size());
    for (Place& place : places_) {
      if (!serves(place.seat->instance, request.need)) {
        continue;
      }
      std::optional<std::int64_t> in_ms = free_in(place, request.shared);
      const bool now = in_ms == 0 && place.promises.kept_by(request.limit_ms);
      if (!now && place.promises.any) {
        in_ms = later(in_ms, place.promises.end_ms);
      }
      options.push_back({&place, in_ms, now});
    }
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
    std::stable_sort(options.begin(), options.end(), [](const Option& a, const Option& b) {
      return std::tuple(!a.now, a.in_ms.value_or(kNever)) <
             std::tuple(!b.now, b.in_ms.value_or(kNever));
    });
    // For a shared request prefer an instance that is shared already: others stay whole.
    if (request.shared > 1) {
      std::stable_sort(options.begin(), options.end(), [](const Option& a, const Option& b) {
        return std::tuple(!a.now, a.now && a.place->held.empty()) <
               std::tuple(!b.now, b.now && b.place->held.empty());
      });
    }
    return options;
  }

  void serve(const Waiting& request) {
    const std::vector<Option> options = options_for(request);
    const auto usable = static_cast<std::size_t>(std::count_if(
        options.begin(), options.end(), [](const Option& option) { return option.now; }));
    const std::string quota = quota_in_the_way(request, options);
    if (!quota.empty()) {
      // Blocked by the tenant's own leases (quota), so it must not hold up others.
      wait(request, request.need.str() + ": " + quota, std::nullopt);
      out_.waiting.back().over_quota = true;
      return;
    }
    if (usable >= request.count) {
      grant(request, options);
      return;
    }
    if (request.create && !creating_) {
      out_.creations.push_back(
          {request.id, request.need, request.count - static_cast<std::uint32_t>(usable)});
      creating_ = true;
    }
    if (request.preempt) {
      preempt(request, options, usable);
    }
    promise(request, options);
  }

  std::string quota_in_the_way(const Waiting& request, const std::vector<Option>& options) const {
    const auto tenant = machine_.tenants.find(request.tenant);
    if (tenant == machine_.tenants.end()) {
      return {};
    }
    Amount more;
    for (std::size_t i = 0; i < options.size() && i < request.count; ++i) {
      more.add(options[i].place->seat->instance);
    }
    if (request.create && request.made) {
      for (std::size_t i = options.size(); i < request.count; ++i) {
        more.add(*request.made);
      }
    }
    const auto used = used_.find(request.tenant);
    return over_quota(tenant->second.quota, used == used_.end() ? Amount{} : used->second, more);
  }

  void grant(const Waiting& request, const std::vector<Option>& options) {
    Grant grant{request.id, {}};
    for (std::size_t i = 0; i < request.count; ++i) {
      Place& place = *options[i].place;
      grant.uuids.push_back(place.seat->instance.uuid);
      place.held.push_back(
          {0, request.tenant, request.shared, request.priority, request.limit_ms, false});
      used_[request.tenant].add(place.seat->instance);
    }
    out_.grants.push_back(std::move(grant));
  }

  // Reserves the instances that come free first. When their end is unknown, all that satisfy the
  // need are reserved: the request takes whichever comes free first.
  void promise(const Waiting& request, const std::vector<Option>& options) {
    std::optional<std::int64_t> start = 0;
    for (std::size_t i = 0; i < request.count; ++i) {
      start = later(start, i < options.size() ? options[i].in_ms : std::nullopt);
    }
    std::optional<std::int64_t> end;
    if (start && request.limit_ms) {
      end = *start + *request.limit_ms;
    }
    const std::size_t many = start ? request.count : options.size();
    const std::string reason = reason_of(request, options, start);
    for (std::size_t i = 0; i < many; ++i) {
      options[i].place->promises.add(start, end);
    }
    wait(request, reason, start);
  }

  static std::string reason_of(const Waiting& request,
                               const std::vector<Option>& options,
                               std::optional<std::int64_t> start) {
    WaitFacts facts;
    facts.start_in_ms = start;
    facts.instances = options.size();
    for (const Option& option : options) {
      const Place& place = *option.place;
      const bool free = free_in(place, request.shared) == 0;
      if (option.now) {
        ++facts.free;
      } else if (free) {
        ++facts.promised;
      }
      if (place.held.empty() && !place.seat->busy.empty()) {
        facts.busy.push_back(place.seat->busy);
      }
      if (!free) {
        count_leases(place, start, facts);
      }
    }
    return words_of(request, facts);
  }

  static void count_leases(const Place& place,
                           std::optional<std::int64_t> start,
                           WaitFacts& facts) {
    facts.spoken_for += place.promises.any ? 1 : 0;
    for (const HeldBy& held : place.held) {
      ++facts.leases;
      facts.leaving += held.leaving ? 1 : 0;
      facts.ending += start && held.left_ms && *held.left_ms <= *start ? 1 : 0;
    }
  }

  // Chooses the fewest instances without a lease of the same or a higher priority, lowest priority
  // first.
  void preempt(const Waiting& request, const std::vector<Option>& options, std::size_t usable) {
    struct Victim {
      std::int32_t highest;
      std::size_t leases;
      const Place* place;
    };

    std::vector<Victim> victims;
    std::size_t leaving = 0;
    for (const Option& option : options) {
      const auto& held = option.place->held;
      if (option.now || held.empty()) {
        continue;
      }
      const auto highest = std::max_element(held.begin(), held.end(), [](auto& a, auto& b) {
                             return a.priority < b.priority;
                           })->priority;
      const bool fresh =
          std::any_of(held.begin(), held.end(), [](auto& h) { return h.lease == 0; });
      if (fresh || option.place->promises.any) {
        continue;
      }
      if (std::all_of(held.begin(), held.end(), [](auto& h) { return h.leaving; })) {
        ++leaving;
      } else if (highest < request.priority) {
        victims.push_back({highest, held.size(), option.place});
      }
    }
    const std::size_t have = usable + leaving;
    if (have >= request.count || have + victims.size() < request.count) {
      return;
    }
    std::stable_sort(victims.begin(), victims.end(), [](const Victim& a, const Victim& b) {
      return std::tie(a.highest, a.leases) < std::tie(b.highest, b.leases);
    });
    for (std::size_t i = 0; i < request.count - have; ++i) {
      for (const HeldBy& held : victims[i].place->held) {
        if (!held.leaving) {
          out_.preemptions.push_back({held.lease, request.id});
        }
      }
    }
  }

  void wait(const Waiting& request, std::string reason, std::optional<std::int64_t> start) {
    out_.waiting.push_back({request.id,
                            static_cast<std::uint32_t>(out_.waiting.size() + 1),
                            std::move(reason),
                            start});
  }

  const Machine& machine_;
  std::vector<const Waiting*> order_;
  std::vector<Place> places_;
  std::map<std::string, Amount> used_;
  Decisions out_;
  bool creating_ = false;
};

}  // namespace

Decisions schedule(const Machine& machine, const std::vector<Waiting>& queue) {
  return Scheduler(machine, queue).run();
}

}  // namespace mig::lease
