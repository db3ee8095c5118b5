// SPDX-License-Identifier: Apache-2.0
// Limits of a GPU, and its idle readings.
#include <array>
#include <optional>
#include <string_view>

#include "sim/tools/capture_notebook.h"

namespace migsim {

namespace {

constexpr const char* kNoCall = "no NVML call tells it";

// True when no process runs on the GPU: only then are readings idle readings.
bool is_idle(const Notebook& book) {
  unsigned compute = 0;
  unsigned graphics = 0;
  return MIGSIM_NVML(book.calls(),
                     nvmlDeviceGetComputeRunningProcesses_v3,
                     book.device(),
                     &compute,
                     nullptr) == NVML_SUCCESS &&
         MIGSIM_NVML(book.calls(),
                     nvmlDeviceGetGraphicsRunningProcesses_v3,
                     book.device(),
                     &graphics,
                     nullptr) == NVML_SUCCESS &&
         compute == 0 && graphics == 0;
}

void read_limits(const Notebook& book) {
  MIGSIM_NUMBER(
      book, nvmlDeviceGetPowerManagementDefaultLimit, "power.limit_mw", &Board::power_limit_mw);
  unsigned min = 0;
  unsigned max = 0;
  const nvmlReturn_t code = MIGSIM_NVML(
      book.calls(), nvmlDeviceGetPowerManagementLimitConstraints, book.device(), &min, &max);
  if (book.told("power.min_limit_mw", code, "nvmlDeviceGetPowerManagementLimitConstraints")) {
    book.board().power_min_limit_mw = min;
  }
}

void read_clock(const Notebook& book,
                nvmlClockType_t type,
                bool idle,
                const CaptureFigure& now,
                const CaptureFigure& highest) {
  unsigned mhz = 0;
  nvmlReturn_t code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetMaxClockInfo, book.device(), type, &mhz);
  if (book.told(highest.path(), code, "nvmlDeviceGetMaxClockInfo")) {
    book.board().*highest.field = mhz;
  }
  if (!idle) {
    book.untold(now.path(), "processes run on the GPU, so it is not idle");
    return;
  }
  code = MIGSIM_NVML(book.calls(), nvmlDeviceGetClockInfo, book.device(), type, &mhz);
  if (book.told(now.path(), code, "nvmlDeviceGetClockInfo")) {
    book.board().*now.field = mhz;
  }
}

std::optional<nvmlFieldValue_t> field_value(const Notebook& book, unsigned field) {
  nvmlFieldValue_t value{};
  value.fieldId = field;
  const nvmlReturn_t code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetFieldValues, book.device(), 1, &value);
  return code == NVML_SUCCESS && value.nvmlReturn == NVML_SUCCESS ? std::optional(value)
                                                                  : std::nullopt;
}

// Hopper and later report margins to the thermal limit only; the limit is temperature + margin.
void read_threshold(const Notebook& book,
                    nvmlTemperatureThresholds_t threshold,
                    unsigned distance_field,
                    const CaptureFigure& figure) {
  unsigned celsius = 0;
  const nvmlReturn_t code = MIGSIM_NVML(
      book.calls(), nvmlDeviceGetTemperatureThreshold, book.device(), threshold, &celsius);
  if (book.told(figure.path(), code, "nvmlDeviceGetTemperatureThreshold")) {
    book.board().*figure.field = celsius;
    return;
  }
  nvmlMarginTemperature_v1_t margin{};
  margin.version = nvmlMarginTemperature_v1;
  const auto distance = field_value(book, distance_field);
  if (!distance ||
      MIGSIM_NVML(
          book.calls(), nvmlDeviceGetTemperature, book.device(), NVML_TEMPERATURE_GPU, &celsius) !=
          NVML_SUCCESS ||
      MIGSIM_NVML(book.calls(), nvmlDeviceGetMarginTemperature, book.device(), &margin) !=
          NVML_SUCCESS) {
    return;
  }
  const int limit = static_cast<int>(celsius) + margin.marginTemperature;
  book.board().*figure.field = limit - distance->value.siVal;
  book.derived(figure.path(),
               std::to_string(celsius) + " C with " + std::to_string(margin.marginTemperature) +
                   " C to the thermal limit, and this threshold " +
                   std::to_string(distance->value.siVal) + " C from it");
}

