// SPDX-License-Identifier: Apache-2.0
#include "observe/dcgm_watches.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace mig::observe {
namespace {

constexpr int kIntervalsUntilStale = 3;
constexpr std::int64_t kStaleAtLeastUs = 5'000'000;
// A GPU that the engine refuses to count is asked for again after so long.
constexpr std::int64_t kAgainUs = 5'000'000;

// A field, where it is put, and the finest entity that has one of its own.
struct Field {
  std::optional<double> Activity::*member;
  dcgm_field_entity_group_t level;
  unsigned short id;
};

constexpr Field kFields[] = {
    {&Activity::graphics, DCGM_FE_GPU_CI, DCGM_FI_PROF_GR_ENGINE_ACTIVE},
    {&Activity::sm, DCGM_FE_GPU_CI, DCGM_FI_PROF_SM_ACTIVE},
    {&Activity::occupancy, DCGM_FE_GPU_CI, DCGM_FI_PROF_SM_OCCUPANCY},
    {&Activity::tensor, DCGM_FE_GPU_CI, DCGM_FI_PROF_PIPE_TENSOR_ACTIVE},
    {&Activity::dram, DCGM_FE_GPU_I, DCGM_FI_PROF_DRAM_ACTIVE},
    {&Activity::fp64, DCGM_FE_GPU_CI, DCGM_FI_PROF_PIPE_FP64_ACTIVE},
    {&Activity::fp32, DCGM_FE_GPU_CI, DCGM_FI_PROF_PIPE_FP32_ACTIVE},
    {&Activity::fp16, DCGM_FE_GPU_CI, DCGM_FI_PROF_PIPE_FP16_ACTIVE},
    {&Activity::pcie_tx_bytes_per_second, DCGM_FE_GPU, DCGM_FI_PROF_PCIE_TX_BYTES},
    {&Activity::pcie_rx_bytes_per_second, DCGM_FE_GPU, DCGM_FI_PROF_PCIE_RX_BYTES},
};

// Whether an entity has the field as its own. With MIG on, the activity of the GPU is that of its
// instances (activity_of_all), of which not every release of DCGM makes a sum.
bool has(dcgm_field_entity_group_t kind, bool mig, const Field& field) {
  return kind == DCGM_FE_GPU ? !mig || field.level == DCGM_FE_GPU : field.level >= kind;
}

std::vector<unsigned short> fields_of(dcgm_field_entity_group_t kind, bool mig) {
  std::vector<unsigned short> out;
  for (const Field& field : kFields) {
    if (has(kind, mig, field)) {
      out.push_back(field.id);
    }
  }
  return out;
}

bool same(const dcgmGroupEntityPair_t& a, const dcgmGroupEntityPair_t& b) {
  return a.entityGroupId == b.entityGroupId && a.entityId == b.entityId;
}

bool same_entities(const std::vector<dcgmGroupEntityPair_t>& a,
                   const std::vector<dcgmGroupEntityPair_t>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

// The connection, rather than what was asked.
bool is_lost(const Error& error) {
  return error.code == ErrorCode::kIo || error.code == ErrorCode::kTimeout;
}

// The text is a metric's label: it must not change from tick to tick.
const char* stale(std::int64_t age_us) {
  return age_us < 0 ? "the host engine's value is from the future: its clock differs"
                    : "the host engine's last value is older than three intervals";
}

}  // namespace

std::vector<DcgmSubject> dcgm_subjects(const GpuSample& gpu) {
  if (gpu.mig_current == MigMode::kEnabled && gpu.instances.empty()) {
    return {};
  }
  std::vector<DcgmSubject> out = {{gpu.uuid, {}, {}, 0}};
  for (const GpuInstanceSample& instance : gpu.instances) {
    out.push_back({gpu.uuid, instance.id.value, {}, instance.generation});
    const auto& parts = instance.compute_instances;
    // The only one with all SMs does what its GPU instance does.
    const bool whole = parts.size() == 1 && parts.front().sm == instance.sm;
    for (const ComputeInstanceSample& part : parts) {
      if (!whole) {
        out.push_back({gpu.uuid, instance.id.value, part.id.value, instance.generation});
      }
    }
  }
  return out;
}

void DcgmWatches::unwatch(const Watched& watched) {
  for (const dcgm::Watch& watch : watched.watches) {
    engine_.unwatch(watch);
  }
}

Result<void> DcgmWatches::watch(const std::string& gpu, Watched& wanted) {
  const auto add = [&](const char* what,
                       dcgm_field_entity_group_t fields_like,
                       const auto& takes) -> Result<void> {
    std::vector<dcgmGroupEntityPair_t> entities;
    std::copy_if(
        wanted.entities.begin(), wanted.entities.end(), std::back_inserter(entities), takes);
    if (entities.empty()) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(dcgm::Watch watch,
                         engine_.watch(fmt::format("{} {}", gpu, what),
                                       entities,
                                       fields_of(fields_like, wanted.mig),
                                       wanted.interval));
    wanted.watches.push_back(watch);
    return {};
  };
  MIG_TRY(add("GPU", DCGM_FE_GPU, [](const dcgmGroupEntityPair_t& one) {
    return one.entityGroupId == DCGM_FE_GPU;
  }));
  return add("instances", DCGM_FE_GPU_I, [](const dcgmGroupEntityPair_t& one) {
    return one.entityGroupId != DCGM_FE_GPU;
  });
}

// Takes a value into its entity's reading.
void DcgmWatches::take(const dcgm::Value& value,
                       const Watched& watched,
                       std::int64_t now_us,
                       DcgmReadings& out) {
  const auto at = std::find_if(
      watched.entities.begin(), watched.entities.end(), [&](const dcgmGroupEntityPair_t& one) {
        return same(one, value.entity);
      });
  const auto* field = std::find_if(std::begin(kFields), std::end(kFields), [&](const Field& one) {
    return one.id == value.field;
  });
  if (at == watched.entities.end() || field == std::end(kFields)) {
    return;
  }
  const auto number = static_cast<std::size_t>(at - watched.entities.begin());
  DcgmReading& reading = out.of[watched.subjects[number]];
  const std::int64_t oldest = std::max(
      kIntervalsUntilStale * std::chrono::microseconds(watched.interval).count(), kStaleAtLeastUs);
  const std::int64_t age = now_us - value.at_us;
  if (!value.number) {
    reading.reason = reading.reason.empty() ? value.reason : reading.reason;
  } else if (age > oldest || age < -oldest) {
    reading.reason = stale(age);
  } else if (value.at_us < watched.since_us) {
    reading.reason = "the host engine has counted no interval yet";
  } else {
    reading.activity.*field->member = value.number;
    reading.at_us = value.at_us;
  }
}

Result<void> DcgmWatches::read_gpu(const Watched& watched, std::int64_t now_us, DcgmReadings& out) {
  for (const auto kind : {DCGM_FE_GPU, DCGM_FE_GPU_I, DCGM_FE_GPU_CI}) {
    std::vector<dcgmGroupEntityPair_t> entities;
    std::copy_if(watched.entities.begin(),
                 watched.entities.end(),
                 std::back_inserter(entities),
                 [kind](const dcgmGroupEntityPair_t& one) { return one.entityGroupId == kind; });
    MIG_ASSIGN_OR_RETURN(const auto values, engine_.values(entities, fields_of(kind, watched.mig)));
    for (const dcgm::Value& value : values) {
      take(value, watched, now_us, out);
    }
  }
  return {};
}

DcgmWatches::Watched DcgmWatches::wanted_of(
    const std::vector<DcgmSubject>& subjects,
    const std::map<DcgmSubject, dcgmGroupEntityPair_t>& known,
    DcgmReadings& out) const {
  Watched wanted;
  for (const DcgmSubject& subject : subjects) {
    wanted.mig = wanted.mig || subject.gpu_instance;
    const auto found =
        known.find({subject.gpu_uuid, subject.gpu_instance, subject.compute_instance, 0});
    if (found == known.end()) {
      out.of[subject].reason = "the host engine does not know this instance";
    } else if (wanted.entities.size() < DCGM_GROUP_MAX_ENTITIES) {
      wanted.subjects.push_back(subject);
      wanted.entities.push_back(found->second);
    }
  }
  return wanted;
}

Result<void> DcgmWatches::watch_and_read(const std::string& gpu,
                                         Watched wanted,
                                         std::int64_t now_us,
                                         DcgmReadings& out) {
  Watched& watched = watched_[gpu];
  if (watched.subjects != wanted.subjects || watched.interval != wanted.interval ||
      !same_entities(watched.entities, wanted.entities)) {
    unwatch(watched);
    watched = std::move(wanted);
    watched.since_us = now_us;
    MIG_TRY(watch(gpu, watched));
  }
  return read_gpu(watched, now_us, out);
}

void DcgmWatches::keep_only(const std::map<std::string, std::vector<DcgmSubject>>& gpus) {
  for (auto entry = watched_.begin(); entry != watched_.end();) {
    if (gpus.contains(entry->first)) {
      ++entry;
    } else {
      unwatch(entry->second);
      entry = watched_.erase(entry);
    }
  }
}

// What the engine refuses is of this GPU only, and asked for again some time later.
void DcgmWatches::refuse(const std::string& gpu,
                         const std::vector<DcgmSubject>& subjects,
                         DcgmReadings& out) {
  const std::string& why = refused_[gpu].why;
  unwatch(watched_[gpu]);
  watched_.erase(gpu);
  for (const DcgmSubject& subject : subjects) {
    out.of[subject] = {{}, why, 0};
  }
  out.problem = out.problem.empty() ? why : out.problem;
}

Result<DcgmReadings> DcgmWatches::read(const std::map<std::string, std::vector<DcgmSubject>>& gpus,
                                       std::chrono::milliseconds interval,
                                       std::int64_t now_us) {
  MIG_ASSIGN_OR_RETURN(const std::vector<dcgm::Entity> entities, engine_.entities());
  std::map<DcgmSubject, dcgmGroupEntityPair_t> known;  // of generation 0
  for (const dcgm::Entity& entity : entities) {
    known[{entity.gpu_uuid, entity.gpu_instance, entity.compute_instance, 0}] = entity.id;
  }
  keep_only(gpus);
  DcgmReadings out;
  for (const auto& [gpu, subjects] : gpus) {
    const Refused& before = refused_[gpu];
    const std::int64_t since = now_us - before.at_us;
    if (!before.why.empty() && since >= 0 && since <= kAgainUs) {
      refuse(gpu, subjects, out);
      continue;
    }
    Watched wanted = wanted_of(subjects, known, out);
    wanted.interval = interval;
    const auto done = watch_and_read(gpu, std::move(wanted), now_us, out);
    if (done) {
      refused_[gpu] = {};
      continue;
    }
    if (is_lost(done.error())) {
      return done.error();
    }
    refused_[gpu] = {done.error().text(), now_us};
    refuse(gpu, subjects, out);
  }
  return out;
}

}  // namespace mig::observe
