// SPDX-License-Identifier: Apache-2.0
#include "lease/schedule.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "lease/order.h"
#include "lease/promises.h"
#include "lease/reasons.h"

namespace mig::lease {
namespace {

// So many requests that wait get reservations of their own; of the others only that nobody joins
// the shared instances that they wait for. Every free instance that serves a request is reserved by
// the first of its shape.
constexpr std::size_t kMostReserved = 128;
// So many are told in detail why they wait.
constexpr std::size_t kMostTold = 1000;

class Scheduler {
 public:
  Scheduler(const Machine& machine, const Queue& queue, const Depth& depth)
      : machine_(machine), queue_(queue), depth_(depth), shapes_(queue.shapes().size()) {
    places_.reserve(machine.seats.size());
    for (const Seat& seat : machine.seats) {
      places_.push_back({&seat, seat.held, {}});
      for (const HeldBy& held : seat.held) {
        use(held.tenant, held.uid, seat.instance);
      }
      for (const auto& [tenant, uid] : seat.unleased) {
        use(tenant, uid, seat.instance);
      }
    }
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
      return smaller(a.seat->instance, b.seat->instance);
    });
    making_ = machine.creating_for != 0;
    look_for_room();
  }

  Decisions run() {
    Walk walk(queue_, machine_);
    const Queue::Entry* next = nullptr;
    while (somebody_could_be_served() && (next = walk.next()) != nullptr) {
      if (!blocked_already(*next)) {
        serve(*next);
      }
    }
    const bool told = std::any_of(out_.waiting.begin(), out_.waiting.end(), [&](const Outlook& o) {
      return o.request == depth_.tell;
    });
    const bool granted = std::any_of(out_.grants.begin(), out_.grants.end(), [&](const Grant& g) {
      return g.request == depth_.tell;
    });
    if (const Queue::Entry* entry = queue_.find(depth_.tell); entry && !told && !granted) {
      tell(*entry);
    }
    return std::move(out_);
  }

 private:
  struct Option {
    Place* place;
    When in;   // including the reservations made so far
    bool now;  // free now, and taking it delays no reservation
  };

  // What this pass knows about the requests of one shape.
  struct Known {
    bool room = true;  // enough instances are free, reserved or not, or it need not wait for that
    bool barred = false;  // nobody joins the shared instances that they wait for
    std::optional<std::int64_t> blocked_from;  // a request with this limit, or a longer one, waits
  };

  // Finds the shapes for which too little is free, whoever asks: what is taken in a pass stays so.
  void look_for_room() {
    with_room_ = 0;
    for (std::size_t i = 0; i < shapes_.size(); ++i) {
      const Shape& shape = queue_.shapes()[i];
      if (shape.requests == 0 || !shapes_[i].room) {
        shapes_[i].room = false;
        continue;
      }
      std::size_t free = 0;
      for (const Place& place : places_) {
        free += serves(place.seat->instance, shape.need) &&
                        is_now(free_in(place, shape.shared, machine_.busy_ms))
                    ? 1
                    : 0;
      }
      const bool makes = shape.create && shape.makeable && !making_;
      shapes_[i].room = free >= shape.count || shape.preempt || makes;
      with_room_ += shapes_[i].room ? 1 : 0;
    }
  }

  bool somebody_could_be_served() const { return depth_.all || with_room_ > 0; }

  // True: this one waits like others of its shape before it, and reserves nothing more.
  bool blocked_already(const Queue::Entry& entry) {
    const Waiting& request = entry.request;
    const Known& known = shapes_[entry.shape];
    const bool over = !over_.empty() && over_.contains({request.tenant, request.uid, entry.shape});
    const bool blocked =
        over || !known.room ||
        (known.blocked_from && request.limit_ms.value_or(kNever) >= *known.blocked_from &&
         machine_.creating_for != request.id);
    const bool enough = depth_.all ? out_.waiting.size() >= kMostTold : reserved_ >= kMostReserved;
    if (!blocked || !(enough || (over && !depth_.all))) {
      return false;
    }
    if (!over) {
      bar(entry);
    }
    if (depth_.all) {
      wait(request,
           request.need.str() + fmt::format(": {} requests wait before it", out_.waiting.size()),
           std::nullopt);
    }
    return true;
  }

