// SPDX-License-Identifier: Apache-2.0
// GPM metrics of a GPU or of a GPU instance, as averages between the last two samples.
#ifndef MIGCTL_SMI_GPM_WATCH_H_
#define MIGCTL_SMI_GPM_WATCH_H_

#include <optional>
#include <string>
#include <vector>

#include "smi/run.h"

namespace mig::smi {

struct GpmMetric {
  unsigned id = 0;
  std::string name;  // column heading of nvidia-smi dmon: "smutil", or "id=8" without a name
  std::string unit;  // "GPM:%"
};

// nullopt: no metric has this number.
std::optional<GpmMetric> gpm_metric(unsigned id);

class GpmWatch {
 public:
  // `gi` nullopt: the whole GPU.
  GpmWatch(const Run& run, nvmlDevice_t device, std::optional<unsigned> gi);
  ~GpmWatch();

  GpmWatch(const GpmWatch&) = delete;
  GpmWatch& operator=(const GpmWatch&) = delete;

  // Takes a sample, replacing the older of two.
  void sample();

  // Empty values before the second sample, and for metrics that the driver does not support.
  std::vector<std::optional<double>> values(const std::vector<GpmMetric>& metrics) const;

 private:
  const Run& run_;
  nvmlDevice_t device_;
  std::optional<unsigned> gi_;
  nvmlGpmSample_t older_ = nullptr, newer_ = nullptr;
  unsigned taken_ = 0;  // consecutive samples taken
};

}  // namespace mig::smi

#endif  // MIGCTL_SMI_GPM_WATCH_H_
