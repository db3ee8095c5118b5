// SPDX-License-Identifier: Apache-2.0
// Checks of what containers and jobs need of the host: NVIDIA Container Toolkit, control groups.
#include <algorithm>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/strings.h"
#include "doctor/check.h"
#include "doctor/files.h"
#include "doctor/program.h"

namespace mig::doctor {
namespace {

std::optional<std::string> program(const Patient& patient, std::string_view name) {
  for (const char* folder : {"/usr/bin/", "/usr/local/bin/", "/usr/sbin/"}) {
    std::string path = patient.roots().host(folder + std::string(name));
    if (facts_of(path)) {
      return path;
    }
  }
  return std::nullopt;
}

// Numbers of the first word that looks like a version: "1.17.8" -> {1, 17, 8}.
std::vector<std::uint64_t> version_in(const std::string& text) {
  std::string words = text;
  std::replace(words.begin(), words.end(), '\n', ' ');
  for (const std::string& word : base::split(words, ' ')) {
    std::vector<std::uint64_t> numbers;
    for (const std::string& part : base::split(word.substr(0, word.find_first_of("-+~")), '.')) {
      const auto number = base::parse_decimal(part, UINT32_MAX);
      if (!number) {
        numbers.clear();
        break;
      }
      numbers.push_back(*number);
    }
    if (numbers.size() >= 2) {
      return numbers;
    }
  }
  return {};
}

}  // namespace

Finding check_toolkit(Patient& patient) {
  // Documented: `nvidia-ctk cdi` begins with 1.12; 1.17.8 closes CVE-2025-23266 (a container's
  // image gets root on the host through a hook).
  static const std::vector<std::uint64_t> kFirstWithCdi = {1, 12};
  static const std::vector<std::uint64_t> kFirstSafe = {1, 17, 8};
  std::vector<std::string> runtimes;
  for (const char* name : {"docker", "podman", "containerd", "crio", "nerdctl"}) {
    if (const auto path = program(patient, name)) {
      runtimes.push_back(*path);
    }
  }
  const auto toolkit = program(patient, "nvidia-ctk");
  if (!toolkit && runtimes.empty()) {
    return not_here(
        "no container runtime and no nvidia-ctk in /usr/bin, /usr/local/bin, /usr/sbin");
  }
  Finding finding;
  finding.evidence = runtimes;
  if (!toolkit) {
    finding.verdict = Verdict::kWarning;
    finding.found = "there are container runtimes, and no nvidia-ctk";
    finding.cause =
        "without the toolkit --gpus and --runtime=nvidia are unknown, and a CDI name is known only "
        "if another program wrote the CDI file";
    finding.mend = {
        "install the package nvidia-container-toolkit, then: nvidia-ctk cdi generate "
        "--output=/etc/cdi/nvidia.yaml",
        "or, for engines that read CDI files (Podman, Docker 28.2 and later): " +
            patient.migctl("cdi generate")};
    return finding;
  }
  const auto text = output_of({*toolkit, "--version"});
  if (!text) {
    return not_read(text.error());
  }
  finding.evidence.push_back(*toolkit +
                             " --version: " + base::printable(text->substr(0, text->find('\n'))));
  const std::vector<std::uint64_t> version = version_in(*text);
  finding.found = version.empty() ? "a version that cannot be told"
                                  : fmt::format("version {}", fmt::join(version, "."));
  if (version.empty()) {
    finding.verdict = Verdict::kNote;
  } else if (version < kFirstWithCdi) {
    finding.verdict = Verdict::kProblem;
    finding.cause = "it writes no CDI files, and older ones take MIG devices by other names";
    finding.mend = {"update the package nvidia-container-toolkit"};
  } else if (version < kFirstSafe) {
    finding.verdict = Verdict::kWarning;
    finding.cause =
        "before 1.17.8 a container's image can become root on the host (CVE-2025-23266)";
    finding.mend = {"update the package nvidia-container-toolkit"};
  }
  return finding;
}

Finding check_cgroup(Patient& patient) {
  const std::string root = patient.roots().host("/sys/fs/cgroup");
  const auto there = [&](const char* name) { return facts_of(root + name).has_value(); };
  const bool v2 = there("/cgroup.controllers");
  const bool hybrid = there("/unified/cgroup.procs");
  const bool devices = there("/devices/cgroup.procs");
  Finding finding;
  if (!v2 && !hybrid && !devices && !there("/freezer/cgroup.procs") &&
      !there("/systemd/cgroup.procs")) {
    finding.verdict = Verdict::kWarning;
    finding.found = "there is no control group file system";
    finding.evidence = {root};
    finding.cause =
        "what a lease's job leaves behind cannot be found and ended; container "
        "runtimes and Slurm keep no job from other devices";
    finding.mend = {"mount -t cgroup2 none /sys/fs/cgroup"};
    return finding;
  }
  finding.found = v2       ? "version 2, devices by BPF programs of the runtime"
                  : hybrid ? "version 1 with a version 2 beside it (hybrid)"
                           : "version 1";
  finding.evidence = {root + (v2       ? "/cgroup.controllers"
                              : hybrid ? "/unified/cgroup.procs"
                                       : "/*/cgroup.procs")};
  if (!v2) {
    finding.found += devices ? ", devices controller mounted" : ", without devices controller";
    finding.verdict = devices ? Verdict::kNote : Verdict::kWarning;
    finding.cause = devices ? "works; newer runtimes (crun, systemd) leave version 1 behind"
                            : "container runtimes and Slurm cannot keep a job from other devices";
    finding.mend = {"boot with systemd.unified_cgroup_hierarchy=1"};
  }
  return finding;
}

}  // namespace mig::doctor
