// SPDX-License-Identifier: Apache-2.0
// Inside of observe/: which entities of a host engine are watched for which GPUs, and what they
// read. One group of entities for each GPU's instances and one for the GPU: a host engine has room
// for 64 groups of all its clients, and a change of one GPU's layout leaves the others watched.
//
// Fields are asked for at the level that DCGM counts them at (dcgm_fields.cpp): memory for GPU
// instances, PCIe for GPUs, the others down to compute instances. DCGM would give a compute
// instance its GPU instance's memory, and a GPU instance its GPU's PCIe traffic: each tenant would
// be shown the work of all.
//
// Threading: that of the engine.
#ifndef MIGCTL_OBSERVE_DCGM_WATCHES_H_
#define MIGCTL_OBSERVE_DCGM_WATCHES_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "dcgm/engine.h"
#include "model/sample.h"

namespace mig::observe {

// What of a GPU is to be read.
struct DcgmSubject {
  std::string gpu_uuid;
  std::optional<std::uint32_t> gpu_instance, compute_instance;
  std::uint64_t generation = 0;  // of the GPU instance

  auto operator<=>(const DcgmSubject&) const = default;
};

// The subjects of a GPU: itself, its GPU instances, and the compute instances that share one. None
// where MIG is on and there is no instance.
std::vector<DcgmSubject> dcgm_subjects(const GpuSample& gpu);

struct DcgmReading {
  Activity activity;
  std::string reason;      // why nothing is known
  std::int64_t at_us = 0;  // Unix time of the engine's reading
};

struct DcgmReadings {
  std::map<DcgmSubject, DcgmReading> of;
  std::string problem;  // of the first GPU that could not be watched or read; "" = none
};

class DcgmWatches {
 public:
  explicit DcgmWatches(dcgm::Engine& engine) : engine_(engine) {}

  // Watches the subjects of each GPU, and nothing else; then reads. `now_us`: Unix time. Subjects
  // that the engine does not know, or refuses to count, have a reading that says so. Values of
  // before a watch began, or older than three intervals, are none. An error: the engine is lost.
  Result<DcgmReadings> read(const std::map<std::string, std::vector<DcgmSubject>>& gpus,
                            std::chrono::milliseconds interval,
                            std::int64_t now_us);

 private:
  struct Watched {
    std::vector<DcgmSubject> subjects;
    std::vector<dcgmGroupEntityPair_t> entities;  // in the order of `subjects`
    std::vector<dcgm::Watch> watches;
    std::int64_t since_us = 0;
    std::chrono::milliseconds interval{0};
    bool mig = false;
  };

  Result<void> watch(const std::string& gpu, Watched& wanted);
  void unwatch(const Watched& watched);
  void keep_only(const std::map<std::string, std::vector<DcgmSubject>>& gpus);
  void refuse(const std::string& gpu, const std::vector<DcgmSubject>& subjects, DcgmReadings& out);
  static void take(const dcgm::Value& value,
                   const Watched& watched,
                   std::int64_t now_us,
                   DcgmReadings& out);
  Watched wanted_of(const std::vector<DcgmSubject>& subjects,
                    const std::map<DcgmSubject, dcgmGroupEntityPair_t>& known,
                    DcgmReadings& out) const;
  Result<void> watch_and_read(const std::string& gpu,
                              Watched wanted,
                              std::int64_t now_us,
                              DcgmReadings& out);
  Result<void> read_gpu(const Watched& watched, std::int64_t now_us, DcgmReadings& out);

  struct Refused {
    std::string why;  // "" = it is not
    std::int64_t at_us = 0;
  };

  dcgm::Engine& engine_;
  // By GPU UUID.
  std::map<std::string, Watched> watched_;
  std::map<std::string, Refused> refused_;
};

}  // namespace mig::observe

#endif  // MIGCTL_OBSERVE_DCGM_WATCHES_H_