  // Nobody joins a shared instance for longer than until those would have it who wait already.
  void bar(const Queue::Entry& entry) {
    Known& known = shapes_[entry.shape];
    if (std::exchange(known.barred, true)) {
      return;
    }
    for (Place& place : places_) {
      if (!serves(place.seat->instance, entry.request.need)) {
        continue;
      }
      const When in = free_in(place, entry.request.shared, machine_.busy_ms);
      if (!is_now(in)) {
        place.promises.add(in.planned, {});
      }
    }
  }

  std::vector<Option> options_for(const Waiting& request) {
    std::vector<Option> options;
    options.reserve(places_.size());
    for (Place& place : places_) {
      if (!serves(place.seat->instance, request.need)) {
        continue;
      }
      When in = free_in(place, request.shared, machine_.busy_ms);
      const bool now = is_now(in) && place.promises.kept_by(request.limit_ms);
      if (!now && place.promises.any) {
        in = later(in, place.promises.end);
      }
      options.push_back({&place, in, now});
    }
    std::stable_sort(options.begin(), options.end(), [](const Option& a, const Option& b) {
      return std::tuple(!a.now, a.in.planned.value_or(kNever)) <
             std::tuple(!b.now, b.in.planned.value_or(kNever));
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

  void serve(const Queue::Entry& entry) {
    const Waiting& request = entry.request;
    const std::vector<Option> options = options_for(request);
    const auto usable = static_cast<std::size_t>(std::count_if(
        options.begin(), options.end(), [](const Option& option) { return option.now; }));
    const std::string quota = quota_in_the_way(entry, options);
    if (!quota.empty()) {
      // Blocked by the tenant's own leases (quota), so it must not hold up others.
      over_.emplace(request.tenant, request.uid, entry.shape);
      wait(request, request.need.str() + ": " + quota, std::nullopt);
      out_.waiting.back().over_quota = true;
      return;
    }
    if (usable >= request.count) {
      grant(request, options);
      look_for_room();
      return;
    }
    const Shape& shape = queue_.shapes()[entry.shape];
    bool making = machine_.creating_for == request.id;
    if (request.create && shape.makeable && !making_) {
      out_.creations.push_back(
          {request.id, request.need, request.count - static_cast<std::uint32_t>(usable)});
      making_ = making = true;
      look_for_room();
    }
    if (request.preempt) {
      preempt(request, options, usable);
    }
    promise(request, options, making ? usable : 0);
    Known& known = shapes_[entry.shape];
    known.blocked_from =
        std::min(known.blocked_from.value_or(kNever), request.limit_ms.value_or(kNever));
  }

  // The outlook of a request that the pass did not come to.
  void tell(const Queue::Entry& entry) {
    const std::vector<Option> options = options_for(entry.request);
    const std::string quota = quota_in_the_way(entry, options);
    if (!quota.empty()) {
      wait(entry.request, entry.request.need.str() + ": " + quota, std::nullopt);
      out_.waiting.back().over_quota = true;
      return;
    }
    const When start = start_of(entry.request, options);
    wait(entry.request, reason_of(entry.request, options, start.firm), start.firm);
  }

  std::string quota_in_the_way(const Queue::Entry& entry,
                               const std::vector<Option>& options) const {
    const Waiting& request = entry.request;
    const auto tenant = machine_.tenants.find(request.tenant);
    if (tenant == machine_.tenants.end()) {
      return {};
    }
    Amount more;
    for (std::size_t i = 0; i < options.size() && i < request.count; ++i) {
      more.add(options[i].place->seat->instance);
    }
    const Shape& shape = queue_.shapes()[entry.shape];
    if (request.create && shape.made) {
      for (std::size_t i = options.size(); i < request.count; ++i) {
        more.add(*shape.made);
      }
    }
    const auto used = used_.find(request.tenant);
    std::string over =
        over_quota(tenant->second.quota, used == used_.end() ? Amount{} : used->second, more);
    if (over.empty()) {
      const auto own = used_by_user_.find({request.tenant, request.uid});
      over = over_quota(tenant->second.per_user,
                        own == used_by_user_.end() ? Amount{} : own->second,
                        more,
                        "the tenant's limit for each user");
    }
    return over;
  }

  void use(const std::string& tenant, std::uint32_t uid, const Instance& instance) {
    used_[tenant].add(instance);
    used_by_user_[{tenant, uid}].add(instance);
  }

  void grant(const Waiting& request, const std::vector<Option>& options) {
    Grant grant{request.id, {}};
    for (std::size_t i = 0; i < request.count; ++i) {
      Place& place = *options[i].place;
      grant.uuids.push_back(place.seat->instance.uuid);
      place.held.push_back({0,
                            request.tenant,
                            request.shared,
                            request.priority,
                            request.limit_ms,
                            false,
                            request.uid,
                            request.assumed_ms});
      use(request.tenant, request.uid, place.seat->instance);
    }
    out_.grants.push_back(std::move(grant));
  }

  static When start_of(const Waiting& request, const std::vector<Option>& options) {
    if (options.size() < request.count) {
      return {};
    }
    When start{0, 0};
    std::vector<std::int64_t> firm;
    firm.reserve(options.size());
    for (std::size_t i = 0; i < options.size(); ++i) {
      firm.push_back(options[i].in.firm.value_or(kNever));
      if (i < request.count) {
        start.planned = later(start.planned, options[i].in.planned);
      }
    }
    std::nth_element(firm.begin(), firm.begin() + (request.count - 1), firm.end());
    const std::int64_t last = firm[request.count - 1];
    start.firm = last == kNever ? std::nullopt : std::optional(last);
    return start;
  }

  // Reserves the instances that come free first; where they do so by assumption only, also those
  // that come free first by their limits. When their end is unknown, all that satisfy the need are
  // reserved: the request takes whichever comes free first. `making`: so many are kept for a
  // request for which the others are being made.
  void promise(const Waiting& request, std::vector<Option> options, std::size_t making) {
    const When start = start_of(request, options);
    const std::string reason = reason_of(request, options, start.firm);
    for (std::size_t i = 0; i < making; ++i) {
      options[i].place->promises.add(std::nullopt, {});
    }
    if (options.size() >= request.count) {
      reserve(request, options, start);
    }
    ++reserved_;
    wait(request, reason, start.firm);
  }

  static void reserve(const Waiting& request, std::vector<Option>& options, const When& start) {
    if (!start.planned) {
      for (const Option& option : options) {
        option.place->promises.add(std::nullopt, {});
      }
      return;
    }
    When end;
    end.planned = *start.planned + request.limit_ms.value_or(request.assumed_ms);
    if (start.firm && request.limit_ms) {
      end.firm = *start.firm + *request.limit_ms;
    }
    for (std::size_t i = 0; i < request.count; ++i) {
      options[i].place->promises.add(start.planned, end);
    }
    if (!start.firm || start.firm == start.planned) {
      return;
    }
    std::stable_sort(options.begin(), options.end(), [](const Option& a, const Option& b) {
      return a.in.firm.value_or(kNever) < b.in.firm.value_or(kNever);
    });
    end.planned = *start.firm + request.limit_ms.value_or(request.assumed_ms);
    for (std::size_t i = 0; i < request.count; ++i) {
      options[i].place->promises.add(start.firm, end);
    }
  }

  std::string reason_of(const Waiting& request,
                        const std::vector<Option>& options,
                        std::optional<std::int64_t> start) const {
    WaitFacts facts;
    facts.start_in_ms = start;
    facts.instances = options.size();
    for (const Option& option : options) {
      const Place& place = *option.place;
      const bool free = is_now(free_in(place, request.shared, machine_.busy_ms));
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
  const Queue& queue_;
  Depth depth_;
  std::vector<Known> shapes_;
  std::vector<Place> places_;
  std::map<std::string, Amount> used_;
  std::map<std::pair<std::string, std::uint32_t>, Amount> used_by_user_;
  std::set<std::tuple<std::string, std::uint32_t, std::size_t>> over_;  // over a quota
  std::size_t with_room_ = 0;                                           // shapes
  std::size_t reserved_ = 0;  // requests with reservations
  Decisions out_;
  bool making_ = false;
};

}  // namespace

Decisions schedule(const Machine& machine, const Queue& queue, const Depth& depth) {
  return Scheduler(machine, queue, depth).run();
}

Decisions schedule(const Machine& machine, const std::vector<Waiting>& queue) {
  return schedule(machine, Queue(queue), {});
}

}  // namespace mig::lease