void read_temperatures(const Notebook& book, bool idle) {
  if (idle) {
    unsigned celsius = 0;
    const nvmlReturn_t code = MIGSIM_NVML(
        book.calls(), nvmlDeviceGetTemperature, book.device(), NVML_TEMPERATURE_GPU, &celsius);
    if (book.told("temperature.idle_c", code, "nvmlDeviceGetTemperature")) {
      book.board().temperature_idle_c = celsius;
    }
  } else {
    book.untold("temperature.idle_c", "processes run on the GPU, so it is not idle");
  }
  book.untold("temperature.full_c",
              std::string(kNoCall) + "; run the GPU at its limit and read it");
  read_threshold(book,
                 NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,
                 NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT,
                 {"temperature", "slowdown_c", &Board::temperature_slowdown_c});
  read_threshold(book,
                 NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
                 NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT,
                 {"temperature", "shutdown_c", &Board::temperature_shutdown_c});
}

// A board without a fan reports no speed; this is not listed as unknown.
void read_fan(const Notebook& book, bool idle) {
  unsigned percent = 0;
  if (MIGSIM_NVML(book.calls(), nvmlDeviceGetFanSpeed, book.device(), &percent) ==
      NVML_ERROR_NOT_SUPPORTED) {
    return;
  }
  if (!idle) {
    book.untold("temperature.fan_percent", "processes run on the GPU, so it is not idle");
    return;
  }
  MIGSIM_NUMBER(book, nvmlDeviceGetFanSpeed, "temperature.fan_percent", &Board::fan_percent);
}

void read_ecc(const Notebook& book) {
  nvmlEnableState_t current = NVML_FEATURE_DISABLED;
  nvmlEnableState_t pending = NVML_FEATURE_DISABLED;
  const nvmlReturn_t code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetEccMode, book.device(), &current, &pending);
  if (book.told("memory.ecc_enabled", code, "nvmlDeviceGetEccMode")) {
    book.board().ecc_enabled = current == NVML_FEATURE_ENABLED ? 1 : 0;
  }
}

void read_nvlink(const Notebook& book) {
  const auto count = field_value(book, NVML_FI_DEV_NVLINK_LINK_COUNT);
  if (book.told("links.nvlink_count",
                count ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED,
                "field value NVLINK_LINK_COUNT")) {
    book.board().nvlink_count = count->value.uiVal;
  }
  unsigned version = 0;
  const nvmlReturn_t code =
      MIGSIM_NVML(book.calls(), nvmlDeviceGetNvLinkVersion, book.device(), 0U, &version);
  if (book.told("links.nvlink_version", code, "nvmlDeviceGetNvLinkVersion")) {
    // NVML numbers 2.2 and 3.1 as separate versions; a board file has the generation.
    constexpr std::array kGeneration = {0, 1, 2, 2, 3, 3, 4, 5};
    if (version > 0 && version < kGeneration.size()) {
      book.board().nvlink_version = kGeneration[version];
    } else {
      book.told("links.nvlink_version", NVML_ERROR_UNKNOWN, "nvmlDeviceGetNvLinkVersion");
    }
  }
}

void read_links(const Notebook& book) {
  MIGSIM_NUMBER(book, nvmlDeviceGetGpuMaxPcieLinkGeneration, "links.pcie_gen", &Board::pcie_gen);
  MIGSIM_NUMBER(book, nvmlDeviceGetMaxPcieLinkWidth, "links.pcie_width", &Board::pcie_width);
  read_nvlink(book);
}

}  // namespace

void read_readings(const NvmlCalls& calls, nvmlDevice_t device, Capture& out) {
  const Notebook book(calls, device, out);
  const bool idle = is_idle(book);
  if (idle) {
    MIGSIM_NUMBER(book, nvmlDeviceGetPowerUsage, "power.idle_mw", &Board::power_idle_mw);
  } else {
    book.untold("power.idle_mw", "processes run on the GPU, so it is not idle");
  }
  read_limits(book);
  read_ecc(book);
  read_fan(book, idle);
  book.untold("memory.bar1_mig_bytes",
              std::string(kNoCall) + "; MIG devices show their shares of it");
  read_temperatures(book, idle);
  read_clock(book,
             NVML_CLOCK_SM,
             idle,
             {"clocks", "sm_idle_mhz", &Board::clock_sm_idle_mhz},
             {"clocks", "sm_max_mhz", &Board::clock_sm_max_mhz});
  read_clock(book,
             NVML_CLOCK_MEM,
             idle,
             {"clocks", "mem_idle_mhz", &Board::clock_mem_idle_mhz},
             {"clocks", "mem_max_mhz", &Board::clock_mem_max_mhz});
  read_links(book);
  for (const CaptureFigure& figure : capture_figures()) {
    if (std::string_view(figure.block) == "roofline") {
      book.untold(figure.path(), std::string(kNoCall) + "; a data sheet does");
    }
  }
}

}  // namespace migsim
