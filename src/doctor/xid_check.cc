// SPDX-License-Identifier: Apache-2.0
// Xid errors of the kernel log. Lines, by NVIDIA's documentation of Xid errors:
//   NVRM: Xid (PCI:0000:06:00): 79, pid=1234, name=python, GPU has fallen off the bus.
//   NVRM: Xid (PCI:0000:07:00 GPU-I:05): 94, pid=7194, Contained: ...      on a GPU instance
#include "doctor/xid_check.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/strings.h"
#include "doctor/check.h"

namespace mig::doctor {
namespace {

enum class Weight { kJob, kWatch, kReset, kReboot, kReplace };

struct XidMeaning {
  std::uint32_t number;
  Weight weight;
  std::string_view text;
};

// NVIDIA's list of Xid errors, in few words.
constexpr std::array kMeanings = {
    XidMeaning{13, Weight::kJob, "a program's kernel failed (bad address, illegal instruction)"},
    XidMeaning{31, Weight::kJob, "a program used memory that it does not have"},
    XidMeaning{43, Weight::kJob, "a program's context was stopped after an error of its own"},
    XidMeaning{45, Weight::kJob, "a program was ended, and its work with it"},
    XidMeaning{48, Weight::kReset, "memory error that could not be corrected"},
    XidMeaning{61, Weight::kReset, "the GPU's microcontroller stopped"},
    XidMeaning{62, Weight::kReset, "the GPU's microcontroller halted"},
    XidMeaning{63, Weight::kWatch, "a memory row is to be remapped at the next reset"},
    XidMeaning{64, Weight::kReplace, "a memory row could not be remapped"},
    XidMeaning{68, Weight::kJob, "a program's video decoding failed"},
    XidMeaning{69, Weight::kReset, "the graphics engine met an error"},
    XidMeaning{74, Weight::kReset, "NVLink error"},
    XidMeaning{79, Weight::kReboot, "the GPU fell off the bus: power, heat, or the slot"},
    XidMeaning{92, Weight::kWatch, "many memory errors were corrected"},
    XidMeaning{94, Weight::kWatch, "memory error, contained: only the program that met it ended"},
    XidMeaning{
        95, Weight::kReset, "memory error, not contained: every program of the GPU may be wrong"},
    XidMeaning{109, Weight::kJob, "a program's context did not switch in time"},
    XidMeaning{119, Weight::kReset, "the GPU's firmware (GSP) does not answer"},
    XidMeaning{120, Weight::kReset, "the GPU's firmware (GSP) failed"},
    XidMeaning{140, Weight::kReset, "memory error that could not be recovered"},
    XidMeaning{154, Weight::kReset, "the driver asks for a recovery action"},
};

XidMeaning meaning_of(std::uint32_t number) {
  const auto* found = std::find_if(
      kMeanings.begin(), kMeanings.end(), [&](const auto& one) { return one.number == number; });
  return found != kMeanings.end()
             ? *found
             : XidMeaning{number, Weight::kWatch, "see NVIDIA's list of Xid errors"};
}

constexpr std::size_t kMostLog = 16U << 20U;

// /dev/kmsg gives a record with each read; a regular file in its place, all lines.
Result<std::string> kernel_log(const std::string& path) {
  MIG_ASSIGN_OR_RETURN(const base::Fd log, base::open_file(path, O_RDONLY | O_NONBLOCK));
  std::string text;
  std::array<char, 8192> record{};
  while (text.size() < kMostLog) {
    const ssize_t size = ::read(log.get(), record.data(), record.size());
    if (size > 0) {
      text.append(record.data(), static_cast<std::size_t>(size));
    } else if (size == 0 || errno == EAGAIN) {
      break;
    } else if (errno != EINTR && errno != EPIPE) {  // EPIPE: records were overwritten meanwhile
      return base::errno_error("read", path, errno);
    }
  }
  return text;
}

std::string bus_of(const std::string& pci_bus_id) {
  // "00000000:00:06.0" -> "0000:00:06", as the kernel log writes it.
  const std::string lower = base::lower(pci_bus_id);
  const std::size_t colon = lower.find(':');
  const std::size_t dot = lower.find('.');
  return colon < 4 || dot == std::string::npos ? lower : lower.substr(colon - 4, dot - colon + 4);
}

void judge(Patient& patient, const XidGroup& group, std::optional<GpuIndex> gpu, Finding& finding) {
  const XidMeaning meaning = meaning_of(group.number);
  const std::string reset = gpu ? patient.reset(*gpu) : "nvidia-smi --gpu-reset -i " + group.bus;
  switch (meaning.weight) {
    case Weight::kJob:
      finding.raise(Verdict::kNote);
      finding.add_mend("look at the program that the line names; other instances are not touched");
      break;
    case Weight::kWatch:
      finding.raise(Verdict::kWarning);
      finding.add_mend(patient.migctl("doctor --check ecc,row-remap,recovery"));
      break;
    case Weight::kReset:
      finding.raise(Verdict::kProblem);
      finding.add_mend("when its jobs have ended: " + reset);
      break;
    case Weight::kReboot:
      finding.raise(Verdict::kProblem);
      finding.add_mend(patient.reboot());
      finding.add_mend("if it comes again: power, cooling and the slot of the board");
      break;
    case Weight::kReplace:
      finding.raise(Verdict::kProblem);
      finding.add_mend("take the GPU out of service and have it replaced");
      break;
  }
  finding.evidence.push_back(
      fmt::format("Xid {} on {}{}, {}: {}: {}",
                  group.number,
                  gpu ? fmt::format("GPU {}", gpu->value) : "PCI " + group.bus,
                  group.gpu_instance.empty() ? "" : " gi=" + group.gpu_instance,
                  base::counted(group.count, "time"),
                  meaning.text,
                  base::printable(group.last)));
  finding.cause +=
      (finding.cause.empty() ? "" : "; ") + fmt::format("Xid {}: {}", group.number, meaning.text);
}

}  // namespace

std::vector<XidGroup> xids_in(const std::string& log) {
  constexpr std::string_view kMark = "NVRM: Xid (PCI:";
  std::vector<XidGroup> groups;
  for (const std::string& line : base::split(log, '\n')) {
    const std::size_t at = line.find(kMark);
    const std::size_t end = at == std::string::npos ? at : line.find("): ", at);
    if (end == std::string::npos) {
      continue;
    }
    XidGroup found;
    std::string where = line.substr(at + kMark.size(), end - at - kMark.size());
    constexpr std::string_view kInstance = " GPU-I:";
    if (const std::size_t instance = where.find(kInstance); instance != std::string::npos) {
      found.gpu_instance = where.substr(instance + kInstance.size());
      where.resize(instance);
    }
    found.bus = base::lower(where);
    const std::string rest = line.substr(end + 3);
    const auto number =
        base::parse_decimal(rest.substr(0, rest.find_first_not_of("0123456789")), UINT32_MAX);
    if (!number) {
      continue;
    }
    found.number = static_cast<std::uint32_t>(*number);
    found.last = line.substr(at);
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const XidGroup& group) {
      return group.bus == found.bus && group.number == found.number &&
             group.gpu_instance == found.gpu_instance;
    });
    if (known == groups.end()) {
      found.count = 1;
      groups.push_back(std::move(found));
    } else {
      ++known->count;
      known->last = found.last;
    }
  }
  return groups;
}

