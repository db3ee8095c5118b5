// SPDX-License-Identifier: Apache-2.0
#include "mig/inventory.h"

#include <algorithm>
#include <iterator>

namespace mig {
namespace {

// FNV-1a, 64 bit: sufficient to tell layouts apart, and equal on every build and machine.
class Hash {
 public:
  Hash& add(std::string_view text) {
    for (const char c : text) {
      byte(static_cast<unsigned char>(c));
    }
    return add(text.size());
  }

  Hash& add(std::uint64_t value) {
    for (int i = 0; i < 8; ++i) {
      byte(static_cast<unsigned char>(value >> (8 * i)));
    }
    return *this;
  }

  Hash& add(const std::optional<Placement>& placement) {
    return add(placement ? (std::uint64_t{placement->start} << 32 | placement->size)
                         : ~std::uint64_t{0});
  }

  std::uint64_t value() const { return value_; }

 private:
  void byte(unsigned char b) {
    value_ ^= b;
    value_ *= 0x100000001b3ULL;
  }

  std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

template <class Range, class Predicate>
auto find_in(const Range& range, Predicate predicate) -> decltype(&*std::begin(range)) {
  const auto it = std::find_if(std::begin(range), std::end(range), predicate);
  return it == std::end(range) ? nullptr : &*it;
}

}  // namespace

// PCI class 0x03 is a display controller; 0x0300 with outputs (VGA), 0x0302 without (3D).
bool Gpu::has_outputs() const {
  constexpr std::uint32_t kVga = 0x0300;
  return display.pci_class == kVga;
}

// RTX PRO 6000 Max-Q: class 0x0300 and MIG "N/A" in the factory setting (590.44.01); MIG can be
// enabled once its display outputs are off (580.105.08). An RTX A6000 has class 0x0302 then.
std::string Gpu::way_to_mig() const {
  if (mig_current != MigMode::kUnsupported || !has_outputs()) {
    return {};
  }
  return "its display outputs are on (PCI class 0x0300): a workstation board does MIG only without "
         "them (NVIDIA's displaymodeselector --gpumode compute, then a reboot" +
         std::string(display.attached == true ? "; a monitor is attached to it)" : ")");
}

const GpuInstanceProfile* Gpu::find_profile(const ProfileName& wanted) const {
  return find_in(profiles, [name = wanted.gpu_instance()](const GpuInstanceProfile& profile) {
    return profile.name == name;
  });
}

const GpuInstanceProfile* Gpu::find_profile(ProfileId id) const {
  return find_in(profiles, [id](const GpuInstanceProfile& profile) { return profile.id == id; });
}

const GpuInstance* Gpu::find_instance(GpuInstanceId id) const {
  return find_in(instances, [id](const GpuInstance& instance) { return instance.id == id; });
}

bool Process::may_be_on(GpuInstanceId id) const {
  return gpu_instance ? *gpu_instance == id : !graphics;
}

std::vector<Process> Gpu::processes_on(GpuInstanceId id) const {
  std::vector<Process> found;
  std::copy_if(
      processes.begin(), processes.end(), std::back_inserter(found), [id](const Process& process) {
        return process.may_be_on(id);
      });
  return found;
}

std::vector<InstanceLease> Gpu::leases_on(GpuInstanceId id) const {
  std::vector<InstanceLease> found;
  std::copy_if(
      leases.begin(), leases.end(), std::back_inserter(found), [id](const InstanceLease& lease) {
        return lease.gpu_instance == id;
      });
  return found;
}

bool Gpu::in_use(GpuInstanceId id) const {
  return std::any_of(processes.begin(),
                     processes.end(),
                     [id](const Process& process) { return process.may_be_on(id); }) ||
         !leases_on(id).empty();
}

std::string InstanceLease::str() const {
  const std::string text = "lease " + std::to_string(id) + " of " + tenant;
  return job.empty() ? text : text + " (" + job + ")";
}

const Gpu* Inventory::find_gpu(GpuIndex index) const {
  return find_in(gpus, [index](const Gpu& gpu) { return gpu.index == index; });
}

const Gpu* Inventory::find_gpu(std::string_view uuid) const {
  return find_in(gpus, [uuid](const Gpu& gpu) { return gpu.uuid == uuid; });
}

const LostGpu* Inventory::find_lost(GpuIndex index) const {
  return find_in(lost, [index](const LostGpu& gpu) { return gpu.index == index; });
}

Result<void> Inventory::none_lost() const {
  if (lost.empty()) {
    return {};
  }
  return lost.front().why;
}

Error Inventory::or_lost(Error error) const {
  if (lost.empty()) {
    return error;
  }
  return lost.front().why;
}

std::uint64_t layout_generation(const Inventory& inventory,
                                const std::function<bool(const Gpu&)>& counts) {
  Hash hash;
  for (const Gpu& gpu : inventory.gpus) {
    if (counts && !counts(gpu)) {
      continue;
    }
    hash.add(gpu.uuid).add(static_cast<std::uint64_t>(gpu.mig_current));
    hash.add(static_cast<std::uint64_t>(gpu.mig_pending)).add(gpu.instances.size());
    for (const GpuInstance& instance : gpu.instances) {
      hash.add(instance.id.value).add(instance.profile_id.value).add(instance.placement);
      hash.add(instance.compute_instances.size());
      for (const ComputeInstance& compute : instance.compute_instances) {
        hash.add(compute.id.value).add(compute.nvml_profile).add(compute.placement);
      }
    }
  }
  return hash.value();
}

}  // namespace mig
