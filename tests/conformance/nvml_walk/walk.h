// SPDX-License-Identifier: Apache-2.0
// The walk of walk.py in C++, on NVIDIA's own header: every MIG call on every GPU, with the same
// output.
#ifndef MIGCTL_TESTS_CONFORMANCE_NVML_WALK_WALK_H_
#define MIGCTL_TESTS_CONFORMANCE_NVML_WALK_WALK_H_

#include <string>
#include <vector>

#include <nvml.h>

// Placements as text, sorted by start: "0:1 1:1".
template <class Placement>
std::string placed(std::vector<Placement> places);

std::string word(nvmlReturn_t code);

// Ends the walk on an unexpected return code.
void must(nvmlReturn_t code, const char* what);

class Walk {
 public:
  explicit Walk(unsigned gpu);
  void all();

 private:
  void say(const char* format, ...) __attribute__((format(printf, 2, 3)));
  void mode_line(const char* what);
  void mode(nvmlEnableState_t wanted, const char* what);
  void gi_profiles();
  std::vector<nvmlGpuInstancePlacement_t> places(const nvmlGpuInstanceProfileInfo_t& profile);
  unsigned room(const nvmlGpuInstanceProfileInfo_t& profile);
  void fill(const nvmlGpuInstanceProfileInfo_t& profile);
  void place(const nvmlGpuInstanceProfileInfo_t& profile);
  void compute(unsigned of, nvmlGpuInstance_t gi);
  void fill_compute(unsigned of,
                    nvmlGpuInstance_t gi,
                    const nvmlComputeInstanceProfileInfo_t& profile);
  void mig_devices(const std::vector<nvmlComputeInstanceInfo_t>& infos);

  unsigned gpu_;
  nvmlDevice_t device_ = nullptr;
  std::vector<nvmlGpuInstanceProfileInfo_t> profiles_;
};

#endif  // MIGCTL_TESTS_CONFORMANCE_NVML_WALK_WALK_H_
