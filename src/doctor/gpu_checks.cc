// SPDX-License-Identifier: Apache-2.0
// Checks of each GPU: bus, MIG support, display mode, persistence, fabric.
#include <filesystem>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/proc_root.h"
#include "base/strings.h"
#include "doctor/check.h"
#include "doctor/each_gpu.h"
#include "doctor/files.h"
#include "nvml/return_code.h"

namespace mig::doctor {
namespace {

// An NVIDIA GPU on the PCI bus: VGA (0x0300) or 3D (0x0302) controller.
struct PciGpu {
  std::string address, driver;  // "" = no driver
};

std::vector<PciGpu> pci_gpus(const Roots& roots) {
  std::vector<PciGpu> gpus;
  const std::string folder = roots.machine("/sys/bus/pci/devices");
  for (const std::string& name : names_in(folder)) {
    const std::string device = fmt::format("{}/{}", folder, name);
    const std::string kind = first_line(device + "/class").value_or("");
    if (first_line(device + "/vendor") != "0x10de" ||
        (!kind.starts_with("0x0300") && !kind.starts_with("0x0302"))) {
      continue;
    }
    std::error_code error;
    const auto driver = std::filesystem::read_symlink(device + "/driver", error);
    gpus.push_back({name, error ? std::string() : driver.filename().string()});
  }
  return gpus;
}

std::string title_of(const Gpu& gpu) {
  return fmt::format("GPU {} ({})", gpu.index.value, gpu.name);
}

bool manager_runs(const Patient& patient) {
  const std::string machine = patient.roots().machine("/proc");
  for (const std::string& proc : {base::proc_root(), machine}) {
    for (const std::string& name : names_in(proc)) {
      if (base::parse_decimal(name, UINT32_MAX) && first_line(fmt::format("{}/{}/comm", proc, name))
                                                       .value_or("")
                                                       .starts_with("nv-fabricmanage")) {
        return true;
      }
    }
    if (proc == machine) {
      break;
    }
  }
  return false;
}

// The state of the GPU in the fabric, by the newest version of the call that the driver knows.
nvmlReturn_t fabric_of(const OpenGpu& open, nvmlGpuFabricInfo_t& out) {
  nvmlGpuFabricInfo_v3_t info{};
  for (const unsigned version : {nvmlGpuFabricInfo_v3, nvmlGpuFabricInfo_v2}) {
    info.version = version;
    const nvmlReturn_t code = open.nvml.nvmlDeviceGetGpuFabricInfoV(open.device, &info);
    if (code == NVML_SUCCESS) {
      out.state = info.state;
      out.status = info.status;
    }
    if (code != NVML_ERROR_ARGUMENT_VERSION_MISMATCH && code != NVML_ERROR_FUNCTION_NOT_FOUND) {
      return code;
    }
  }
  return open.nvml.nvmlDeviceGetGpuFabricInfo(open.device, &out);
}

const char* fabric_word(unsigned state) {
  switch (state) {
    case NVML_GPU_FABRIC_STATE_NOT_SUPPORTED:
      return "not supported";
    case NVML_GPU_FABRIC_STATE_NOT_STARTED:
      return "not started";
    case NVML_GPU_FABRIC_STATE_IN_PROGRESS:
      return "in progress";
    case NVML_GPU_FABRIC_STATE_COMPLETED:
      return "completed";
    default:
      return "unknown";
  }
}

// Whether the GPU's fabric is complete; nullopt: it is on none.
std::optional<bool> fabric_ready(const OpenGpu& open, std::vector<std::string>& evidence) {
  nvmlGpuFabricInfo_t info{};
  const nvmlReturn_t code = fabric_of(open, info);
  if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_FUNCTION_NOT_FOUND ||
      (code == NVML_SUCCESS && info.state == NVML_GPU_FABRIC_STATE_NOT_SUPPORTED)) {
    return std::nullopt;
  }
  evidence.push_back(fmt::format(
      "fabric state of GPU {}: {}",
      open.gpu.index.value,
      code == NVML_SUCCESS
          ? fmt::format("{}, status {}", fabric_word(info.state), nvml::code_name(info.status))
          : std::string(nvml::code_name(code))));
  return code == NVML_SUCCESS && info.status == NVML_SUCCESS &&
         info.state == NVML_GPU_FABRIC_STATE_COMPLETED;
}

}  // namespace

