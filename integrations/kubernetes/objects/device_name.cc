// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/objects/device_name.h"

#include <fmt/format.h>

namespace mig::kube {
namespace {

// The minor number is that of /dev/nvidia0 and survives a GPU that falls off the bus; an index does
// not, and must not be taken for one.
std::string of_gpu(const Gpu& gpu) {
  return gpu.minor ? fmt::format("gpu-{}", *gpu.minor)
                   : fmt::format("gpu-index-{}", gpu.index.value);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::string dashed(const ProfileName& profile) {
  const std::string& attributes = profile.attributes;
  std::string text = fmt::format("{}g-{}gb", profile.gpu_slices, profile.memory_gb);
  bool without = false;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) {
      text += (without ? "-no" : "-") + word;
      word.clear();
    }
  };
  for (const char c : attributes) {
    if (c == '+' || c == '-' || c == ',' || c == '.') {
      flush();
      without = c == '-' || (c == ',' && without);
    } else {
      word += lower(c);
    }
  }
  flush();
  return text;
}

std::string device_name(const Gpu& gpu, const ProfileName& profile, std::uint32_t start) {
  return fmt::format("{}-mig-{}-{}", of_gpu(gpu), dashed(profile), start);
}

std::string device_name(const Gpu& gpu) {
  return of_gpu(gpu);
}

std::optional<Place> find_place(const Inventory& now, std::string_view device) {
  for (const Gpu& gpu : now.gpus) {
    for (const GpuInstanceProfile& profile : gpu.profiles) {
      for (const Placement placement : profile.placements) {
        if (device == device_name(gpu, profile.name, placement.start)) {
          return Place{&gpu, &profile, placement};
        }
      }
    }
  }
  return std::nullopt;
}

}  // namespace mig::kube
