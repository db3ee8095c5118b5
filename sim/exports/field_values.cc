// SPDX-License-Identifier: Apache-2.0
// Field values: each queried field has its own value and its own return code.
#include <optional>

#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/limits.h"
#include "sim/exports/links.h"
#include "sim/machine/settings.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

struct Answer {
  nvmlReturn_t code = NVML_ERROR_NOT_SUPPORTED;
  nvmlValueType_t type = NVML_VALUE_TYPE_UNSIGNED_INT;
  nvmlValue_t value{};
};

Answer number(std::uint64_t value) {
  Answer answer{NVML_SUCCESS, NVML_VALUE_TYPE_UNSIGNED_INT, {}};
  answer.value.uiVal = static_cast<unsigned>(value);
  return answer;
}

Answer wide(std::uint64_t value) {
  Answer answer{NVML_SUCCESS, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, {}};
  answer.value.ullVal = value;
  return answer;
}

Answer degrees(std::optional<int> value) {
  Answer answer;
  if (value) {
    answer = {NVML_SUCCESS, NVML_VALUE_TYPE_SIGNED_INT, {}};
    answer.value.siVal = *value;
  }
  return answer;
}

Answer figure(std::int64_t value) {
  return value == kUnknown ? Answer{} : number(static_cast<std::uint64_t>(value));
}

template <class T>
Answer reading(const std::optional<T>& value) {
  return value ? number(static_cast<std::uint64_t>(*value)) : Answer{};
}

Answer ecc(const Subject& s, std::uint64_t count) {
  return s.self().ecc_enabled != 0 ? wide(count) : Answer{};
}

// Margin of a board temperature to the thermal limit, negative beyond the limit.
Answer to_limit(const Subject& s, std::int64_t celsius) {
  const auto limit = thermal_limit_c(s.board());
  return limit && celsius != kUnknown ? degrees(*limit - static_cast<int>(celsius)) : Answer{};
}

Answer at_limit(const Subject& s) {
  return thermal_limit_c(s.board()) ? degrees(0) : Answer{};
}

// NVLink fields of the link that the scope names. Speeds in MB/s as nvidia-smi shows them: NVLink 4
// on an H200 (580.159.04), NVLink 3 in published readings of A100s; simulated links carry no
// traffic.
Answer nvlink(const Subject& s, unsigned field, unsigned link) {
  if (!has_link(s, link) || !linked(s)) {
    return {};
  }
  switch (field) {
    case NVML_FI_DEV_NVLINK_GET_SPEED:
      if (s.board().nvlink_version == 4) {
        return number(26562);
      }
      return s.board().nvlink_version == 3 ? number(25000) : Answer{};
    case NVML_FI_DEV_NVLINK_GET_STATE:
      return number(1);
    case NVML_FI_DEV_NVLINK_REMOTE_NVLINK_ID:
      return number(0);
    case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX:
    case NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_RX:
    case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_TX:
    case NVML_FI_DEV_NVLINK_THROUGHPUT_RAW_RX:
      return wide(0);
    default:
      return {};
  }
}

// Counters of the PCIe link: bytes that workloads sent and received; errors are 0.
Answer pcie(const Subject& s, unsigned field, unsigned lane) {
  const auto bytes = [&](Metric metric) {
    const Counters counters = counters_at(s.state(), s.ref.gpu, kNone, now_ns());
    return wide(static_cast<std::uint64_t>(counters.integral[metric] / 1e9));
  };
  switch (field) {
    case NVML_FI_DEV_PCIE_COUNT_TX_BYTES:
      return bytes(kPcieTx);
    case NVML_FI_DEV_PCIE_COUNT_RX_BYTES:
      return bytes(kPcieRx);
    case NVML_FI_DEV_PCIE_COUNT_LANE_ERROR:
      return static_cast<std::int64_t>(lane) < s.board().pcie_width ? number(0) : Answer{};
    case NVML_FI_DEV_PCIE_L0_TO_RECOVERY_COUNTER:
    case NVML_FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS:
    case NVML_FI_DEV_PCIE_COUNT_NAKS_RECEIVED:
    case NVML_FI_DEV_PCIE_COUNT_RECEIVER_ERROR:
    case NVML_FI_DEV_PCIE_COUNT_BAD_TLP:
    case NVML_FI_DEV_PCIE_COUNT_NAKS_SENT:
    case NVML_FI_DEV_PCIE_COUNT_BAD_DLLP:
    case NVML_FI_DEV_PCIE_COUNT_NON_FATAL_ERROR:
    case NVML_FI_DEV_PCIE_COUNT_FATAL_ERROR:
    case NVML_FI_DEV_PCIE_COUNT_UNSUPPORTED_REQ:
    case NVML_FI_DEV_PCIE_COUNT_LCRC_ERROR:
      return number(0);
    default:
      return {};
  }
}

bool is_power(unsigned field) {
  switch (field) {
    case NVML_FI_DEV_POWER_AVERAGE:
    case NVML_FI_DEV_POWER_INSTANT:
    case NVML_FI_DEV_POWER_MIN_LIMIT:
    case NVML_FI_DEV_POWER_MAX_LIMIT:
    case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
    case NVML_FI_DEV_POWER_CURRENT_LIMIT:
    case NVML_FI_DEV_POWER_REQUESTED_LIMIT:
      return true;
    default:
      return false;
  }
}

