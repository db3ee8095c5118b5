// SPDX-License-Identifier: Apache-2.0
// Checks of CDI files (/etc/cdi, /var/run/cdi): container runtimes give containers what is written
// there, whether or not it is still true. Nothing of NVIDIA's writes them again when instances
// change.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "cdi/registration.h"
#include "config/cdi_spec.h"
#include "doctor/capability_minors.h"
#include "doctor/check.h"
#include "doctor/files.h"

namespace mig::doctor {
namespace {

constexpr std::string_view kCapability = "/dev/nvidia-caps/nvidia-cap";
constexpr std::string_view kMigUuid = "MIG-";

struct CdiFile {
  std::string path, folder;
  std::optional<config::CdiSpec> spec;
  std::string error;  // why there is none
  mode_t mode = 0;
  std::string again;  // the command that writes it again
};

std::string generate(const Patient& patient, const CdiFile& file, const std::string& kept) {
  if (file.path == kept) {
    return patient.migctl("cdi generate");
  }
  if (file.spec && file.spec->kind != "nvidia.com/gpu") {
    return "have the program that wrote " + file.path + " (" + file.spec->kind + ") write it again";
  }
  return "nvidia-ctk cdi generate --output=" + file.path;
}

// Path of the file that migctl keeps; "": none, or its registration cannot be read, of which
// `migctl cdi check` tells.
std::string kept_file(const Patient& patient) {
  const auto registered =
      cdi::read_registration(cdi::registration_file(patient.places().journal()));
  return registered && *registered ? (*registered)->path : std::string();
}

std::vector<CdiFile> read_files(const Patient& patient) {
  std::vector<CdiFile> files;
  const std::string kept = kept_file(patient);
  for (const char* where : {"/etc/cdi", "/var/run/cdi"}) {
    const std::string folder = patient.roots().machine(where);
    for (const std::string& name : names_in(folder)) {
      if (!name.ends_with(".yaml") && !name.ends_with(".yml") && !name.ends_with(".json")) {
        continue;
      }
      CdiFile file{fmt::format("{}/{}", folder, name), folder, {}, {}, 0};
      if (const auto facts = facts_of(file.path)) {
        file.mode = facts->mode;
      }
      if (const auto text = patient.text(file.path, &file.error)) {
        auto spec = config::parse_cdi_spec(*text, file.path);
        if (spec) {
          file.spec = *std::move(spec);
        } else {
          file.error = spec.error().text();
        }
      }
      file.again = generate(patient, file, kept);
      files.push_back(std::move(file));
    }
  }
  return files;
}

Finding no_files(const Patient& patient) {
  return not_here("there are no CDI files in " + patient.roots().machine("/etc/cdi") + " and " +
                  patient.roots().machine("/var/run/cdi"));
}

// Name of a device as CDI readers accept it.
bool valid_name(const std::string& name) {
  constexpr std::string_view kMiddle = "_-.:";
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  };
  return !name.empty() && plain(name.front()) && plain(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return plain(c) || kMiddle.find(c) != std::string_view::npos;
         });
}

// Compute instances that exist: by the names that a CDI device may have, and by minor.
struct Present {
  std::map<std::string, std::uint32_t> minor_of;  // "MIG-...", "0:1"
  std::set<std::uint32_t> minors;                 // of GPU and compute instances
  std::vector<std::string> uuids;
  std::set<std::string> whole_in_mig_mode;  // "0", "GPU-..." of GPUs in MIG mode
};

Present present_of(const Inventory& now, const CapabilityMinors& table) {
  Present out;
  for (const Gpu& gpu : now.gpus) {
    if (gpu.mig_current == MigMode::kEnabled) {
      out.whole_in_mig_mode.insert(std::to_string(gpu.index.value));
      out.whole_in_mig_mode.insert(gpu.uuid);
    }
    for (const GpuInstance& instance : gpu.instances) {
      const std::uint32_t of_gpu = gpu.minor.value_or(0);
      if (const auto minor = table.find(CapabilityMinors::access(of_gpu, instance.id))) {
        out.minors.insert(*minor);
      }
      for (const ComputeInstance& compute : instance.compute_instances) {
        const auto minor = table.find(CapabilityMinors::access(of_gpu, instance.id, compute.id));
        if (!minor) {
          continue;
        }
        out.minors.insert(*minor);
        out.uuids.push_back(compute.uuid);
        out.minor_of[compute.uuid] = *minor;
        if (compute.device_index) {
          out.minor_of[fmt::format("{}:{}", gpu.index.value, *compute.device_index)] = *minor;
        }
      }
    }
  }
  return out;
}

std::optional<std::uint32_t> capability_minor(const config::CdiNode& node) {
  if (!node.host_path.starts_with(kCapability)) {
    return std::nullopt;
  }
  const auto minor = base::parse_decimal(node.host_path.substr(kCapability.size()), UINT32_MAX);
  return minor ? std::optional(static_cast<std::uint32_t>(*minor)) : std::nullopt;
}

