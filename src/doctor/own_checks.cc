// SPDX-License-Identifier: Apache-2.0
// Checks of migctl itself: rights of this user, its records, its daemon.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/own_path.h"
#include "base/strings.h"
#include "base/units.h"
#include "doctor/check.h"
#include "doctor/files.h"
#include "node/interrupted.h"
#include "store/journal.h"

namespace mig::doctor {
namespace {

std::string state_folder(const Patient& patient) {
  return std::filesystem::path(patient.places().journal()).parent_path().string();
}

std::string openable(const std::string& path, int flags) {
  const auto opened = base::open_file(path, flags | O_NONBLOCK);
  return opened ? std::string() : opened.error().text();
}

}  // namespace

Finding check_permissions(Patient& patient) {
  MIG_ASSIGN_OR_RETURN_FINDING(const Inventory* now, patient.inventory());
  Finding finding;
  finding.evidence = {fmt::format("uid {}", ::geteuid())};
  const std::string control = patient.roots().machine("/dev/nvidiactl");
  if (const std::string why = openable(control, O_RDWR); !why.empty()) {
    finding.raise(Verdict::kProblem);
    finding.evidence.push_back(why);
    finding.cause = "without it no program of this user reaches the driver";
    finding.add_mend("see the check device-nodes");
  }
  const std::string config = patient.roots().machine("/dev/nvidia-caps/nvidia-cap1");
  const std::string no_config = openable(config, O_RDONLY);
  finding.evidence.push_back(no_config.empty() ? config + ": can be opened" : no_config);
  std::size_t in_mig_mode = 0;
  std::size_t refused = 0;
  for (const Gpu& gpu : now->gpus) {
    in_mig_mode += gpu.mig_current == MigMode::kEnabled ? 1 : 0;
    refused += gpu.mig_current == MigMode::kEnabled && !gpu.instances_complete ? 1 : 0;
  }
  if (in_mig_mode > 0) {
    finding.evidence.push_back(fmt::format(
        "nvmlDeviceGetGpuInstances: refused on {} of {} GPUs in MIG mode", refused, in_mig_mode));
  }
  const bool changes = refused == 0 && (in_mig_mode > 0 || patient.privileged());
  finding.found = changes ? "may read and change instances" : "may look, not change";
  if (!changes && patient.privileged()) {
    finding.raise(Verdict::kProblem);
    finding.cause = "root, and still refused: a container without the capability mig/config";
    finding.add_mend(
        "start the container with NVIDIA_MIG_CONFIG_DEVICES=all and CAP_SYS_ADMIN, or "
        "run migctl on the host");
  } else if (!changes) {
    finding.raise(Verdict::kNote);
    if (finding.cause.empty()) {
      finding.cause =
          "the driver lets root, and who may open mig/config, see GPU instances and "
          "change them; running jobs on MIG devices needs neither";
    }
    finding.add_mend("sudo " + patient.migctl("doctor") + ", to look at everything");
  }
  return finding;
}

Finding check_state_folder(Patient& patient) {
  const std::string folder = state_folder(patient);
  const std::string journal = patient.places().journal();
  const auto facts = facts_of(folder);
  if (!facts) {
    return not_here("nothing is recorded yet: there is no " + folder);
  }
  Finding finding;
  finding.evidence = {
      fmt::format("{}: {}, mode {}", folder, base::owner_text(facts->uid), mode_text(facts->mode))};
  constexpr mode_t kOthersWrite = 0022;
  constexpr mode_t kSticky = 01000;
  if ((facts->mode & kOthersWrite) != 0 && (facts->mode & kSticky) == 0) {
    finding.raise(Verdict::kProblem);
    finding.cause = "others can exchange the journal and the leases";
    finding.add_mend("chmod go-w " + folder);
  }
  if (facts->uid != 0 && facts->uid != ::geteuid() && !patient.roots().simulated()) {
    finding.raise(Verdict::kProblem);
    finding.cause = "the folder of the machine's records is another user's";
    finding.add_mend("chown root: " + folder);
  }
  if (!facts_of(journal)) {
    finding.found = "no change is recorded yet";
    return finding;
  }
  if (::access(journal.c_str(), R_OK | W_OK) != 0) {
    finding.found = "this user may not read the journal";
    if (finding.verdict == Verdict::kOk) {
      finding.verdict = Verdict::kNotHere;
      finding.add_mend("sudo " + patient.migctl("doctor --check state-folder"));
    }
    return finding;
  }
  auto opened = store::Journal::open(journal);
  const auto whole = opened ? opened->check() : Result<void>(opened.error());
  finding.found = whole ? "whole" : whole.error().text();
  finding.evidence.push_back(journal + (whole ? ": whole" : ": " + whole.error().text()));
  if (!whole) {
    finding.raise(Verdict::kProblem);
    finding.cause =
        "the journal cannot be read: changes are refused, since only it could undo them";
    finding.add_mend(whole.error().hint.empty()
                         ? fmt::format("mv {0} {0}.damaged: a new one is begun; history and drift "
                                       "are lost",
                                       journal)
                         : whole.error().hint);
  }
  return finding;
}

Finding check_space(Patient& patient) {
  std::filesystem::path folder = state_folder(patient);

  struct statvfs space {};

  while (::statvfs(folder.c_str(), &space) != 0) {
    if (errno != ENOENT || !folder.has_relative_path()) {
      return not_read(base::errno_error("look at", folder.string(), errno));
    }
    folder = folder.parent_path();
  }
  constexpr std::uint64_t kMib = 1U << 20U;
  constexpr std::uint64_t kTight = 256;
  constexpr std::uint64_t kTooLittle = 16;
  constexpr std::uint64_t kFewFiles = 100;
  const std::uint64_t free_mib = space.f_bavail * space.f_frsize / kMib;
  Finding finding;
  finding.found = fmt::format("{} GiB free", base::gib_text(free_mib));
  finding.evidence = {
      fmt::format("{}: {} MiB and {} files free", folder.string(), free_mib, space.f_favail)};
  const bool files = space.f_files > 0 && space.f_favail < kFewFiles;
  if (free_mib < kTight || files) {
    finding.verdict = free_mib < kTooLittle || files ? Verdict::kProblem : Verdict::kWarning;
    finding.cause = "a change whose record cannot be written is refused or stopped";
    finding.mend = {"df -h " + folder.string() + " and make room"};
  }
  return finding;
}

Finding check_interrupted(Patient& patient) {
  const std::string journal = patient.places().journal();
  if (::access(journal.c_str(), F_OK) != 0) {
    return not_here("no change is recorded yet: there is no " + journal);
  }
  if (::access(journal.c_str(), R_OK | W_OK) != 0) {
    return not_here("this user may not read " + journal);
  }
  const auto open = node::interrupted_change(patient.places());
  if (!open) {
    return not_read(open.error());
  }
  Finding finding;
  finding.evidence = {journal};
  finding.found = "none";
  if (*open) {
    finding.verdict = Verdict::kProblem;
    finding.found =
        fmt::format("change {} ({}) was cut short", (*open)->id, base::printable((*open)->command));
    finding.evidence.push_back(fmt::format(
        "begun by pid {} of {}, which is gone", (*open)->pid, base::printable((*open)->user)));
    finding.cause = "its process was killed between two steps; the machine may be half way";
    finding.mend = {patient.migctl("recover")};
  }
  return finding;
}

Finding check_daemon(Patient& patient) {
  if (!patient.settings().look_at_daemon) {
    return not_here("nobody here can speak to it");
  }
  constexpr std::chrono::milliseconds kPatience{5000};
  const DaemonLook look =
      patient.settings().look_at_daemon(std::min(kPatience, patient.settings().limit / 2));
  Finding finding;
  finding.evidence = {look.socket + ": " + base::printable(look.told)};
  if (!look.listens) {
    finding.verdict = Verdict::kNote;
    finding.found = "no daemon listens";
    finding.cause =
        "leases end only when a command looks, nothing is guarded, and each command "
        "opens the driver itself";
    finding.mend = {patient.roots().simulated() ? patient.migctl("serve")
                                                : "systemctl enable --now migd.socket"};
  } else if (!look.answers) {
    finding.verdict = Verdict::kProblem;
    finding.found = "the daemon listens and does not answer";
    finding.cause = "it waits for a driver that hangs, or is stopped";
    finding.mend = {"journalctl -u migd", "systemctl restart migd"};
  } else if (look.other_version) {
    finding.verdict = Verdict::kWarning;
    finding.found = "the daemon is of another version";
    finding.cause = "migctl was updated while the daemon ran on";
    finding.mend = {"systemctl restart migd"};
  } else {
    finding.found = "answers";
  }
  return finding;
}

}  // namespace mig::doctor