Finding check_xid(Patient& patient) {
  std::string path = "/dev/kmsg";
  auto log =
      patient.roots().simulated()
          ? Result<std::string>(Error{ErrorCode::kNotFound, "it has no /dev/kmsg", {}, {}, {}})
          : kernel_log(path);
  for (const char* file : {"/var/log/kern.log", "/var/log/messages"}) {
    if (!log) {
      path = patient.roots().machine(file);
      log = kernel_log(path);
    }
  }
  if (!log) {
    Finding finding = not_read(log.error());
    finding.mend = {"as root: dmesg | grep -e NVRM -e Xid, or journalctl -k -g Xid"};
    return finding;
  }
  Finding finding;
  const auto now = patient.inventory();
  const std::vector<XidGroup> groups = xids_in(*log);
  for (const XidGroup& group : groups) {
    std::optional<GpuIndex> index;
    for (const Gpu& gpu : now ? (*now)->gpus : std::vector<Gpu>()) {
      if (bus_of(gpu.pci_bus_id) == group.bus) {
        index = gpu.index;
      }
    }
    judge(patient, group, index, finding);
  }
  finding.found = groups.empty() ? "none since the log begins"
                                 : base::counted(groups.size(), "kind") + " of Xid errors";
  finding.evidence.insert(finding.evidence.begin(), path);
  return finding;
}

}  // namespace mig::doctor