class DeviceCheck {
 public:
  DeviceCheck(const Present& present,
              const CapabilityMinors& table,
              std::optional<std::uint32_t> caps_major)
      : present_(present), table_(table), caps_major_(caps_major) {}

  void look(const CdiFile& file, const config::CdiDevice& device) {
    const std::string what =
        fmt::format("{}: {}={}", file.path, file.spec->kind, base::printable(device.name));
    std::set<std::uint32_t> minors;
    for (const config::CdiNode& node : device.edits.nodes) {
      const auto minor = capability_minor(node);
      if (!minor || *minor <= kMonitor) {
        continue;
      }
      minors.insert(*minor);
      if ((node.minor_number && *node.minor_number != *minor) ||
          (node.major_number && caps_major_ && *node.major_number != *caps_major_)) {
        complain(file,
                 fmt::format("{}: {} is written as {}:{}, the driver has {}:{}",
                             what,
                             node.host_path,
                             node.major_number.value_or(0),
                             node.minor_number.value_or(*minor),
                             caps_major_.value_or(0),
                             *minor));
      }
    }
    const auto named = present_.minor_of.find(device.name);
    if (named != present_.minor_of.end()) {
      covered_.insert(named->second);
      if (!minors.contains(named->second)) {
        complain(file,
                 fmt::format("{} gives the nodes of {}, not of its own nvidia-cap{}",
                             what,
                             names(minors),
                             named->second));
      }
      return;
    }
    const bool gone = device.name.starts_with(kMigUuid) ||
                      std::any_of(minors.begin(), minors.end(), [&](std::uint32_t minor) {
                        return !present_.minors.contains(minor);
                      });
    if (gone) {
      complain(file, what + " is an instance that does not exist");
    } else if (minors.empty() && present_.whole_in_mig_mode.contains(device.name)) {
      complain(file, what + " is a whole GPU, which is in MIG mode now");
    }
    covered_.insert(minors.begin(), minors.end());
  }

  // Instances that no file has.
  void look_for_missing(const std::vector<CdiFile>& files) {
    for (const std::string& uuid : present_.uuids) {
      if (covered_.contains(present_.minor_of.at(uuid))) {
        continue;
      }
      finding_.raise(Verdict::kWarning);
      finding_.evidence.push_back("in no CDI file: " + uuid);
      finding_.add_mend(files.front().again);
    }
  }

  Finding end(std::size_t devices) {
    finding_.found = finding_.evidence.empty()
                         ? base::counted(devices, "device") + ", all as the driver has them"
                         : base::counted(finding_.evidence.size(), "device") + " stale or missing";
    if (!finding_.evidence.empty()) {
      finding_.cause =
          "the file was written before the instances changed: a container gets no "
          "device, or the instance of somebody else whose numbers are the same now";
    }
    return std::move(finding_);
  }

 private:
  static constexpr std::uint32_t kMonitor = 2;  // nvidia-cap1 and nvidia-cap2 are of no instance

  std::string names(const std::set<std::uint32_t>& minors) const {
    std::vector<std::string> words;
    for (const std::uint32_t minor : minors) {
      const std::string name = table_.name_of(minor);
      words.push_back(name.empty() ? fmt::format("nvidia-cap{}", minor) : name);
    }
    return words.empty() ? "no instance" : base::join(words, " and ");
  }

  void complain(const CdiFile& file, std::string line) {
    finding_.raise(Verdict::kProblem);
    finding_.evidence.push_back(std::move(line));
    finding_.add_mend(file.again);
  }

  const Present& present_;
  const CapabilityMinors& table_;
  std::optional<std::uint32_t> caps_major_;
  std::set<std::uint32_t> covered_;
  Finding finding_;
};

// True for files whose devices are NVIDIA GPUs or their instances.
bool is_of_gpus(const config::CdiSpec& spec) {
  return spec.kind.find("nvidia.com/") != std::string::npos &&
         !spec.kind.starts_with("management.");
}

// Version at the end of a library's name: "libcuda.so.580.159.04"; "" = none.
std::string library_version(const std::string& path) {
  const std::size_t at = path.rfind(".so.");
  const std::string version = at == std::string::npos ? "" : path.substr(at + 4);
  const bool numbers = version.find_first_not_of("0123456789.") == std::string::npos;
  const bool drivers = path.find("/libnvidia-") != std::string::npos ||
                       path.find("/libcuda.so.") != std::string::npos;
  return numbers && drivers && std::count(version.begin(), version.end(), '.') > 0 ? version : "";
}

