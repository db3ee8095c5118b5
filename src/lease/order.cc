// SPDX-License-Identifier: Apache-2.0
#include "lease/order.h"

#include <algorithm>

#include <fmt/format.h>

namespace mig::lease {

Queue::Queue(const std::vector<Waiting>& requests) {
  for (const Waiting& request : requests) {
    add(request);
  }
}

std::size_t Queue::shape_of(const Waiting& request) {
  const std::string text = fmt::format("{} {} {} {} {}",
                                       request.count,
                                       request.shared,
                                       request.create,
                                       request.preempt,
                                       need_text(request.need));
  const auto [known, fresh] = shape_by_text_.try_emplace(text, 0);
  if (!fresh) {
    return known->second;
  }
  if (unused_.empty()) {
    unused_.push_back(shapes_.size());
    shapes_.emplace_back();
    texts_.emplace_back();
  }
  known->second = unused_.back();
  unused_.pop_back();
  texts_[known->second] = text;
  shapes_[known->second] = {request.need,
                            request.count,
                            request.shared,
                            request.create,
                            request.preempt,
                            request.made,
                            request.makeable,
                            0};
  return known->second;
}

void Queue::add(const Waiting& request) {
  const auto [added, fresh] = entries_.try_emplace(request.id);
  if (!fresh) {
    return;
  }
  Entry& entry = added->second;
  entry.request = request;
  entry.shape = shape_of(request);
  ++shapes_[entry.shape].requests;
  tenants_[request.tenant][request.uid].emplace(-request.priority, request.id, &entry);
}

void Queue::remove(std::int64_t request) {
  const auto found = entries_.find(request);
  if (found == entries_.end()) {
    return;
  }
  const Entry& entry = found->second;
  const auto tenant = tenants_.find(entry.request.tenant);
  const auto user = tenant->second.find(entry.request.uid);
  user->second.erase({-entry.request.priority, request, &entry});
  if (user->second.empty()) {
    tenant->second.erase(user);
  }
  if (tenant->second.empty()) {
    tenants_.erase(tenant);
  }
  if (--shapes_[entry.shape].requests == 0) {
    unused_.push_back(entry.shape);
    shape_by_text_.erase(texts_[entry.shape]);
  }
  entries_.erase(found);
}

const Queue::Entry* Queue::find(std::int64_t request) const {
  const auto found = entries_.find(request);
  return found == entries_.end() ? nullptr : &found->second;
}

void Queue::judge(const std::function<void(Shape&)>& judge) {
  for (Shape& shape : shapes_) {
    if (shape.requests > 0) {
      judge(shape);
    }
  }
}

Walk::Walk(const Queue& queue, const Machine& machine)
    : queue_(queue), machine_(machine), slices_(queue.shapes().size(), -1) {
  tenants_.reserve(queue.tenants_.size());
  for (const auto& [name, users] : queue.tenants_) {
    Tenant& tenant = tenants_.emplace_back();
    const auto known = machine.tenants.find(name);
    if (known != machine.tenants.end()) {
      tenant.used = known->second.used;
      tenant.weight = std::max<double>(known->second.weight, 1.0);
    }
    tenant.users.reserve(users.size());
    for (const auto& [uid, line] : users) {
      User& user = tenant.users.emplace_back(User{0, {}, line.begin(), line.end()});
      if (known != machine.tenants.end() && known->second.used_by.contains(uid)) {
        user.used = known->second.used_by.at(uid);
      }
      if (known != machine.tenants.end() && known->second.lasts_by.contains(uid)) {
        user.lasts_ms = known->second.lasts_by.at(uid);
      }
      tenant.order.emplace(
          std::get<0>(*user.next), user.used, std::get<1>(*user.next), tenant.users.size() - 1);
    }
    push(tenants_.size() - 1);
  }
}

void Walk::push(std::size_t index) {
  const Tenant& tenant = tenants_[index];
  if (!tenant.order.empty()) {
    const auto& [priority, used, id, user] = tenant.order.top();
    order_.emplace(priority, tenant.used / tenant.weight, id, index);
  }
}

// Expected slice-milliseconds of the request. A limit is mostly far above the time that is used:
// alone, it would outweigh all that was used before, and give tenants turns instead of time.
double Walk::cost_of(const Queue::Entry& entry, const User& user) {
  double& slices = slices_[entry.shape];
  const Waiting& request = entry.request;
  if (slices < 0) {
    const Instance* least = nullptr;
    for (const Seat& seat : machine_.seats) {
      if (serves(seat.instance, request.need) &&
          (least == nullptr || smaller(seat.instance, *least))) {
        least = &seat.instance;
      }
    }
    slices = (least == nullptr ? 1.0 : std::max<double>(least->slices, 1.0)) * request.count /
             request.shared;
  }
  const auto most = static_cast<double>(request.limit_ms.value_or(request.assumed_ms));
  return slices * std::min(most, user.lasts_ms.value_or(most));
}

const Queue::Entry* Walk::next() {
  if (order_.empty()) {
    return nullptr;
  }
  const std::size_t index = std::get<3>(order_.top());
  order_.pop();
  Tenant& tenant = tenants_[index];
  const std::size_t whose = std::get<3>(tenant.order.top());
  tenant.order.pop();
  User& user = tenant.users[whose];
  const Queue::Entry& entry = *std::get<2>(*user.next);
  const double cost = cost_of(entry, user);
  tenant.used += cost;
  user.used += cost;
  if (++user.next != user.end) {
    tenant.order.emplace(std::get<0>(*user.next), user.used, std::get<1>(*user.next), whose);
  }
  push(index);
  return &entry;
}

}  // namespace mig::lease
