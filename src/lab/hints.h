// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: the words for each mistake that judge.cc tells apart.
#ifndef MIGCTL_LAB_HINTS_H_
#define MIGCTL_LAB_HINTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "lab/exercises.h"
#include "lab/judge.h"

namespace mig::lab {

// GPU instances of a GPU against the wanted ones.
struct Difference {
  std::vector<Wanted> missing, extra;
  std::uint32_t kept = 0;  // wanted ones that are there
};

Difference difference_of(const Gpu& gpu, const std::vector<Wanted>& wanted);
// True when the driver says that a missing instance fits nowhere beside what is there.
bool no_place(const Gpu& gpu, const Difference& difference);
// "GPU 0, MIG on: 3g.20gb at 4:4, 2g.10gb at 0:2".
std::string seen_text(const Gpu& gpu);

Hint no_gpu(const Inventory& inventory, GpuIndex index);
Hint no_mig(const Gpu& gpu);
Hint mig_off(const Gpu& gpu);
Hint mig_pending(const Gpu& gpu);
Hint mig_going_off(const Gpu& gpu);
Hint mode_on_other_gpu(const Gpu& gpu, const Gpu& other);
Hint wrong_gpu(const Gpu& gpu, const Gpu& other, const std::vector<Wanted>& wanted);
Hint nothing_yet(const Gpu& gpu, const std::vector<Wanted>& wanted);
Hint variant(const Gpu& gpu, const Wanted& extra, const Wanted& missing);
Hint same_memory(const Gpu& gpu, const Wanted& extra, const Wanted& missing);
Hint left_over(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted);
Hint order_blocks(const Gpu& gpu, const Difference& difference);
Hint too_few(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted);
Hint wrong_mix(const Gpu& gpu, const Difference& difference, const std::vector<Wanted>& wanted);
Hint no_compute_instance(const Gpu& gpu, const GpuInstance& gi);
Hint smaller_compute_instance(const Gpu& gpu, const GpuInstance& gi);
Hint shared_by_compute_instances(const Gpu& gpu, const GpuInstance& gi);
Hint nothing_runs(const Gpu& gpu);
Hint two_on_one(const Gpu& gpu, std::size_t instances, std::size_t programs);
Hint too_few_run(const Gpu& gpu, std::size_t programs);
Hint still_in_use(const Gpu& gpu);
Hint still_instances(const Gpu& gpu);
Hint mode_still_on(const Gpu& gpu);
Hint three_answers(std::size_t given);
Hint wrong_count(const Gpu& gpu, const GpuInstanceProfile& profile, const std::string& answer);
Hint wrong_memory(const Gpu& gpu, const GpuInstanceProfile& profile, const std::string& answer);
Hint wrong_sms(const Gpu& gpu, const GpuInstanceProfile& profile, const std::string& answer);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_HINTS_H_