// Mode of the file, and names of its devices.
void judge_file(const CdiFile& file, std::map<std::string, std::string>& seen, Finding& finding) {
  constexpr mode_t kOthersRead = 0004;
  if ((file.mode & kOthersRead) == 0) {
    finding.raise(Verdict::kNote);
    finding.evidence.push_back(file.path + ": mode " + mode_text(file.mode));
    finding.cause = "rootless podman runs as its user, who cannot read the file";
    finding.add_mend("chmod 0644 " + file.path);
  }
  for (const config::CdiDevice& device : file.spec->devices) {
    const std::string name = fmt::format("{}={}", file.spec->kind, device.name);
    const auto [first, fresh] = seen.emplace(fmt::format("{} {}", file.folder, name), file.path);
    if (fresh && valid_name(device.name)) {
      continue;
    }
    finding.raise(Verdict::kProblem);
    finding.evidence.push_back(
        fresh ? fmt::format("{}: no CDI name: {}", file.path, base::printable(name))
              : fmt::format(
                    "{} is in {} and in {}", base::printable(name), first->second, file.path));
    finding.cause =
        "a name that is there twice in one folder, or has other characters than letters, digits "
        "and _-.:, is unresolvable";
    finding.add_mend(fresh ? file.again : "rm one of the two, or generate it as another kind");
  }
}

}  // namespace

Finding check_cdi_files(Patient& patient) {
  const std::vector<CdiFile> files = read_files(patient);
  if (files.empty()) {
    return no_files(patient);
  }
  Finding finding;
  std::map<std::string, std::string> seen;  // "folder kind=name" -> file
  for (const CdiFile& file : files) {
    if (file.spec) {
      judge_file(file, seen, finding);
      continue;
    }
    finding.raise(Verdict::kProblem);
    finding.evidence.push_back(file.error);
    finding.cause =
        "runtimes pass over a file that they cannot read, and its devices are unresolvable";
    finding.add_mend(file.again);
  }
  finding.found = finding.evidence.empty() ? base::counted(files.size(), "file")
                                           : base::counted(finding.evidence.size(), "fault") +
                                                 " in " + base::counted(files.size(), "file");
  if (finding.evidence.empty()) {
    for (const CdiFile& file : files) {
      finding.evidence.push_back(file.path);
    }
  }
  return finding;
}

Finding check_cdi_devices(Patient& patient) {
  MIG_ASSIGN_OR_RETURN_FINDING(const Inventory* now, patient.inventory());
  std::vector<CdiFile> files = read_files(patient);
  std::erase_if(files, [](const CdiFile& file) { return !file.spec || !is_of_gpus(*file.spec); });
  if (files.empty()) {
    return no_files(patient);
  }
  const CapabilityMinors table(patient.roots().machine("/proc/driver/nvidia-caps/mig-minors"));
  if (table.empty()) {
    return not_here("there is no " + table.file() + ", so nodes cannot be told apart");
  }
  const Present present = present_of(*now, table);
  DeviceCheck check(
      present, table, major_of(patient.roots().machine("/proc/devices"), "nvidia-caps"));
  std::size_t devices = 0;
  for (const CdiFile& file : files) {
    for (const config::CdiDevice& device : file.spec->devices) {
      ++devices;
      if (device.name != "all") {
        check.look(file, device);
      }
    }
  }
  check.look_for_missing(files);
  return check.end(devices);
}

Finding check_cdi_driver(Patient& patient) {
  const std::vector<CdiFile> files = read_files(patient);
  const std::string version_file = patient.roots().machine("/sys/module/nvidia/version");
  const auto loaded = first_line(version_file);
  Finding finding;
  std::size_t paths = 0;
  for (const CdiFile& file : files) {
    if (!file.spec) {
      continue;
    }
    std::vector<std::string> needed = file.spec->common.mounts;
    needed.insert(needed.end(), file.spec->common.hooks.begin(), file.spec->common.hooks.end());
    for (const config::CdiDevice& device : file.spec->devices) {
      needed.insert(needed.end(), device.edits.mounts.begin(), device.edits.mounts.end());
      needed.insert(needed.end(), device.edits.hooks.begin(), device.edits.hooks.end());
    }
    for (const std::string& path : needed) {
      ++paths;
      const std::string version = library_version(path);
      const bool stale = loaded && !version.empty() && version != *loaded;
      if (facts_of(patient.roots().host(path)) && !stale) {
        continue;
      }
      finding.raise(Verdict::kProblem);
      finding.evidence.push_back(
          fmt::format("{}: {}{}",
                      file.path,
                      base::printable(path),
                      stale ? ", but the driver is " + *loaded : std::string(": does not exist")));
      finding.cause =
          "the file was written for another driver or toolkit: a container does not "
          "start, or its library does not fit the kernel module";
      finding.add_mend(file.again);
    }
  }
  if (paths == 0) {
    return not_here("no CDI file mounts anything");
  }
  finding.found = finding.evidence.empty() ? base::counted(paths, "path") + ", all there"
                                           : base::counted(finding.evidence.size(), "path") +
                                                 " missing or of another driver";
  if (finding.evidence.empty()) {
    finding.evidence = {version_file + ": " + loaded.value_or("not there")};
  }
  return finding;
}

}  // namespace mig::doctor
