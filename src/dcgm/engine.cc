// SPDX-License-Identifier: Apache-2.0
#include "dcgm/engine.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

namespace mig::dcgm {
namespace {

// The host engine keeps the last value, and one before it in reserve.
constexpr double kKeptIntervals = 4;
constexpr int kKeptValues = 2;
constexpr double kMsPerSecond = 1000;

template <std::size_t N>
std::string text_in(const char (&field)[N]) {
  return {field, ::strnlen(field, N)};
}

// DCGM's values that are none: a base, and what is added to it says why.
const char* blank_reason(std::int64_t above) {
  switch (above) {
    case 1:
      return "the host engine did not find it";
    case 2:
      return "the host engine says that it is not supported";
    case 3:
      return "the host engine has no permission to count it";
    default:
      return "the host engine has no value";
  }
}

Value value_of(const Functions& functions, const dcgmFieldValue_v2& raw) {
  Value out{{raw.entityGroupId, raw.entityId}, raw.fieldId, {}, {}, raw.ts};
  if (raw.status != DCGM_ST_OK) {
    out.reason = "the host engine: " + text_of(functions, raw.status);
  } else if (raw.fieldType == DCGM_FT_DOUBLE) {
    if (raw.value.dbl >= DCGM_FP64_BLANK) {
      out.reason = blank_reason(
          static_cast<std::int64_t>(std::min(raw.value.dbl - DCGM_FP64_BLANK, kMsPerSecond)));
    } else if (std::isfinite(raw.value.dbl) && raw.value.dbl >= 0) {
      out.number = raw.value.dbl;
    }
  } else if (raw.fieldType == DCGM_FT_INT64) {
    if (raw.value.i64 >= DCGM_INT64_BLANK) {
      out.reason = blank_reason(raw.value.i64 - DCGM_INT64_BLANK);
    } else if (raw.value.i64 >= 0) {
      out.number = static_cast<double>(raw.value.i64);
    }
  }
  if (!out.number && out.reason.empty()) {
    out.reason = "the host engine gives something that is no number";
  }
  return out;
}

}  // namespace

Error Engine::failed(int code, const std::string& what) const {
  Error error;
  error.code = code == DCGM_ST_CONNECTION_NOT_VALID ? ErrorCode::kIo
               : code == DCGM_ST_TIMEOUT            ? ErrorCode::kTimeout
               : code == DCGM_ST_VER_MISMATCH       ? ErrorCode::kNotSupported
                                                    : ErrorCode::kDriver;
  error.message = fmt::format(
      "the DCGM host engine at {}: {}: {}", address_.text, what, text_of(library_.functions, code));
  if (code == DCGM_ST_VER_MISMATCH) {
    error.hint = "library and host engine must be DCGM 3 or 4, of one version";
  } else if (code == DCGM_ST_REQUIRES_ROOT || code == DCGM_ST_NO_PERMISSION) {
    error.hint = "profiling counters need nv-hostengine to run as root";
  } else if (code == DCGM_ST_IN_USE) {
    error.hint = "another profiler (Nsight, CUPTI) has the counters; before Hopper only one can";
  }
  return error;
}

Result<std::unique_ptr<Engine>> Engine::connect(const std::string& address,
                                                std::chrono::milliseconds patience) {
  MIG_ASSIGN_OR_RETURN(Address where, parse_address(address));
  MIG_ASSIGN_OR_RETURN(Library library, load_library());
  MIG_TRY(check_listener(where));
  std::unique_ptr<Engine> engine(new Engine(std::move(library)));
  engine->address_ = std::move(where);
  const Functions& dcgm = engine->library_.functions;
  if (const dcgmReturn_t code = dcgm.dcgmInit(); code != DCGM_ST_OK) {
    return engine->failed(code, "cannot initialise " + engine->library_.name);
  }
  engine->initialised_ = true;
  dcgmConnectV2Params_v2 parameters{};
  parameters.version = dcgmConnectV2Params_version2;
  parameters.timeoutMs = static_cast<unsigned>(patience.count());
  parameters.addressIsUnixSocket = engine->address_.is_unix ? 1 : 0;
  const dcgmReturn_t code =
      dcgm.dcgmConnect_v2(engine->address_.text.c_str(), &parameters, &engine->connection_);
  if (code != DCGM_ST_OK) {
    engine->connection_ = 0;
    return engine->failed(code, "cannot connect");
  }
  return engine;
}

Engine::~Engine() {
  if (connection_ != 0) {
    library_.functions.dcgmDisconnect(connection_);
  }
  if (initialised_) {
    library_.functions.dcgmShutdown();
  }
}

Result<std::vector<dcgmFieldValue_v2>> Engine::read(std::vector<dcgmGroupEntityPair_t>& entities,
                                                    std::vector<unsigned short>& fields,
                                                    unsigned flags) {
  std::vector<dcgmFieldValue_v2> out(entities.size() * fields.size());
  if (out.empty()) {
    return out;
  }
  const dcgmReturn_t code =
      library_.functions.dcgmEntitiesGetLatestValues(connection_,
                                                     entities.data(),
                                                     static_cast<unsigned>(entities.size()),
                                                     fields.data(),
                                                     static_cast<unsigned>(fields.size()),
                                                     flags,
                                                     out.data());
  if (code != DCGM_ST_OK) {
    return failed(code, "cannot read values");
  }
  for (const dcgmFieldValue_v2& value : out) {
    if (value.version != dcgmFieldValue_version2 && value.version != 0) {
      return failed(DCGM_ST_VER_MISMATCH, "values are laid out otherwise");
    }
  }
  return out;
}

Result<void> Engine::add_gpus(std::vector<Entity>& out) {
  unsigned ids[DCGM_MAX_NUM_DEVICES] = {};
  int count = 0;
  if (const auto code = library_.functions.dcgmGetAllDevices(connection_, ids, &count);
      code != DCGM_ST_OK) {
    return failed(code, "cannot list the GPUs");
  }
  std::vector<dcgmGroupEntityPair_t> gpus;
  for (int i = 0; i < std::min<int>(count, DCGM_MAX_NUM_DEVICES); ++i) {
    gpus.push_back({DCGM_FE_GPU, ids[i]});
  }
  std::vector<unsigned short> fields = {DCGM_FI_DEV_UUID};
  MIG_ASSIGN_OR_RETURN(const auto uuids, read(gpus, fields, DCGM_FV_FLAG_LIVE_DATA));
  for (const dcgmFieldValue_v2& value : uuids) {
    if (value.status == DCGM_ST_OK && value.fieldType == DCGM_FT_STRING) {
      out.push_back({{value.entityGroupId, value.entityId}, text_in(value.value.str), {}, {}});
    }
  }
  return {};
}

Result<void> Engine::add_instances(std::vector<Entity>& out) {
  const auto hierarchy = std::make_unique<dcgmMigHierarchy_v2>();  // 72 KiB
  hierarchy->version = dcgmMigHierarchy_version2;
  const auto code = library_.functions.dcgmGetGpuInstanceHierarchy(connection_, hierarchy.get());
  if (code != DCGM_ST_OK) {
    return failed(code, "cannot list the instances");
  }
  const unsigned count = std::min<unsigned>(hierarchy->count, DCGM_MAX_HIERARCHY_INFO);
  for (unsigned i = 0; i < count; ++i) {
    const dcgmMigHierarchyInfo_v2& one = hierarchy->entityList[i];
    Entity entity{one.entity, text_in(one.info.gpuUuid), one.info.nvmlInstanceId, {}};
    if (one.entity.entityGroupId == DCGM_FE_GPU_CI) {
      entity.compute_instance = one.info.nvmlComputeInstanceId;
    } else if (one.entity.entityGroupId != DCGM_FE_GPU_I) {
      continue;
    }
    out.push_back(std::move(entity));
  }
  return {};
}

Result<std::vector<Entity>> Engine::entities() {
  std::vector<Entity> out;
  MIG_TRY(add_gpus(out));
  MIG_TRY(add_instances(out));
  return out;
}

Result<Watch> Engine::watch(const std::string& name,
                            const std::vector<dcgmGroupEntityPair_t>& entities,
                            std::vector<unsigned short> fields,
                            std::chrono::milliseconds every) {
  const Functions& dcgm = library_.functions;
  const std::string unique = fmt::format("migctl {} {} {}", ::getpid(), ++names_, name);
  Watch watch;
  dcgmGpuGrp_t group = 0;
  auto code = dcgm.dcgmGroupCreate(connection_, DCGM_GROUP_EMPTY, unique.c_str(), &group);
  if (code != DCGM_ST_OK) {
    return failed(code, "cannot make a group of entities");
  }
  watch.entities = group;
  for (const dcgmGroupEntityPair_t& entity : entities) {
    if (code == DCGM_ST_OK) {
      code = dcgm.dcgmGroupAddEntity(connection_, group, entity.entityGroupId, entity.entityId);
    }
  }
  dcgmFieldGrp_t field_group = 0;
  if (code == DCGM_ST_OK) {
    code = dcgm.dcgmFieldGroupCreate(
        connection_, static_cast<int>(fields.size()), fields.data(), unique.c_str(), &field_group);
  }
  if (code == DCGM_ST_OK) {
    watch.fields = field_group;
    const double seconds = kKeptIntervals * static_cast<double>(every.count()) / kMsPerSecond;
    code = dcgm.dcgmWatchFields(connection_,
                                group,
                                field_group,
                                std::chrono::microseconds(every).count(),
                                seconds,
                                kKeptValues);
  }
  if (code != DCGM_ST_OK) {
    unwatch(watch);
    return failed(code, "cannot watch profiling fields");
  }
  return watch;
}

void Engine::unwatch(const Watch& watch) {
  const Functions& dcgm = library_.functions;
  if (watch.entities && watch.fields) {
    dcgm.dcgmUnwatchFields(connection_, *watch.entities, *watch.fields);
    dcgm.dcgmFieldGroupDestroy(connection_, *watch.fields);
  }
  if (watch.entities) {
    dcgm.dcgmGroupDestroy(connection_, *watch.entities);
  }
}

Result<std::vector<Value>> Engine::values(std::vector<dcgmGroupEntityPair_t> entities,
                                          std::vector<unsigned short> fields) {
  MIG_ASSIGN_OR_RETURN(const auto raw, read(entities, fields, 0));
  std::vector<Value> out;
  out.reserve(raw.size());
  for (const dcgmFieldValue_v2& value : raw) {
    if (value.version != 0) {  // else fewer came than there was room for
      out.push_back(value_of(library_.functions, value));
    }
  }
  return out;
}

}  // namespace mig::dcgm
