// SPDX-License-Identifier: Apache-2.0
// Checks of device nodes: /dev/nvidia*, and the capability nodes of instances.
#include <unistd.h>

#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/file.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "base/strings.h"
#include "doctor/capability_minors.h"
#include "doctor/check.h"
#include "doctor/files.h"

namespace mig::doctor {
namespace {

constexpr mode_t kEverybody = 0666;
constexpr mode_t kEverybodyReads = 0444;
constexpr std::uint32_t kControlMinor = 255;

struct Wanted {
  std::string name;
  std::optional<std::uint32_t> minor;  // nullopt: dynamic
  std::string device;                  // in /proc/devices
  Verdict missing = Verdict::kProblem;
};

// Minors of the driver's GPUs, from /proc/driver/nvidia/gpus/*/information.
std::vector<std::uint32_t> gpu_minors(const Patient& patient) {
  std::vector<std::uint32_t> minors;
  const std::string folder = patient.roots().machine("/proc/driver/nvidia/gpus");
  for (const std::string& gpu : names_in(folder)) {
    const auto values = key_values(fmt::format("{}/{}/information", folder, gpu));
    const auto minor = values.find("Device Minor");
    const auto number =
        minor == values.end() ? std::nullopt : base::parse_decimal(minor->second, UINT32_MAX);
    if (number) {
      minors.push_back(static_cast<std::uint32_t>(*number));
    }
  }
  return minors;
}

mode_t device_mode(const Patient& patient) {
  const auto params = key_values(patient.roots().machine("/proc/driver/nvidia/params"));
  const auto mode = params.find("DeviceFileMode");
  const auto number =
      mode == params.end() ? std::nullopt : base::parse_decimal(mode->second, 07777);
  return number ? static_cast<mode_t>(*number) : kEverybody;
}

// Numbers of a node; regular files stand for nodes on a simulated machine.
std::string wrong_numbers(const Patient& patient,
                          const FileFacts& facts,
                          std::optional<std::uint32_t> major_number,
                          std::optional<std::uint32_t> minor_number) {
  if (!facts.character_device) {
    return patient.roots().simulated() ? "" : "is no character device";
  }
  if ((major_number && facts.major_number != *major_number) ||
      (minor_number && facts.minor_number != *minor_number)) {
    return fmt::format("is {}:{}, the driver has {}:{}",
                       facts.major_number,
                       facts.minor_number,
                       major_number.value_or(facts.major_number),
                       minor_number.value_or(facts.minor_number));
  }
  return {};
}

void judge_device(const Patient& patient, const Wanted& wanted, mode_t mode, Finding& finding) {
  const std::string path = patient.roots().machine("/dev/" + wanted.name);
  const auto facts = facts_of(path);
  if (!facts) {
    finding.raise(wanted.missing);
    finding.evidence.push_back(path + ": missing");
    finding.cause = wanted.missing == Verdict::kNote
                        ? "this container was given only some of the GPUs"
                        : "nothing has made the nodes since the module was loaded";
    finding.add_mend(wanted.name == "nvidia-uvm" ? "nvidia-modprobe -u -c=0"
                     : wanted.minor == kControlMinor
                         ? "nvidia-modprobe"
                         : fmt::format("nvidia-modprobe -c {}", wanted.minor.value_or(0)));
    return;
  }
  const std::string numbers =
      wrong_numbers(patient,
                    *facts,
                    major_of(patient.roots().machine("/proc/devices"), wanted.device),
                    wanted.minor);
  if (!numbers.empty()) {
    finding.raise(Verdict::kProblem);
    finding.evidence.push_back(path + " " + numbers);
    finding.cause = "the node is of another load of the module, or was made by hand";
    finding.add_mend("rm " + path + " && nvidia-modprobe -u -c=0");
  } else if (facts->mode != mode) {
    finding.raise((facts->mode & mode) == mode ? Verdict::kNote : Verdict::kWarning);
    finding.evidence.push_back(fmt::format(
        "{}: mode {}, the driver's is {}", path, mode_text(facts->mode), mode_text(mode)));
    finding.cause = "users whom the mode leaves out cannot use the GPU";
    finding.add_mend(fmt::format("chmod {} {}", mode_text(mode), path));
  }
}

// True where migd guards the nodes, which then have modes and access lists of its own.
bool guarded(const Patient& patient) {
  const auto mark = base::read_file(patient.places().leases() + ".guarded", 256);
  return mark && *mark == base::boot_id(base::proc_root());
}

class CapabilityCheck {
 public:
  CapabilityCheck(Patient& patient, const CapabilityMinors& minors)
      : patient_(patient),
        minors_(minors),
        caps_major_(major_of(patient.roots().machine("/proc/devices"), "nvidia-caps")),
        guarded_(guarded(patient)) {}

