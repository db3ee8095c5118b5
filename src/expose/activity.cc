// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>

#include "expose/parts.h"

namespace mig::expose {
namespace {

struct ActivityFamily {
  // By ActivityOf.
  std::array<const char*, 3> names;
  const char* help;
  std::optional<double> Activity::*value;
};

#define MIG_ACTIVITY(word) \
  { "mig_gpu_" word, "mig_instance_" word, "mig_compute_instance_" word }

// Ratios are of the tick's interval and raw: a driver that reports more than 1 is not corrected.
constexpr std::array kFamilies{
    ActivityFamily{MIG_ACTIVITY("graphics_activity_ratio"),
                   "Share of the interval in which graphics or compute engines were active.",
                   &Activity::graphics},
    ActivityFamily{MIG_ACTIVITY("sm_activity_ratio"),
                   "Share of the interval in which an SM had a warp, averaged over its SMs.",
                   &Activity::sm},
    ActivityFamily{MIG_ACTIVITY("sm_occupancy_ratio"),
                   "Resident warps as a share of the most possible.",
                   &Activity::occupancy},
    ActivityFamily{MIG_ACTIVITY("tensor_activity_ratio"),
                   "Share of the interval in which tensor cores were active.",
                   &Activity::tensor},
    ActivityFamily{MIG_ACTIVITY("dram_activity_ratio"),
                   "Share of its memory bandwidth that was in use.",
                   &Activity::dram},
    ActivityFamily{MIG_ACTIVITY("fp64_activity_ratio"),
                   "Share of the interval in which FP64 pipes were active.",
                   &Activity::fp64},
    ActivityFamily{MIG_ACTIVITY("fp32_activity_ratio"),
                   "Share of the interval in which FP32 pipes were active.",
                   &Activity::fp32},
    ActivityFamily{MIG_ACTIVITY("fp16_activity_ratio"),
                   "Share of the interval in which FP16 pipes were active.",
                   &Activity::fp16},
    ActivityFamily{MIG_ACTIVITY("integer_activity_ratio"),
                   "Share of the interval in which integer pipes were active.",
                   &Activity::integer},
    ActivityFamily{MIG_ACTIVITY("pcie_transmit_bytes_per_second"),
                   "PCIe traffic to the host.",
                   &Activity::pcie_tx_bytes_per_second},
    ActivityFamily{MIG_ACTIVITY("pcie_receive_bytes_per_second"),
                   "PCIe traffic from the host.",
                   &Activity::pcie_rx_bytes_per_second},
};

#undef MIG_ACTIVITY

}  // namespace

void add_activity(Families& out, ActivityOf of, const Labels& labels, const Activity& activity) {
  for (const ActivityFamily& family : kFamilies) {
    out.add(family.names.at(static_cast<std::size_t>(of)),
            Type::kGauge,
            family.help,
            labels,
            activity.*family.value);
  }
}

}  // namespace mig::expose
