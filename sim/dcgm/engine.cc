// SPDX-License-Identifier: Apache-2.0
#include "sim/dcgm/engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include "sim/machine/telemetry.h"

namespace migsim::dcgm {
namespace {

constexpr unsigned kPerGpu = 8;  // entity ids of a GPU's instances
constexpr std::int64_t kHourUs = 3'600'000'000;

struct FieldMetric {
  std::uint16_t field;
  Metric metric;
};

constexpr FieldMetric kFields[] = {
    {DCGM_FI_PROF_GR_ENGINE_ACTIVE, kGraphics},
    {DCGM_FI_PROF_SM_ACTIVE, kSmActive},
    {DCGM_FI_PROF_SM_OCCUPANCY, kSmOccupancy},
    {DCGM_FI_PROF_PIPE_TENSOR_ACTIVE, kTensor},
    {DCGM_FI_PROF_DRAM_ACTIVE, kDram},
    {DCGM_FI_PROF_PIPE_FP64_ACTIVE, kFp64},
    {DCGM_FI_PROF_PIPE_FP32_ACTIVE, kFp32},
    {DCGM_FI_PROF_PIPE_FP16_ACTIVE, kFp16},
    {DCGM_FI_PROF_PCIE_TX_BYTES, kPcieTx},
    {DCGM_FI_PROF_PCIE_RX_BYTES, kPcieRx},
};

const FieldMetric* metric_of(std::uint16_t field) {
  const auto* found = std::find_if(
      std::begin(kFields), std::end(kFields), [&](const auto& one) { return one.field == field; });
  return found == std::end(kFields) ? nullptr : found;
}

std::int64_t unix_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

template <class T>
bool take(const std::string& body, std::size_t& at, T* out, std::size_t count = 1) {
  if (body.size() - at < count * sizeof(T)) {
    return false;
  }
  std::memcpy(out, body.data() + at, count * sizeof(T));
  at += count * sizeof(T);
  return true;
}

template <class T>
void append(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

dcgmGroupEntityPair_t pair_of(const std::pair<int, unsigned>& entity) {
  return {static_cast<dcgm_field_entity_group_t>(entity.first), entity.second};
}

}  // namespace

// Ids are not NVML's: instances are numbered in the order in which they are found.
std::map<Engine::Entity, Engine::Place> Engine::places() const {
  std::map<Entity, Place> out;
  const Machine::View view(machine_);
  const State& state = *view;
  for (std::uint32_t g = 0; g < machine_.hardware().gpu_count; ++g) {
    out[{DCGM_FE_GPU, g}] = {g, kNone, kNone, 0};
    unsigned gis = 0;
    unsigned cis = 0;
    for (std::uint32_t i = 0; i < kMaxGis && state.gpus[g].mig_current != 0; ++i) {
      const GiState& gi = state.gpus[g].gis[i];
      if (gi.used == 0) {
        continue;
      }
      out[{DCGM_FE_GPU_I, g * kPerGpu + gis++}] = {g, i, kNone, gi.serial};
      for (std::uint32_t c = 0; c < kMaxCis; ++c) {
        if (gi.cis[c].used != 0) {
          out[{DCGM_FE_GPU_CI, g * kPerGpu + cis++}] = {g, i, c, gi.cis[c].serial};
        }
      }
    }
  }
  return out;
}

std::int32_t Engine::hierarchy(std::string& out) const {
  const auto all = places();
  const Machine::View view(machine_);
  for (const auto& [entity, place] : all) {
    if (place.gi == kNone) {
      continue;
    }
    dcgmMigHierarchyInfo_v2 info{};
    info.entity = pair_of(entity);
    for (const auto& [other, at] : all) {
      const bool parent = place.ci == kNone ? at.gi == kNone : at.gi == place.gi && at.ci == kNone;
      if (parent && at.gpu == place.gpu) {
        info.parent = pair_of(other);
      }
    }
    std::strncpy(info.info.gpuUuid, (*view).gpus[place.gpu].uuid, sizeof(info.info.gpuUuid) - 1);
    info.info.nvmlGpuIndex = place.gpu;
    info.info.nvmlInstanceId = place.gi;
    info.info.nvmlComputeInstanceId = place.ci;  // kNone is -1
    append(out, info);
  }
  return DCGM_ST_OK;
}

std::map<Engine::Entity, std::int64_t> Engine::watched() const {
  std::map<Entity, std::int64_t> out;
  for (const Watch& watch : watches_) {
    const auto group = groups_.find(watch.group);
    for (const Entity& entity :
         group == groups_.end() ? std::vector<Entity>() : group->second.entities) {
      const auto [at, fresh] = out.emplace(entity, watch.every_us);
      at->second = std::min(at->second, watch.every_us);
    }
  }
  return out;
}

bool Engine::is_watched(const Entity& entity, std::uint16_t field) const {
  return std::any_of(watches_.begin(), watches_.end(), [&](const Watch& watch) {
    const auto group = groups_.find(watch.group);
    const auto fields = field_groups_.find(watch.fields);
    if (group == groups_.end() || fields == field_groups_.end()) {
      return false;
    }
    const auto& entities = group->second.entities;
    const auto& ids = fields->second.fields;
    return std::find(entities.begin(), entities.end(), entity) != entities.end() &&
           std::find(ids.begin(), ids.end(), field) != ids.end();
  });
}

void Engine::count(const Entity& entity,
                   const Place& place,
                   std::int64_t every_us,
                   std::int64_t now_us) {
  Count& count = counts_[entity];
  const Machine::View view(machine_);
  const bool fresh = count.begun_us == 0 || count.serial != place.serial;
  if (!fresh && now_us - count.begun_us < every_us) {
    return;
  }
  const Counters now = counters_at(*view, place.gpu, place.gi, now_ns());
  if (!fresh && now.since_ns > count.counters.since_ns) {
    const auto elapsed = static_cast<double>(now.since_ns - count.counters.since_ns);
    for (std::uint32_t m = 0; m < kMetricCount; ++m) {
      count.values[m] = std::max(0.0, (now.integral[m] - count.counters.integral[m]) / elapsed);
    }
    count.at_us = now_us;
  } else {
    count.at_us = 0;
  }
  if (place.ci != kNone) {
    std::fill(std::begin(count.values), std::end(count.values), 0.0);
    for (std::uint32_t slot = 0; slot < (*view).process_top; ++slot) {
      const ProcessState& process = (*view).processes[slot];
      if (process.used != 0 && process.gpu == place.gpu && process.gi == place.gi &&
          process.ci == place.ci) {
        for (std::uint32_t m = 0; m < kMetricCount; ++m) {
          count.values[m] += process.rate[m];
        }
      }
    }
  }
  count.serial = place.serial;
  count.counters = now;
  count.begun_us = now_us;
}

void Engine::update() {
  const auto all = watched();
  std::erase_if(counts_, [&](const auto& entry) { return !all.contains(entry.first); });
  const auto there = places();
  const std::int64_t now = unix_us();
  for (const auto& [entity, every_us] : all) {
    const auto place = there.find(entity);
    if (place == there.end()) {
      counts_.erase(entity);
    } else {
      count(entity, place->second, every_us, now);
    }
  }
}

Value Engine::value(const Entity& entity, std::uint16_t field) const {
  Value out;
  out.entity = pair_of(entity);
  out.field = field;
  if (field == DCGM_FI_DEV_UUID) {
    const Machine::View view(machine_);
    out.type = DCGM_FT_STRING;
    out.at_us = unix_us();
    if (entity.first == DCGM_FE_GPU && entity.second < machine_.hardware().gpu_count) {
      std::strncpy(out.text, (*view).gpus[entity.second].uuid, sizeof(out.text) - 1);
    }
    return out;
  }
  const FieldMetric* metric = metric_of(field);
  if (metric == nullptr || !is_watched(entity, field)) {
    out.status = metric == nullptr ? DCGM_ST_UNKNOWN_FIELD : DCGM_ST_NOT_WATCHED;
    return out;
  }
  const auto found = counts_.find(entity);
  if (found == counts_.end() || found->second.at_us == 0) {
    out.status = DCGM_ST_NO_DATA;
    return out;
  }
  const bool bytes = metric->metric == kPcieTx || metric->metric == kPcieRx;
  out.type = bytes ? DCGM_FT_INT64 : DCGM_FT_DOUBLE;
  out.at_us = found->second.at_us - (fault_ == "stale" ? kHourUs : 0);
  out.number = found->second.values[metric->metric];
  if (fault_ == "blank" || fault_ == "not_supported") {
    out.type = DCGM_FT_DOUBLE;
    out.number = DCGM_FP64_BLANK + (fault_ == "blank" ? 0 : 2);
  }
  return out;
}

std::int32_t Engine::values(const std::string& body, std::string& out) const {
  std::size_t at = 0;
  ValuesRequest request;
  if (!take(body, at, &request)) {
    return DCGM_ST_BADPARAM;
  }
  std::vector<dcgmGroupEntityPair_t> entities(request.entities);
  std::vector<std::uint16_t> fields(request.fields);
  if (request.entities > DCGM_GROUP_MAX_ENTITIES || request.fields > DCGM_GROUP_MAX_ENTITIES ||
      !take(body, at, entities.data(), entities.size()) ||
      !take(body, at, fields.data(), fields.size())) {
    return DCGM_ST_BADPARAM;
  }
  for (const dcgmGroupEntityPair_t& entity : entities) {
    for (const std::uint16_t field : fields) {
      append(out, value({entity.entityGroupId, entity.entityId}, field));
    }
  }
  return DCGM_ST_OK;
}

std::int32_t Engine::watch(int connection, const WatchRequest& request) {
  if (fault_ == "refuse" || fault_ == "in_use") {
    return fault_ == "refuse" ? DCGM_ST_REQUIRES_ROOT : DCGM_ST_IN_USE;
  }
  if (!groups_.contains(request.group) || !field_groups_.contains(request.fields) ||
      request.every_us <= 0) {
    return DCGM_ST_BADPARAM;
  }
  watches_.push_back({connection, request.group, request.fields, request.every_us});
  update();
  return DCGM_ST_OK;
}

std::int32_t Engine::add_entity(const GroupEntity& request) {
  const auto group = groups_.find(request.group);
  const Entity entity{request.entity.entityGroupId, request.entity.entityId};
  if (group == groups_.end() || !places().contains(entity)) {
    return DCGM_ST_BADPARAM;
  }
  group->second.entities.push_back(entity);
  return DCGM_ST_OK;
}

std::int32_t Engine::add_fields(int connection, const std::string& body, std::string& out) {
  std::size_t at = 0;
  FieldsRequest request;
  if (!take(body, at, &request) || request.fields == 0 ||
      request.fields > DCGM_GROUP_MAX_ENTITIES) {
    return DCGM_ST_BADPARAM;
  }
  FieldGroup group{connection, std::vector<std::uint16_t>(request.fields), ""};
  if (!take(body, at, group.fields.data(), group.fields.size())) {
    return DCGM_ST_BADPARAM;
  }
  group.name = body.substr(at);
  for (const auto& [id, other] : field_groups_) {
    if (other.name == group.name) {
      return DCGM_ST_DUPLICATE_KEY;
    }
  }
  field_groups_[++last_id_] = std::move(group);
  append(out, last_id_);
  return DCGM_ST_OK;
}

std::int32_t Engine::answer(int connection, Op op, const std::string& body, std::string& out) {
  std::size_t at = 0;
  std::uint64_t id = 0;
  WatchRequest watch_request;
  GroupEntity entity;
  switch (op) {
    case Op::kHello:
      return DCGM_ST_OK;
    case Op::kDevices:
      for (unsigned i = 0; i < machine_.hardware().gpu_count; ++i) {
        append(out, i);
      }
      return DCGM_ST_OK;
    case Op::kHierarchy:
      return hierarchy(out);
    case Op::kGroupCreate:
      groups_[++last_id_] = {connection, {}};
      append(out, last_id_);
      return DCGM_ST_OK;
    case Op::kGroupAdd:
      return take(body, at, &entity) ? add_entity(entity) : DCGM_ST_BADPARAM;
    case Op::kGroupDestroy:
      return take(body, at, &id) && groups_.erase(id) != 0 ? DCGM_ST_OK : DCGM_ST_NOT_CONFIGURED;
    case Op::kFieldGroupCreate:
      return add_fields(connection, body, out);
    case Op::kFieldGroupDestroy:
      return take(body, at, &id) && field_groups_.erase(id) != 0 ? DCGM_ST_OK : DCGM_ST_BADPARAM;
    case Op::kWatch:
      return take(body, at, &watch_request) ? watch(connection, watch_request) : DCGM_ST_BADPARAM;
    case Op::kUnwatch:
      if (!take(body, at, &watch_request)) {
        return DCGM_ST_BADPARAM;
      }
      std::erase_if(watches_, [&](const Watch& one) {
        return one.group == watch_request.group && one.fields == watch_request.fields;
      });
      return DCGM_ST_OK;
    case Op::kValues:
      return values(body, out);
  }
  return DCGM_ST_BADPARAM;
}

void Engine::end(int connection, bool persist) {
  if (persist) {
    return;
  }
  const auto own = [&](const auto& entry) { return entry.second.owner == connection; };
  std::erase_if(watches_, [&](const Watch& watch) { return watch.owner == connection; });
  std::erase_if(groups_, own);
  std::erase_if(field_groups_, own);
}

std::string Engine::report() const {
  return "entities " + std::to_string(watched().size()) + " watches " +
         std::to_string(watches_.size()) + " groups " +
         std::to_string(groups_.size() + field_groups_.size());
}

}  // namespace migsim::dcgm