bool gpu_on_bus(const Roots& roots) {
  return !pci_gpus(roots).empty();
}

Finding check_pci(Patient& patient) {
  const std::vector<PciGpu> gpus = pci_gpus(patient.roots());
  if (gpus.empty()) {
    return not_here("no NVIDIA GPU is visible on the PCI bus (" +
                    patient.roots().machine("/sys/bus/pci/devices") + ")");
  }
  Finding finding;
  for (const PciGpu& gpu : gpus) {
    if (gpu.driver == "nvidia") {
      continue;
    }
    finding.raise(Verdict::kWarning);
    finding.evidence.push_back(fmt::format("{}/{}/driver: {}",
                                           patient.roots().machine("/sys/bus/pci/devices"),
                                           gpu.address,
                                           gpu.driver.empty() ? "none" : gpu.driver));
    finding.cause =
        "a GPU without a driver, or with vfio-pci (for a virtual machine) or nouveau, "
        "is not there for NVIDIA's driver";
    finding.add_mend(fmt::format(
        "echo {} > /sys/bus/pci/drivers/nvidia/bind, once {}",
        gpu.address,
        gpu.driver.empty() ? "dmesg says why it was refused" : "the other driver has released it"));
  }
  finding.found = finding.evidence.empty()
                      ? base::counted(gpus.size(), "GPU") + " with the driver nvidia"
                      : fmt::format("{} of {} with another driver or none",
                                    finding.evidence.size(),
                                    base::counted(gpus.size(), "GPU"));
  if (finding.evidence.empty()) {
    finding.evidence = {patient.roots().machine("/sys/bus/pci/devices")};
  }
  return finding;
}

Finding check_lost(Patient& patient) {
  const auto now = patient.inventory();
  if (!now && now.error().code != ErrorCode::kDeviceLost) {
    return not_read(now.error());
  }
  Finding finding;
  finding.evidence = {"nvmlDeviceGetCount_v2, nvmlDeviceGetHandleByIndex_v2"};
  if (now && (*now)->lost.empty()) {
    finding.found = base::counted((*now)->gpus.size(), "GPU") + " open";
    if ((*now)->gpus.empty()) {
      finding.verdict = Verdict::kProblem;
      finding.found = "the driver has no GPU";
      finding.cause = "every GPU is hidden, another driver's, or off the bus";
      finding.mend = {patient.migctl("doctor --check pci,module-options")};
    }
    return finding;
  }
  finding.verdict = Verdict::kProblem;
  finding.cause = "a GPU fell off the bus or needs a reset; its instances and their jobs are gone";
  if (!now) {
    finding.found = now.error().text();
  } else {
    finding.found = base::counted((*now)->lost.size(), "GPU") + " cannot be opened";
    for (const LostGpu& lost : (*now)->lost) {
      finding.evidence.push_back(fmt::format("GPU {}: {}", lost.index.value, lost.why.text()));
    }
  }
  finding.mend = {patient.migctl("doctor --check xid"), patient.reboot()};
  return finding;
}

Finding check_mig_support(Patient& patient) {
  const auto now = patient.inventory();
  if (!now) {
    return not_read(now.error());
  }
  Finding finding;
  std::size_t able = 0;
  for (const Gpu& gpu : (*now)->gpus) {
    const bool supported = gpu.mig_current != MigMode::kUnsupported;
    able += supported ? 1 : 0;
    finding.evidence.push_back(fmt::format(
        "nvmlDeviceGetMigMode of {}: {}", title_of(gpu), supported ? "supported" : "no MIG"));
    if (!supported) {
      const std::string way = gpu.way_to_mig();
      finding.cause = way.empty()
                          ? "the board has no MIG, or this driver is older than the board's "
                            "support for it"
                          : "the board could do MIG, but not in its present mode";
      finding.add_mend(way.empty()
                           ? "boards with MIG: A30, A100, H100, H200, B200, RTX PRO 6000 "
                             "and their relatives; A100 needs R450.80.02, later boards later "
                             "drivers"
                           : way);
    }
  }
  finding.found = fmt::format("{} of {} support MIG", able, (*now)->gpus.size());
  if (able == 0) {
    finding.raise(Verdict::kProblem);
  } else if (able < (*now)->gpus.size()) {
    finding.raise(Verdict::kNote);
  }
  return finding;
}

