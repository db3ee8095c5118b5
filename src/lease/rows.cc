// SPDX-License-Identifier: Apache-2.0
#include "lease/rows.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::lease {
namespace {

std::int64_t kind_number(const Holder& holder) {
  switch (holder.kind) {
    case Holder::Kind::kProcess:
      return static_cast<std::int64_t>(holders::LeaseHolder::kProcess);
    case Holder::Kind::kUnit:
      return static_cast<std::int64_t>(holders::LeaseHolder::kUnit);
    case Holder::Kind::kTime:
      break;
  }
  return static_cast<std::int64_t>(holders::LeaseHolder::kTime);
}

template <class Row>
Holder holder_of(const Row& row) {
  switch (static_cast<holders::LeaseHolder>(row.holder_kind)) {
    case holders::LeaseHolder::kProcess:
      return Holder::process(static_cast<std::uint32_t>(row.pid),
                             static_cast<std::uint64_t>(row.start_ticks));
    case holders::LeaseHolder::kUnit:
      return Holder::of_unit(row.unit);
    case holders::LeaseHolder::kTime:
      break;
  }
  return Holder::time();
}

std::string who_is_on(const Gpu& gpu, const GpuInstance& instance, const ComputeInstance& compute) {
  std::vector<std::string> who;
  for (const Process& process : gpu.processes_on(instance.id)) {
    if (!process.compute_instance || *process.compute_instance == compute.id) {
      who.push_back(process.name.empty() ? fmt::format("pid {}", process.pid)
                                         : fmt::format("pid {} ({})", process.pid, process.name));
    }
  }
  return base::join(who, ", ");
}

std::optional<std::uint32_t> number_of(const std::string& text) {
  const auto number = base::parse_decimal(text, UINT32_MAX);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace

std::string need_text(const Need& need) {
  std::string text;
  const auto put = [&text](const char* key, const std::string& value) {
    if (!value.empty()) {
      text += fmt::format("{}={}\n", key, value);
    }
  };
  put("profile", need.profile ? need.profile->str() : "");
  put("memory", need.min_memory_mib ? std::to_string(*need.min_memory_mib) : "");
  put("sm", need.min_sm ? std::to_string(*need.min_sm) : "");
  put("uuid", need.uuid);
  put("slot", need.slot);
  put("gpu_uuid", need.gpu_uuid);
  put("gpu", need.gpu ? std::to_string(need.gpu->value) : "");
  put("gi", need.gpu_instance ? std::to_string(need.gpu_instance->value) : "");
  put("ci", need.compute_instance ? std::to_string(need.compute_instance->value) : "");
  return text;
}

Need need_of(const std::string& text) {
  std::map<std::string, std::string> values;
  for (const std::string& line : base::split(text, '\n')) {
    if (const auto at = line.find('='); at != std::string::npos) {
      values[line.substr(0, at)] = line.substr(at + 1);
    }
  }
  Need need;
  if (const auto profile = ProfileName::parse(values["profile"])) {
    need.profile = *profile;
  }
  need.min_memory_mib = base::parse_decimal(values["memory"], UINT64_MAX);
  need.min_sm = number_of(values["sm"]);
  need.uuid = values["uuid"];
  need.slot = values["slot"];
  need.gpu_uuid = values["gpu_uuid"];
  if (const auto gpu = number_of(values["gpu"])) {
    need.gpu = GpuIndex{*gpu};
  }
  if (const auto gi = number_of(values["gi"])) {
    need.gpu_instance = GpuInstanceId{*gi};
  }
  if (const auto ci = number_of(values["ci"])) {
    need.compute_instance = ComputeInstanceId{*ci};
  }
  return need;
}

Lease lease_of(const store::LeaseRow& row, const holders::Moment& now) {
  Lease lease;
  lease.id = row.id;
  lease.request = row.request;
  lease.instance.uuid = row.uuid;
  if (const auto profile = ProfileName::parse(row.profile)) {
    lease.instance.profile = *profile;
  }
  lease.instance.gpu_uuid = row.gpu_uuid;
  lease.instance.gpu = GpuIndex{static_cast<std::uint32_t>(row.gpu_index)};
  lease.instance.gpu_instance = GpuInstanceId{static_cast<std::uint32_t>(row.gpu_instance)};
  lease.instance.compute_instance =
      ComputeInstanceId{static_cast<std::uint32_t>(row.compute_instance)};
  lease.instance.memory_mib = static_cast<std::uint64_t>(row.memory_mib);
  lease.instance.sm = static_cast<std::uint32_t>(row.sm);
  lease.instance.slices = static_cast<std::uint32_t>(row.slices);
  if (row.gpu_minor) {
    lease.instance.gpu_minor = static_cast<std::uint32_t>(*row.gpu_minor);
  }
  lease.shared = static_cast<std::uint32_t>(row.shared);
  lease.holder = holder_of(row);
  if (row.heir_pid != 0) {
    lease.heir = Holder::process(static_cast<std::uint32_t>(row.heir_pid),
                                 static_cast<std::uint64_t>(row.heir_start));
  }
  lease.stoppable = row.stoppable != 0;
  lease.uid = static_cast<std::uint32_t>(row.uid);
  lease.tenant = row.tenant;
  lease.job = row.job;
  lease.priority = static_cast<std::int32_t>(row.priority);
  lease.granted_ms = row.granted_ms;
  lease.limit_ms = row.limit_ms;
  lease.left_ms = holders::left_ms(row, now);
  if (row.notice_boot_ms && row.notice_grace_ms) {
    lease.notice_ms =
        std::max<std::int64_t>(*row.notice_boot_ms + *row.notice_grace_ms - now.boot_ms, 0);
  }
  return lease;
}

store::LeaseRow lease_row(const store::RequestRow& request,
                          const LeasedInstance& instance,
                          const holders::Moment& now) {
  store::LeaseRow row;
  row.request = request.id;
  row.key = request.key;
  row.uuid = instance.uuid;
  row.profile = instance.profile.str();
  row.gpu_uuid = instance.gpu_uuid;
  row.gpu_index = instance.gpu.value;
  row.gpu_instance = instance.gpu_instance.value;
  row.compute_instance = instance.compute_instance.value;
  row.memory_mib = static_cast<std::int64_t>(instance.memory_mib);
  row.sm = instance.sm;
  row.slices = instance.slices;
  if (instance.gpu_minor) {
    row.gpu_minor = *instance.gpu_minor;
  }
  row.shared = request.shared;
  row.holder_kind = request.holder_kind;
  row.pid = request.pid;
  row.start_ticks = request.start_ticks;
  row.unit = request.unit;
  row.boot_id = now.boot_id;
  row.stoppable = request.stoppable;
  row.uid = request.uid;
  row.tenant = request.tenant;
  row.job = request.job;
  row.priority = request.priority;
  row.granted_ms = now.wall_ms;
  row.granted_boot_ms = now.boot_ms;
  row.limit_ms = request.limit_ms;
  return row;
}

store::RequestRow request_row(const LeaseRequest& request, const holders::Moment& now) {
  store::RequestRow row;
  row.key = request.key;
  row.need = need_text(request.need);
  row.count = request.count;
  row.shared = request.shared;
  row.holder_kind = kind_number(request.holder);
  row.pid = request.holder.pid;
  row.start_ticks = static_cast<std::int64_t>(request.holder.start_ticks);
  row.unit = request.holder.unit;
  row.boot_id = now.boot_id;
  row.stoppable = request.stoppable ? 1 : 0;
  row.uid = request.caller.uid;
  row.tenant = request.caller.tenant;
  row.job = request.job;
  row.priority = request.priority;
  row.limit_ms = request.limit_ms;
  row.since_ms = now.wall_ms;
  row.since_boot_ms = now.boot_ms;
  row.wait_ms = request.wait_ms;
  row.create = request.create ? 1 : 0;
  row.preempt = request.preempt ? 1 : 0;
  row.grace_ms = request.grace_ms;
  row.waiter_pid = request.waiter.pid;
  row.waiter_start = static_cast<std::int64_t>(request.waiter.start_ticks);
  return row;
}

Waiting waiting_of(const store::RequestRow& row, const holders::Moment& now) {
  Waiting waiting;
  waiting.id = row.id;
  waiting.need = need_of(row.need);
  waiting.count = static_cast<std::uint32_t>(row.count);
  waiting.shared = static_cast<std::uint32_t>(row.shared);
  waiting.tenant = row.tenant;
  waiting.priority = static_cast<std::int32_t>(row.priority);
  waiting.limit_ms = row.limit_ms;
  waiting.create = row.create != 0;
  waiting.preempt = row.preempt != 0;
  waiting.waited_ms = std::max<std::int64_t>(now.boot_ms - row.since_boot_ms, 0);
  return waiting;
}

std::vector<Seat> seats_of(const Inventory& inventory) {
  std::vector<Seat> seats;
  for (const Gpu& gpu : inventory.gpus) {
    if (gpu.mig_current != MigMode::kEnabled) {
      continue;
    }
    for (const GpuInstance& instance : gpu.instances) {
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (compute.uuid.empty()) {
          continue;
        }
        Seat& seat = seats.emplace_back();
        seat.instance = {compute.uuid,
                         compute.name,
                         gpu.uuid,
                         gpu.index,
                         instance.id,
                         compute.id,
                         instance.memory_mib,
                         compute.sm.value_or(instance.sm),
                         compute.name.compute_slices,
                         gpu.minor,
                         compute.nvml_profile};
        seat.busy = who_is_on(gpu, instance, compute);
      }
    }
  }
  return seats;
}

}  // namespace mig::lease
