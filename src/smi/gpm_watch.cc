// SPDX-License-Identifier: Apache-2.0
#include "smi/gpm_watch.h"

#include <memory>
#include <utility>

#include "smi/text.h"

namespace mig::smi {
namespace {

struct Named {
  unsigned id;
  const char* name;
};

// Names as on an H200 (580.159.04).
constexpr Named kNames[] = {{1, "gract"},    {2, "smutil"},   {3, "smocc"},    {4, "intutil"},
                            {5, "mmaact"},   {6, "dfmat"},    {7, "hmmat"},    {9, "immat"},
                            {10, "dram"},    {11, "fp64"},    {12, "fp32"},    {13, "fp16"},
                            {20, "pcitx"},   {21, "pcirx"},   {50, "nvofa0"},  {60, "nvlrx"},
                            {61, "nvltx"},   {100, "c2cttx"}, {101, "c2ctrx"}, {102, "c2cdtx"},
                            {103, "c2cdrx"}, {160, "hmhit"},  {161, "hmmiss"}, {162, "pmhit"},
                            {163, "pmmiss"}, {164, "dmhit"},  {165, "dmmiss"}};

// Metrics repeated per engine or link: first number, count, step, and the name with %u.
struct Series {
  unsigned first, count, step;
  const char* name;
};

constexpr Series kSeries[] = {{30, 8, 1, "nvdec%u"},
                              {40, 8, 1, "nvjpg%u"},
                              {62, 18, 2, "nvl%urx"},
                              {63, 18, 2, "nvl%utx"},
                              {104, 14, 4, "c2c%uttx"},
                              {105, 14, 4, "c2c%utrx"},
                              {106, 14, 4, "c2c%udtx"},
                              {107, 14, 4, "c2c%udrx"},
                              {166, 4, 1, "nvenc%u"},
                              {170, 8, 5, "cs%uelp"},
                              {171, 8, 5, "cs%uact"},
                              {172, 8, 5, "cs%ureq"},
                              {173, 8, 5, "cs%ucperq"},
                              {174, 8, 5, "cs%uactpt"}};

std::string name_of(unsigned id) {
  for (const Named& named : kNames) {
    if (named.id == id) {
      return named.name;
    }
  }
  for (const Series& series : kSeries) {
    if (id >= series.first && (id - series.first) % series.step == 0 &&
        (id - series.first) / series.step < series.count) {
      std::string name = series.name;
      const std::string number = std::to_string((id - series.first) / series.step);
      return name.replace(name.find("%u"), 2, number);
    }
  }
  return text("id=%u", id);
}

std::string unit_of(unsigned id) {
  const bool context_switch = id >= 170 && id < NVML_GPM_METRIC_MAX;
  if (id == 0) {
    return "GPM";
  }
  if (context_switch && (id - 170) % 5 < 3) {
    return "GPM:#";
  }
  if (context_switch && (id - 170) % 5 == 3) {
    return "GPM:C/R";
  }
  const bool throughput =
      id == 20 || id == 21 || (id >= 60 && id <= 97) || (id >= 100 && id <= 159);
  return throughput ? "GPM:MiB/s" : "GPM:%";
}

}  // namespace

std::optional<GpmMetric> gpm_metric(unsigned id) {
  if (id >= NVML_GPM_METRIC_MAX) {
    return std::nullopt;
  }
  return GpmMetric{id, name_of(id), unit_of(id)};
}

GpmWatch::GpmWatch(const Run& run, nvmlDevice_t device, std::optional<unsigned> gi)
    : run_(run), device_(device), gi_(gi) {
  if (run_.nvml.nvmlGpmSampleAlloc(&older_) != NVML_SUCCESS ||
      run_.nvml.nvmlGpmSampleAlloc(&newer_) != NVML_SUCCESS) {
    device_ = nullptr;  // no GPM in this driver: no values
  }
}

GpmWatch::~GpmWatch() {
  for (nvmlGpmSample_t sample : {older_, newer_}) {
    if (sample != nullptr) {
      run_.nvml.nvmlGpmSampleFree(sample);
    }
  }
}

void GpmWatch::sample() {
  if (device_ == nullptr) {
    return;
  }
  std::swap(older_, newer_);
  const nvmlReturn_t code = gi_ ? run_.nvml.nvmlGpmMigSampleGet(device_, *gi_, newer_)
                                : run_.nvml.nvmlGpmSampleGet(device_, newer_);
  taken_ = code == NVML_SUCCESS ? taken_ + 1 : 0;
}

std::vector<std::optional<double>> GpmWatch::values(const std::vector<GpmMetric>& metrics) const {
  std::vector<std::optional<double>> values(metrics.size());
  if (taken_ < 2 || metrics.empty()) {
    return values;
  }
  auto request = std::make_unique<nvmlGpmMetricsGet_t>();
  request->version = NVML_GPM_METRICS_GET_VERSION;
  request->sample1 = older_;
  request->sample2 = newer_;
  // One metric per call: an unknown number fails the whole call.
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    request->numMetrics = 1;
    request->metrics[0] = {};
    request->metrics[0].metricId = metrics[i].id;
    if (run_.nvml.nvmlGpmMetricsGet(request.get()) == NVML_SUCCESS &&
        request->metrics[0].nvmlReturn == NVML_SUCCESS) {
      values[i] = request->metrics[0].value;
    }
  }
  return values;
}

}  // namespace mig::smi
