// SPDX-License-Identifier: Apache-2.0
// Inside of lease/: the queue of requests, grouped so that a pass over it costs little, and the
// order in which they are served.
//
// Order of service: priority first. Among equals, one by one: the tenant with the least usage for
// its weight, in it the user with the least usage, both including the requests ordered so far; of
// one user by time of arrival. A Walk finds the next request in O(log n).
//
// Threading: const calls from several threads at once; a Walk must not outlive a change.
#ifndef MIGCTL_LEASE_ORDER_H_
#define MIGCTL_LEASE_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "lease/schedule.h"

namespace mig::lease {

// What decides which instances serve a request. Requests of one shape differ in whose they are, in
// their priority and in their time limit only.
struct Shape {
  Need need;
  std::uint32_t count = 1, shared = 1;
  bool create = false, preempt = false;
  std::optional<Instance> made;  // see Waiting
  bool makeable = true;
  std::size_t requests = 0;  // 0: unused
};

class Queue {
 public:
  // A request with its shape, an index of shapes().
  struct Entry {
    Waiting request;
    std::size_t shape = 0;
  };

  Queue() = default;
  explicit Queue(const std::vector<Waiting>& requests);
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  Queue(Queue&&) = default;
  Queue& operator=(Queue&&) = default;
  ~Queue() = default;

  void add(const Waiting& request);
  void remove(std::int64_t request);

  std::size_t size() const { return entries_.size(); }

  const Entry* find(std::int64_t request) const;

  const std::vector<Shape>& shapes() const { return shapes_; }

  // Sets `made` and `makeable` of the shapes, which change with the machine.
  void judge(const std::function<void(Shape&)>& judge);

 private:
  friend class Walk;

  using Key = std::tuple<std::int32_t, std::int64_t, const Entry*>;  // -priority, id
  using Line = std::set<Key>;                                        // of one user

  std::size_t shape_of(const Waiting& request);

  std::unordered_map<std::int64_t, Entry> entries_;
  std::map<std::string, std::map<std::uint32_t, Line>> tenants_;
  std::vector<Shape> shapes_;
  std::vector<std::string> texts_;  // of shapes_
  std::unordered_map<std::string, std::size_t> shape_by_text_;
  std::vector<std::size_t> unused_;
};

// The requests in the order of service.
class Walk {
 public:
  Walk(const Queue& queue, const Machine& machine);

  // nullptr: at the end.
  const Queue::Entry* next();

 private:
  struct User {
    double used = 0;
    std::optional<double> lasts_ms;  // see TenantShare::lasts_by
    Queue::Line::const_iterator next, end;
  };

  // The least is served next: -priority, usage, id; then the index of whose it is.
  using Rank = std::tuple<std::int32_t, double, std::int64_t, std::size_t>;
  using Heap = std::priority_queue<Rank, std::vector<Rank>, std::greater<>>;

  struct Tenant {
    double used = 0;
    double weight = 1;
    std::vector<User> users;
    Heap order;
  };

  void push(std::size_t tenant);
  double cost_of(const Queue::Entry& entry, const User& user);

  const Queue& queue_;
  const Machine& machine_;
  std::vector<Tenant> tenants_;
  Heap order_;
  std::vector<double> slices_;  // by shape, for one millisecond; below 0: not known yet
};

}  // namespace mig::lease

#endif  // MIGCTL_LEASE_ORDER_H_