Finding check_display(Patient& patient) {
  const auto now = patient.inventory();
  if (!now) {
    return not_read(now.error());
  }
  Finding finding;
  finding.found = "none";
  for (const Gpu& gpu : (*now)->gpus) {
    if (gpu.display.pci_class) {
      finding.evidence.push_back(
          fmt::format("PCI class of {}: {:#06x}", title_of(gpu), *gpu.display.pci_class));
    }
    if (gpu.has_outputs() && gpu.mig_current == MigMode::kUnsupported) {
      finding.raise(Verdict::kProblem);
      finding.found = title_of(gpu) + " has its display outputs on, and so no MIG";
      finding.cause = "a workstation board in graphics mode refuses MIG";
      finding.add_mend(gpu.way_to_mig());
    } else if (gpu.display.active == true) {
      finding.raise(Verdict::kNote);
      finding.found = title_of(gpu) + " shows a screen";
      finding.cause =
          "a display server on a GPU keeps its first instance from being made, and "
          "keeps a reset out";
      finding.add_mend("systemctl stop display-manager, before MIG is set up");
    }
  }
  return finding;
}

Finding check_persistence(Patient& patient) {
  Finding finding;
  std::size_t off = 0;
  std::size_t asked = 0;
  const auto looked = each_gpu(patient, [&](const OpenGpu& open) {
    nvmlEnableState_t mode = NVML_FEATURE_DISABLED;
    const nvmlReturn_t code = open.nvml.nvmlDeviceGetPersistenceMode(open.device, &mode);
    finding.evidence.push_back(fmt::format("nvmlDeviceGetPersistenceMode of GPU {}: {}",
                                           open.gpu.index.value,
                                           code != NVML_SUCCESS           ? nvml::code_name(code)
                                           : mode == NVML_FEATURE_ENABLED ? "on"
                                                                          : "off"));
    asked += code == NVML_SUCCESS ? 1 : 0;
    off += code == NVML_SUCCESS && mode != NVML_FEATURE_ENABLED ? 1 : 0;
  });
  if (!looked) {
    return not_read(looked.error());
  }
  if (asked == 0) {
    return not_here("the driver tells of no GPU");
  }
  finding.found = off == 0 ? "on" : fmt::format("off on {} of {} GPUs", off, asked);
  if (off > 0) {
    finding.verdict = Verdict::kNote;
    finding.cause =
        "when the last program closes the GPU the driver lets it go: the next start "
        "takes seconds, and clocks, power limits and other settings are lost";
    finding.mend = {patient.roots().simulated()
                        ? patient.smi("-pm 1")
                        : "systemctl enable --now nvidia-persistenced, or nvidia-smi -pm 1"};
  }
  return finding;
}

Finding check_fabric(Patient& patient) {
  const std::string switches = patient.roots().machine("/proc/driver/nvidia-nvswitch/devices");
  const std::size_t count = names_in(switches).size();
  Finding finding;
  bool unready = false;
  bool joined = false;
  const auto looked = each_gpu(patient, [&](const OpenGpu& open) {
    if (const auto ready = fabric_ready(open, finding.evidence)) {
      joined = true;
      unready = unready || !*ready;
    }
  });
  if (!looked) {
    return not_read(looked.error());
  }
  if (count == 0 && !joined) {
    return not_here("no GPU is on an NVSwitch fabric, and " + switches + " names no switch");
  }
  const bool managed = manager_runs(patient);
  if (count > 0) {
    finding.evidence.push_back(fmt::format("{}: {}", switches, base::counted(count, "switch")));
    finding.evidence.emplace_back(managed ? "nv-fabricmanager runs"
                                          : "no process nv-fabricmanager");
  }
  finding.found = "ready";
  // Where the GPUs tell that the fabric is complete, its manager may run on another host, or in
  // another pid namespace.
  if (unready || (count > 0 && !joined && !managed)) {
    finding.verdict = !unready && patient.in_container() ? Verdict::kNote : Verdict::kProblem;
    finding.found = unready ? "the fabric is not ready" : "the fabric manager does not run";
    finding.cause =
        "on boards with NVSwitch CUDA answers \"system not yet initialized\" (802) "
        "until the fabric manager, of the driver's exact version, has trained the links";
    finding.mend = {"systemctl enable --now nvidia-fabricmanager",
                    "journalctl -u nvidia-fabricmanager"};
  }
  return finding;
}

}  // namespace mig::doctor
