// SPDX-License-Identifier: Apache-2.0
// Power, energy and temperature: of the whole GPU, in MIG mode too.
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"
#include "sim/exports/limits.h"
#include "sim/machine/settings.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// The limit that was set, else the board's default.
nvmlReturn_t give_limit(const char* function, nvmlDevice_t device, unsigned* mw) {
  return read_gpu(function, device, [&](const Subject& s) {
    return put_figure(power_limit_mw(s.board(), s.self()), mw);
  });
}

}  // namespace

extern "C" {

// A board file without fan speed means a board without a fan that NVML reports.
nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned* percent) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_figure(s.board().fan_percent, percent);
  });
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned* mw) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_reading(power_mw(s.hardware(), s.state(), s.ref.gpu), mw);
  });
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long* mj) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return put_reading(energy_mj(s.hardware(), s.state(), s.ref.gpu, now_ns()), mj);
  });
}

nvmlReturn_t nvmlDeviceGetPowerManagementMode(nvmlDevice_t device, nvmlEnableState_t* mode) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return s.board().power_limit_mw == kUnknown && mode != nullptr
               ? NVML_ERROR_NOT_SUPPORTED
               : put(NVML_FEATURE_ENABLED, mode);
  });
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned* mw) {
  return give_limit(__func__, device, mw);
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned* mw) {
  return read_gpu(
      __func__, device, [&](const Subject& s) { return put_figure(s.board().power_limit_mw, mw); });
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned* mw) {
  return give_limit(__func__, device, mw);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device,
                                                          unsigned* min_mw,
                                                          unsigned* max_mw) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (min_mw == nullptr || max_mw == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (s.board().power_limit_mw == kUnknown || s.board().power_min_limit_mw == kUnknown) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    *max_mw = static_cast<unsigned>(s.board().power_limit_mw);
    return put_figure(s.board().power_min_limit_mw, min_mw);
  });
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device,
                                      nvmlTemperatureSensors_t sensor,
                                      unsigned* celsius) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    return sensor != NVML_TEMPERATURE_GPU
               ? NVML_ERROR_INVALID_ARGUMENT
               : put_reading(temperature_c(s.hardware(), s.state(), s.ref.gpu, now_ns()), celsius);
  });
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t* temperature) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (temperature == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (temperature->version != nvmlTemperature_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return temperature->sensorType != NVML_TEMPERATURE_GPU
               ? NVML_ERROR_INVALID_ARGUMENT
               : put_reading(temperature_c(s.hardware(), s.state(), s.ref.gpu, now_ns()),
                             &temperature->temperature);
  });
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device,
                                               nvmlTemperatureThresholds_t threshold,
                                               unsigned* celsius) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    switch (threshold) {
      case NVML_TEMPERATURE_THRESHOLD_SHUTDOWN:
        return put_figure(s.board().temperature_shutdown_c, celsius);
      case NVML_TEMPERATURE_THRESHOLD_SLOWDOWN:
        return put_figure(s.board().temperature_slowdown_c, celsius);
      default:
        return threshold < 0 || threshold >= NVML_TEMPERATURE_THRESHOLD_COUNT || celsius == nullptr
                   ? NVML_ERROR_INVALID_ARGUMENT
                   : NVML_ERROR_NOT_SUPPORTED;
    }
  });
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device,
                                            nvmlMarginTemperature_v1_t* margin) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (margin == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (margin->version != nvmlMarginTemperature_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    const auto limit = thermal_limit_c(s.board());
    const auto now = temperature_c(s.hardware(), s.state(), s.ref.gpu, now_ns());
    if (!limit || !now) {
      return NVML_ERROR_NOT_SUPPORTED;
    }
    return put(*limit - static_cast<int>(*now), &margin->marginTemperature);
  });
}

}  // extern "C"