// Fields for power, energy and temperature.
Answer sensor(const Subject& s, unsigned field, unsigned scope) {
  if (is_power(field) && scope != NVML_POWER_SCOPE_GPU) {
    return {};  // H200, 580.159.04: a board has no module power sensor
  }
  switch (field) {
    case NVML_FI_DEV_POWER_AVERAGE:
    case NVML_FI_DEV_POWER_INSTANT:
      return reading(power_mw(s.hardware(), s.state(), s.ref.gpu));
    case NVML_FI_DEV_POWER_MIN_LIMIT:
      return figure(s.board().power_min_limit_mw);
    case NVML_FI_DEV_POWER_MAX_LIMIT:
    case NVML_FI_DEV_POWER_DEFAULT_LIMIT:
      return figure(s.board().power_limit_mw);
    case NVML_FI_DEV_POWER_CURRENT_LIMIT:
    case NVML_FI_DEV_POWER_REQUESTED_LIMIT:
      return figure(power_limit_mw(s.board(), s.self()));
    case NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION: {
      const auto energy = energy_mj(s.hardware(), s.state(), s.ref.gpu, now_ns());
      return energy ? wide(static_cast<std::uint64_t>(*energy)) : Answer{};
    }
    case NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT:
      return to_limit(s, s.board().temperature_shutdown_c);
    case NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT:
      return to_limit(s, s.board().temperature_slowdown_c);
    case NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT:
    case NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT:
      return at_limit(s);
    default:
      return {};
  }
}

// Fields for errors, links and capabilities of the GPU.
Answer status(const Subject& s, unsigned field) {
  switch (field) {
    case NVML_FI_DEV_ECC_CURRENT:
      return number(s.self().ecc_enabled);
    case NVML_FI_DEV_ECC_PENDING:
      return number(s.self().ecc_pending);
    case NVML_FI_DEV_ECC_SBE_VOL_TOTAL:
    case NVML_FI_DEV_ECC_SBE_AGG_TOTAL:
    case NVML_FI_DEV_ECC_SBE_VOL_DEV:
    case NVML_FI_DEV_ECC_SBE_AGG_DEV:
      return ecc(s, s.self().ecc_corrected);
    case NVML_FI_DEV_ECC_DBE_VOL_TOTAL:
    case NVML_FI_DEV_ECC_DBE_AGG_TOTAL:
    case NVML_FI_DEV_ECC_DBE_VOL_DEV:
    case NVML_FI_DEV_ECC_DBE_AGG_DEV:
      return ecc(s, s.self().ecc_uncorrected);
    case NVML_FI_DEV_REMAPPED_PENDING:
      return number(s.self().remap_pending);
    case NVML_FI_DEV_REMAPPED_FAILURE:
      return number(s.self().remap_failed);
    case NVML_FI_DEV_REMAPPED_COR:
    case NVML_FI_DEV_REMAPPED_UNC:
    case NVML_FI_DEV_PCIE_REPLAY_COUNTER:
    case NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER:
      return number(0);
    // Time throttled in ns: 0, as the clocks of a simulated board are never throttled.
    case NVML_FI_DEV_PERF_POLICY_POWER:
    case NVML_FI_DEV_PERF_POLICY_SYNC_BOOST:
    case NVML_FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN:
    case NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN:
    case NVML_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN:
      return wide(0);
    case NVML_FI_DEV_NVLINK_LINK_COUNT:
      return s.mig_on() ? Answer{} : figure(s.board().nvlink_count);
    case NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED:
      return number(s.board().mode_needs_reset != 0 ? 0 : 1);
    case NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE:
      return number(1);  // H200, R580: profiles and capacity are reported with MIG off too
    case NVML_FI_DEV_GET_GPU_RECOVERY_ACTION:
      return number(s.self().recovery_action);
    default:
      return {};
  }
}

void answer(const Subject& s, nvmlFieldValue_t& out) {
  Answer found{NVML_ERROR_INVALID_ARGUMENT, NVML_VALUE_TYPE_UNSIGNED_INT, {}};
  if (out.fieldId != 0 && out.fieldId < NVML_FI_MAX) {
    found = s.is_mig() ? Answer{} : sensor(s, out.fieldId, out.scopeId);
    if (found.code != NVML_SUCCESS && !s.is_mig()) {
      found = status(s, out.fieldId);
    }
    if (found.code != NVML_SUCCESS && !s.is_mig()) {
      found = nvlink(s, out.fieldId, out.scopeId);
    }
    if (found.code != NVML_SUCCESS && !s.is_mig()) {
      found = pcie(s, out.fieldId, out.scopeId);
    }
  }
  out.timestamp = static_cast<long long>(wall_clock_us());
  out.latencyUsec = 0;
  out.nvmlReturn = found.code;
  out.valueType = found.type;
  out.value = found.value;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t* values) {
  return read_device(__func__, device, [&](const Subject& s) {
    if (values == nullptr || count <= 0) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    for (int i = 0; i < count; ++i) {
      answer(s, values[i]);
    }
    return NVML_SUCCESS;
  });
}

}  // extern "C"