  // `access`: "gpu0/gi1/ci0/access" as in mig-minors.
  void look(const std::string& access) {
    const auto minor = minors_.find(access);
    if (!minor) {
      complain(Verdict::kProblem, minors_.file() + " has no " + access);
      return;
    }
    ++count_;
    const std::string path =
        patient_.roots().machine(fmt::format("/dev/nvidia-caps/nvidia-cap{}", *minor));
    const std::string about = capability_file(access);
    const auto values = key_values(about);
    const auto facts = facts_of(path);
    if (!facts) {
      complain(Verdict::kProblem, fmt::format("{} ({}): missing", path, access));
      finding_.add_mend("nvidia-modprobe -f " + about);
      return;
    }
    const auto told = values.find("DeviceFileMinor");
    if (told != values.end() && told->second != std::to_string(*minor)) {
      complain(Verdict::kProblem,
               fmt::format("{}: DeviceFileMinor {}, but {} says {}",
                           about,
                           told->second,
                           minors_.file(),
                           *minor));
    }
    if (const auto wrong = wrong_numbers(patient_, *facts, caps_major_, minor); !wrong.empty()) {
      complain(Verdict::kProblem, path + " " + wrong);
      finding_.add_mend(fmt::format("rm {} && nvidia-modprobe -f {}", path, about));
    }
    judge_mode(path, *facts, values);
  }

  Finding end() {
    if (finding_.verdict == Verdict::kOk) {
      finding_.found =
          base::counted(count_, "node") + (guarded_ ? ", guarded by migd" : ", open to users");
      finding_.evidence = {minors_.file(), patient_.roots().machine("/dev/nvidia-caps")};
    } else {
      finding_.found = base::counted(finding_.evidence.size(), "node") + " not as they should be";
      finding_.cause =
          "a program on the instance ends with \"no CUDA-capable device\" or "
          "\"insufficient permissions\": only its capability nodes open an instance";
    }
    return std::move(finding_);
  }

 private:
  void complain(Verdict verdict, std::string line) {
    finding_.raise(verdict);
    finding_.evidence.push_back(std::move(line));
  }

  // "gpu0/gi1/ci0/access" -> ".../capabilities/gpu0/mig/gi1/ci0/access".
  std::string capability_file(const std::string& access) const {
    const std::size_t slash = access.find('/');
    return patient_.roots().machine("/proc/driver/nvidia/capabilities/" + access.substr(0, slash) +
                                    "/mig" + access.substr(slash));
  }

  void judge_mode(const std::string& path,
                  const FileFacts& facts,
                  const std::map<std::string, std::string>& values) {
    const auto told = values.find("DeviceFileMode");
    const auto number =
        told == values.end() ? std::nullopt : base::parse_decimal(told->second, 07777);
    const mode_t mode = number ? static_cast<mode_t>(*number) : kEverybodyReads;
    if (!guarded_ && facts.mode != mode) {
      complain(
          Verdict::kWarning,
          fmt::format(
              "{}: mode {}, the driver's is {}", path, mode_text(facts.mode), mode_text(mode)));
      finding_.add_mend(fmt::format("chmod {} {}", mode_text(mode), path));
    }
  }

  Patient& patient_;
  const CapabilityMinors& minors_;
  std::optional<std::uint32_t> caps_major_;
  bool guarded_;
  std::size_t count_ = 0;
  Finding finding_;
};

}  // namespace

Finding check_devices(Patient& patient) {
  const std::vector<std::uint32_t> minors = gpu_minors(patient);
  if (minors.empty()) {
    return not_here("the kernel module tells of no GPU (" +
                    patient.roots().machine("/proc/driver/nvidia/gpus") + ")");
  }
  std::vector<Wanted> wanted = {{"nvidiactl", kControlMinor, "nvidiactl", Verdict::kProblem},
                                {"nvidia-uvm", std::nullopt, "nvidia-uvm", Verdict::kWarning}};
  const bool contained = patient.in_container();
  for (const std::uint32_t minor : minors) {
    wanted.push_back({fmt::format("nvidia{}", minor),
                      minor,
                      "nvidia",
                      contained ? Verdict::kNote : Verdict::kProblem});
  }
  Finding finding;
  const mode_t mode = device_mode(patient);
  for (const Wanted& one : wanted) {
    judge_device(patient, one, mode, finding);
  }
  finding.found =
      finding.evidence.empty()
          ? fmt::format("{}, mode {}", base::counted(wanted.size(), "node"), mode_text(mode))
          : base::counted(finding.evidence.size(), "node") + " not as they should be";
  if (finding.evidence.empty()) {
    finding.evidence = {patient.roots().machine("/dev")};
  }
  return finding;
}

Finding check_capabilities(Patient& patient) {
  MIG_ASSIGN_OR_RETURN_FINDING(const Inventory* now, patient.inventory());
  const CapabilityMinors minors(patient.roots().machine("/proc/driver/nvidia-caps/mig-minors"));
  CapabilityCheck check(patient, minors);
  std::size_t instances = 0;
  for (const Gpu& gpu : now->gpus) {
    for (const GpuInstance& instance : gpu.instances) {
      ++instances;
      if (gpu.minor && !minors.empty()) {
        check.look(CapabilityMinors::access(*gpu.minor, instance.id));
      }
      for (const ComputeInstance& compute : instance.compute_instances) {
        if (gpu.minor && !minors.empty()) {
          check.look(CapabilityMinors::access(*gpu.minor, instance.id, compute.id));
        }
      }
    }
  }
  if (instances == 0) {
    return not_here("there are no instances");
  }
  if (minors.empty()) {
    return not_here("there is no " + minors.file());
  }
  return check.end();
}

}  // namespace mig::doctor
