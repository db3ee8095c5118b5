// SPDX-License-Identifier: Apache-2.0
// Checks of the driver: library, kernel modules and their options.
#include <algorithm>
#include <map>
#include <string_view>

#include <fmt/format.h>

#include "base/strings.h"
#include "doctor/check.h"
#include "doctor/files.h"

namespace mig::doctor {
namespace {

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Version of the loaded kernel module, and the files that say so.
std::optional<std::string> module_version(const Patient& patient,
                                          std::vector<std::string>& evidence) {
  const std::string sys = patient.roots().machine("/sys/module/nvidia/version");
  const std::string proc = patient.roots().machine("/proc/driver/nvidia/version");
  auto version = first_line(sys);
  if (version) {
    evidence.push_back(sys + ": " + *version);
  }
  if (const auto line = first_line(proc)) {
    evidence.push_back(proc + ": " + *line);
    for (const std::string& word : base::split(*line, ' ')) {
      if (!version && word.find('.') != std::string::npos &&
          word.find_first_not_of("0123456789.") == std::string::npos) {
        version = word;
      }
    }
  }
  return version;
}

// An option of the kernel module as a file of modprobe.d sets it.
struct Option {
  std::string file, name, value;
};

struct ModprobeFiles {
  std::vector<Option> options;
  std::vector<std::string> barred;  // "FILE: blacklist nvidia"
};

// A line of a file of modprobe.d, as far as it is about the module nvidia.
void read_line(const std::string& path, const std::string& line, ModprobeFiles& found) {
  constexpr std::string_view kPrefix = "NVreg_";
  std::vector<std::string> words = base::split(line, ' ');
  std::erase(words, "");
  if (words.size() < 2 || words[1] != "nvidia") {
    return;
  }
  if (words[0] == "blacklist" || words[0] == "install") {
    found.barred.push_back(fmt::format("{}: {}", path, line));
  }
  for (std::size_t i = 2; words[0] == "options" && i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (words[i].starts_with(kPrefix) && equals != std::string::npos) {
      found.options.push_back({path,
                               words[i].substr(kPrefix.size(), equals - kPrefix.size()),
                               words[i].substr(equals + 1)});
    }
  }
}

ModprobeFiles read_modprobe(const Patient& patient) {
  ModprobeFiles found;
  for (const char* where : {"/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d"}) {
    const std::string folder = patient.roots().machine(where);
    for (const std::string& name : names_in(folder)) {
      const std::string path = fmt::format("{}/{}", folder, name);
      const auto text = name.ends_with(".conf") ? patient.text(path) : std::nullopt;
      for (const std::string& line : base::split(text.value_or(""), '\n')) {
        read_line(path, line, found);
      }
    }
  }
  return found;
}

std::string unquoted(std::string value) {
  std::erase(value, '"');
  return value;
}

// Options that decide who can open device nodes, and which GPUs there are.
void judge_params(const std::map<std::string, std::string>& params,
                  const std::string& file,
                  Finding& finding) {
  const auto differs =
      [&](const char* name, const std::string& usual, Verdict verdict, const std::string& meaning) {
        const auto found = params.find(name);
        if (found == params.end() || unquoted(found->second) == usual) {
          return;
        }
        finding.raise(verdict);
        finding.evidence.push_back(fmt::format("{}: {}: {}", file, name, found->second));
        finding.cause += (finding.cause.empty() ? "" : "; ") + meaning;
      };
  differs("ModifyDeviceFiles",
          "1",
          Verdict::kNote,
          "with ModifyDeviceFiles 0 no program of NVIDIA's makes device nodes or sets their "
          "modes: nodes of new instances are somebody else's to make");
  differs("DeviceFileMode",
          "438",
          Verdict::kNote,
          "device nodes are not made open to all users (438 is 0666): users outside of their "
          "owner and group cannot use a GPU");
  for (const char* name : {"ExcludedGpus", "GpuBlacklist"}) {
    differs(name, "", Verdict::kWarning, "the GPUs named there are hidden from every program");
  }
}

}  // namespace

Finding check_driver(Patient& patient) {
  Finding finding;
  const auto session = patient.session();
  if (!session) {
    const Error& error = session.error();
    finding.verdict = Verdict::kProblem;
    finding.found = error.text();
    for (const char* path : {"/proc/driver/nvidia/version", "/dev/nvidiactl"}) {
      const std::string file = patient.roots().machine(path);
      finding.evidence.push_back(file + (facts_of(file) ? ": is there" : ": is not there"));
    }
    finding.cause = error.code == ErrorCode::kPermission
                        ? "this user may not open the driver's device nodes"
                        : "the driver is not installed, its kernel module is not loaded, or both "
                          "are of different versions";
    finding.mend = {error.hint.empty() ? "install NVIDIA's driver and load it: modprobe nvidia"
                                       : error.hint};
    return finding;
  }
  finding.found =
      fmt::format("driver {}, NVML {}", (*session)->driver_version(), (*session)->nvml_version());
  finding.evidence = {"library: " + (*session)->library_path()};
  return finding;
}

Finding check_driver_version(Patient& patient) {
  Finding finding;
  const auto module = module_version(patient, finding.evidence);
  const auto session = patient.session();
  if (!session && session.error().nvml != NVML_ERROR_LIB_RM_VERSION_MISMATCH) {
    Finding none = not_here("the library does not start: see the check driver");
    none.evidence = finding.evidence;
    return none;
  }
  bool equal = session.has_value();
  if (session) {
    // NVML's version is the interface's number and then the library's: 13.580.159.04.
    const std::string nvml = (*session)->nvml_version();
    const std::string library = nvml.substr(std::min(nvml.find('.') + 1, nvml.size()));
    finding.evidence.push_back("nvmlSystemGetNVMLVersion: " + nvml);
    finding.evidence.push_back("nvmlSystemGetDriverVersion: " + (*session)->driver_version());
    equal = library == (*session)->driver_version() && (!module || *module == library);
    finding.found = fmt::format(
        "library {}, kernel module {}", library, module.value_or((*session)->driver_version()));
  } else {
    finding.found = session.error().text();
  }
  if (!equal) {
    finding.verdict = Verdict::kProblem;
    finding.cause = "the driver was updated while its old kernel module stayed loaded";
    finding.mend = {patient.reboot()};
    if (!patient.roots().simulated()) {
      finding.mend.insert(finding.mend.begin(),
                          "stop what uses the GPUs (migctl holders), then: modprobe -r nvidia_uvm "
                          "nvidia_drm nvidia_modeset nvidia && modprobe nvidia");
    }
  } else if (!module) {
    return not_here("no file tells the kernel module's version (a container shows none)");
  }
  return finding;
}

Finding check_modules(Patient& patient) {
  const std::string file = patient.roots().machine("/proc/modules");
  const std::string devices = patient.roots().machine("/proc/devices");
  const auto modules = loaded_modules(file);
  if (!modules) {
    return not_here("this kernel has no list of modules (" + file + ")");
  }
  Finding finding;
  std::vector<std::string> loaded;
  for (const std::string& name : *modules) {
    if (name.starts_with("nvidia")) {
      loaded.push_back(name);
    }
  }
  finding.evidence = {file + ": " + (loaded.empty() ? "no nvidia*" : base::join(loaded, ", "))};
  finding.found = loaded.empty() ? "none is loaded" : base::join(loaded, ", ");
  const auto caps = major_of(devices, "nvidia-caps");
  finding.evidence.push_back(devices +
                             (caps ? fmt::format(": nvidia-caps {}", *caps) : ": no nvidia-caps"));
  if (!has(loaded, "nvidia")) {
    finding.verdict = Verdict::kProblem;
    finding.cause = "the driver's kernel module is not loaded";
    finding.mend = {"modprobe nvidia", "dmesg | grep -i nvrm"};
    return finding;
  }
  if (!has(loaded, "nvidia_uvm")) {
    finding.raise(Verdict::kWarning);
    finding.found += "; nvidia_uvm is missing";
    finding.cause = "CUDA needs nvidia_uvm; only root's first CUDA program loads it by itself";
    finding.add_mend("nvidia-modprobe -u -c=0");
  }
  if (!caps) {
    finding.raise(Verdict::kProblem);
    finding.found += "; there are no capability devices";
    finding.cause = "without nvidia-caps no instance can be opened: the module is older than R450";
    finding.add_mend("install a driver of R450 or later");
  }
  return finding;
}

Finding check_nouveau(Patient& patient) {
  const std::string file = patient.roots().machine("/proc/modules");
  const auto modules = loaded_modules(file);
  if (!modules) {
    return not_here("this kernel has no list of modules (" + file + ")");
  }
  Finding finding;
  finding.found = "nouveau and nova are not loaded";
  finding.evidence = {file};
  for (const char* name : {"nouveau", "nova_core"}) {
    if (has(*modules, name)) {
      finding.verdict = Verdict::kProblem;
      finding.found = fmt::format("{} is loaded", name);
      finding.evidence = {fmt::format("{}: {}", file, name)};
      finding.cause = "a GPU that this driver has taken is not there for NVIDIA's";
      finding.mend = {fmt::format("echo blacklist {} > /etc/modprobe.d/no-{}.conf", name, name),
                      "update-initramfs -u, or dracut -f",
                      patient.reboot()};
    }
  }
  return finding;
}

Finding check_module_options(Patient& patient) {
  const std::string file = patient.roots().machine("/proc/driver/nvidia/params");
  const auto params = key_values(file);
  if (params.empty()) {
    return not_here("there is no " + file + ": the module is not loaded, or hidden");
  }
  Finding finding;
  finding.found = fmt::format("{} options read", params.size());
  judge_params(params, file, finding);
  const ModprobeFiles files = read_modprobe(patient);
  for (const Option& option : files.options) {
    const auto live = params.find(option.name);
    if (live != params.end() && unquoted(live->second) != unquoted(option.value)) {
      finding.raise(Verdict::kNote);
      finding.evidence.push_back(fmt::format("{}: NVreg_{}={}, but {} is in effect",
                                             option.file,
                                             option.name,
                                             option.value,
                                             live->second));
      finding.add_mend("an option of modprobe.d takes effect when the module is loaded again: " +
                       patient.reboot());
    }
  }
  for (const std::string& line : files.barred) {
    finding.raise(Verdict::kWarning);
    finding.evidence.push_back(line);
    finding.cause += (finding.cause.empty() ? "" : "; ") +
                     std::string("modprobe.d bars the module: it is not loaded at the next boot");
    finding.add_mend("remove that line");
  }
  if (finding.verdict != Verdict::kOk) {
    finding.found = base::counted(finding.evidence.size(), "option") + " out of the ordinary";
  } else {
    finding.evidence = {file};
  }
  return finding;
}

}  // namespace mig::doctor
