// SPDX-License-Identifier: Apache-2.0
#include "lease/order.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <tuple>

namespace mig::lease {
namespace {

struct Line {
  double used = 0;
  double weight = 1;
  std::deque<const Waiting*> waiting;  // by time of arrival

  double share() const { return used / weight; }
};

double cost_of(const Machine& machine, const Waiting& request, std::int64_t assumed_ms) {
  const Instance* least = nullptr;
  for (const Seat& seat : machine.seats) {
    if (serves(seat.instance, request.need) &&
        (least == nullptr || smaller(seat.instance, *least))) {
      least = &seat.instance;
    }
  }
  const double slices = least == nullptr ? 1.0 : std::max<double>(least->slices, 1.0);
  return slices * request.count * static_cast<double>(request.limit_ms.value_or(assumed_ms)) /
         request.shared;
}

}  // namespace

std::vector<const Waiting*> in_order(const Machine& machine,
                                     const std::vector<Waiting>& queue,
                                     std::int64_t assumed_ms) {
  std::vector<const Waiting*> sorted;
  sorted.reserve(queue.size());
  for (const Waiting& request : queue) {
    sorted.push_back(&request);
  }
  std::sort(sorted.begin(), sorted.end(), [](const Waiting* a, const Waiting* b) {
    return std::tuple(-a->priority, a->id) < std::tuple(-b->priority, b->id);
  });
  std::map<std::string, Line> lines;
  for (const Waiting* request : sorted) {
    Line& line = lines[request->tenant];
    if (const auto known = machine.tenants.find(request->tenant); known != machine.tenants.end()) {
      line.used = known->second.used;
      line.weight = std::max<double>(known->second.weight, 1.0);
    }
    line.waiting.push_back(request);
  }
  std::vector<const Waiting*> order;
  order.reserve(queue.size());
  while (order.size() < queue.size()) {
    Line* next = nullptr;
    for (auto& [tenant, line] : lines) {
      if (line.waiting.empty()) {
        continue;
      }
      const auto rank = [](const Line& of) {
        return std::tuple(-of.waiting.front()->priority, of.share(), of.waiting.front()->id);
      };
      if (next == nullptr || rank(line) < rank(*next)) {
        next = &line;
      }
    }
    order.push_back(next->waiting.front());
    next->waiting.pop_front();
    next->used += cost_of(machine, *order.back(), assumed_ms);
  }
  return order;
}

}  // namespace mig::lease
