// SPDX-License-Identifier: Apache-2.0
// Checks of MIG mode: on and used, pending, and who is in the way of a reset.
#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "doctor/check.h"
#include "doctor/each_gpu.h"

namespace mig::doctor {
namespace {

using holders::Holder;
using holders::Kind;

const char* word(MigMode mode) {
  switch (mode) {
    case MigMode::kEnabled:
      return "on";
    case MigMode::kDisabled:
      return "off";
    case MigMode::kUnsupported:
      break;
  }
  return "unsupported";
}

// The command that makes a holder let go of the GPU.
std::string release_command(const Patient& patient, const Holder& holder) {
  switch (holder.kind) {
    case Kind::kService:
    case Kind::kDisplay:
      return holder.owner.unit.empty() ? "end " + holder.who()
                                       : patient.stop_service(holder.owner.unit);
    case Kind::kKernelModule:
      return "stop the display server, then: modprobe -r nvidia_drm";
    case Kind::kLease:
      return holder.lease ? patient.migctl(fmt::format("lease release {}", holder.lease->id))
                          : "end " + holder.who();
    case Kind::kProcess:
      break;
  }
  return "wait for it, or end it: " + holder.who();
}

bool passed_through(const OpenGpu& open) {
  nvmlGpuVirtualizationMode_t mode = NVML_GPU_VIRTUALIZATION_MODE_NONE;
  return open.nvml.nvmlDeviceGetVirtualizationMode(open.device, &mode) == NVML_SUCCESS &&
         mode == NVML_GPU_VIRTUALIZATION_MODE_PASSTHROUGH;
}

void judge_pending(const Patient& patient,
                   const OpenGpu& open,
                   const holders::Report* report,
                   Finding& finding) {
  const Gpu& gpu = open.gpu;
  finding.raise(Verdict::kWarning);
  finding.found = fmt::format("GPU {}: MIG is {}, and will be {}",
                              gpu.index.value,
                              word(gpu.mig_current),
                              word(gpu.mig_pending));
  finding.evidence.push_back(fmt::format("nvmlDeviceGetMigMode of GPU {}: current {}, pending {}",
                                         gpu.index.value,
                                         word(gpu.mig_current),
                                         word(gpu.mig_pending)));
  if (passed_through(open)) {
    finding.cause = "the GPU is passed through to this virtual machine, which cannot reset it";
    finding.add_mend(patient.reboot());
    return;
  }
  finding.cause = "the mode changes with a reset, which needs the GPU closed by everybody";
  for (const Holder& holder : report != nullptr ? report->holders : std::vector<Holder>()) {
    if (holder.gpu == gpu.index && !holders::is_passing(holder)) {
      finding.evidence.push_back(
          fmt::format("{} ({})", holder.str(), base::join(holder.evidence, ", ")));
      finding.add_mend(release_command(patient, holder));
    }
  }
  finding.add_mend(patient.reset(gpu.index));
  finding.add_mend("if the reset is refused: " + patient.reboot());
}

}  // namespace

Finding check_mode(Patient& patient) {
  const auto now = patient.inventory();
  if (!now) {
    return not_read(now.error());
  }
  Finding finding;
  std::size_t on = 0;
  std::size_t able = 0;
  for (const Gpu& gpu : (*now)->gpus) {
    if (gpu.mig_current == MigMode::kUnsupported) {
      continue;
    }
    ++able;
    finding.evidence.push_back(fmt::format("GPU {}: MIG {}, {}",
                                           gpu.index.value,
                                           word(gpu.mig_current),
                                           base::counted(gpu.instances.size(), "GPU instance")));
    if (gpu.mig_current == MigMode::kDisabled) {
      continue;
    }
    ++on;
    if (gpu.instances.empty()) {
      finding.raise(Verdict::kWarning);
      finding.cause = gpu.instances_complete
                          ? "a GPU in MIG mode without instances is no device for any program"
                          : "no instance with a MIG device is there; whether there are GPU "
                            "instances without one, only root is told";
      finding.add_mend(patient.migctl("profiles"));
      finding.add_mend(patient.migctl(fmt::format(
          "create PROFILE -i {}, or mode disable -i {}", gpu.index.value, gpu.index.value)));
    }
  }
  if (able == 0) {
    return not_here("no GPU supports MIG: see the check mig-support");
  }
  finding.found = fmt::format("on for {} of {} that support it", on, able);
  if (on == 0) {
    finding.raise(Verdict::kNote);
    finding.cause = "MIG is off: each program gets a whole GPU";
    finding.add_mend(patient.migctl("mode enable"));
  } else if (finding.verdict == Verdict::kWarning) {
    finding.found += ", not all with instances";
  }
  return finding;
}

Finding check_pending(Patient& patient) {
  const auto report = patient.report();
  Finding finding;
  finding.found = "none";
  const auto looked = each_gpu(patient, [&](const OpenGpu& open) {
    if (open.gpu.mig_current != open.gpu.mig_pending) {
      judge_pending(patient, open, report ? *report : nullptr, finding);
    }
  });
  if (!looked) {
    return not_read(looked.error());
  }
  if (finding.verdict == Verdict::kOk) {
    finding.evidence = {"nvmlDeviceGetMigMode"};
  } else if (report && (*report)->unreadable_processes > 0) {
    finding.evidence.push_back(
        fmt::format("{} could not be looked into: run as root to see every holder",
                    base::counted((*report)->unreadable_processes, "process")));
  }
  return finding;
}

Finding check_holders(Patient& patient) {
  const auto report = patient.report();
  if (!report) {
    return not_read(report.error());
  }
  Finding finding;
  for (const Holder& holder : (*report)->holders) {
    if (holders::is_passing(holder)) {
      continue;
    }
    finding.evidence.push_back(fmt::format("{}: stops {} ({})",
                                           holder.str(),
                                           holder.stops == holders::Stops::kDestroy
                                               ? "destroy, mode change and reset"
                                               : "mode change and reset",
                                           base::join(holder.evidence, ", ")));
    finding.add_mend(release_command(patient, holder));
  }
  finding.found =
      finding.evidence.empty() ? "nobody" : base::counted(finding.evidence.size(), "holder");
  if (!finding.evidence.empty()) {
    finding.verdict = Verdict::kNote;
    finding.cause = "what is in use is not changed: these must end or let go before a change";
  }
  if ((*report)->unreadable_processes > 0) {
    finding.evidence.push_back(
        fmt::format("{} could not be looked into: run as root to see all",
                    base::counted((*report)->unreadable_processes, "process")));
  }
  return finding;
}

}  // namespace mig::doctor
