// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/tree.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "sim/machine/services.h"
#include "sim/tree/dir.h"
#include "sim/tree/service_part.h"
#include "sim/tree/static_part.h"
#include "sim/tree/steps.h"

namespace migsim {

namespace {

constexpr std::string_view kTreeVersion = "3\n";
constexpr std::uint32_t kCapMode = 0444;
constexpr std::uint64_t kXidEvent = 8;  // nvmlEventTypeXidCriticalError

// GI ids and their CI ids, per GPU minor number.
using Instances = std::map<std::uint32_t, std::map<std::uint32_t, std::set<std::uint32_t>>>;

struct Snapshot {
  std::vector<TreeGpu> gpus;
  Instances instances;
  std::string driver;
  std::vector<TreeService> services;
  std::uint64_t event_sequence = 0;
  std::vector<Event> xids;  // oldest first
};

Snapshot take(Machine& machine) {
  Snapshot out;
  const Hardware& hardware = machine.hardware();
  const Machine::View view(machine);
  out.driver = view->options.driver_version;
  out.services = services_of(hardware, *view);
  out.event_sequence = view->event_sequence;
  for (std::uint32_t back = kMaxEvents; back > 0; --back) {
    // The ring holds the newest kMaxEvents, each at its sequence number.
    const std::uint64_t sequence = view->event_sequence + 1 - back;
    const Event& event = view->events[sequence % kMaxEvents];
    if (back <= view->event_sequence && event.sequence == sequence && event.type == kXidEvent) {
      out.xids.push_back(event);
    }
  }
  for (std::uint32_t i = 0; i < hardware.gpu_count; ++i) {
    const GpuState& gpu = view->gpus[i];
    out.gpus.push_back({&hardware.boards[gpu.board],
                        gpu.minor,
                        gpu.pci_domain,
                        gpu.pci_bus,
                        gpu.pci_device,
                        gpu.uuid,
                        pci_class_of(hardware.boards[gpu.board], gpu)});
    for (std::uint32_t g = 0; g < kMaxGis; ++g) {
      if (gpu.gis[g].used == 0) {
        continue;
      }
      auto& cis = out.instances[gpu.minor][g];
      for (std::uint32_t c = 0; c < kMaxCis; ++c) {
        if (gpu.gis[g].cis[c].used != 0) {
          cis.insert(c);
        }
      }
    }
  }
  return out;
}

// Canonical text of the layout in one line: equal lines mean equal trees.
std::string layout_line(const Snapshot& now) {
  std::string line = line_of(now.services);
  line += "events=" + std::to_string(now.event_sequence) + " ";
  for (const auto& [minor, gis] : now.instances) {
    for (const auto& [gi, cis] : gis) {
      line += std::to_string(minor) + "/" + std::to_string(gi) + ":";
      for (const std::uint32_t ci : cis) {
        line += std::to_string(ci) + ",";
      }
      line += ' ';
    }
  }
  return line + "\n";
}

// File lock that serialises all writers of the tree; the kernel releases it when the process ends.
class TreeLock {
 public:
  explicit TreeLock(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    error_ = fd_ < 0 ? errno : 0;
    while (error_ == 0 && ::flock(fd_, LOCK_EX) != 0) {
      error_ = errno == EINTR ? 0 : errno;
    }
  }

  ~TreeLock() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }

  TreeLock(const TreeLock&) = delete;
  TreeLock& operator=(const TreeLock&) = delete;

  int error() const { return error_; }

 private:
  int fd_;
  int error_ = 0;
};

// Removes entries that start with `prefix` and are not wanted.
int prune(const Dir& dir, std::string_view prefix, const std::set<std::string>& wanted) {
  for (const std::string& name : dir.names()) {
    if (name.starts_with(prefix) && !wanted.contains(name)) {
      if (const int error = dir.remove(name.c_str()); error != 0) {
        return error;
      }
    }
  }
  return 0;
}

// Files are written atomically (Dir::write), so an existing file is complete; the content follows
// from the name.
int ensure(const Dir& dir, const std::string& name, const std::string& content) {
  return dir.has(name.c_str()) ? 0 : dir.write(name.c_str(), content, kCapMode);
}

int sync_gi(const Dir& dir,
            std::uint32_t minor,
            std::uint32_t gi,
            const std::set<std::uint32_t>& cis) {
  std::set<std::string> wanted;
  int error = ensure(dir, "access", capability_text(gi_cap_minor(minor, gi), kCapMode));
  for (const std::uint32_t ci : cis) {
    const std::string name = "ci" + std::to_string(ci);
    wanted.insert(name);
    Dir inner;
    if (error == 0) {
      error = dir.enter(name, inner);
    }
    if (error == 0) {
      error = ensure(inner, "access", capability_text(ci_cap_minor(minor, gi, ci), kCapMode));
    }
  }
  return error != 0 ? error : prune(dir, "ci", wanted);
}

int sync_capabilities(const Dir& tree, const Instances& instances) {
  Dir caps;
  int error = tree.enter("proc/driver/nvidia/capabilities", caps);
  std::set<std::string> gpus;
  for (const auto& [minor, gis] : instances) {
    const std::string gpu = "gpu" + std::to_string(minor);
    gpus.insert(gpu);
    Dir mig;
    if (error == 0) {
      error = caps.enter(gpu + "/mig", mig);
    }
    std::set<std::string> wanted;
    for (const auto& [gi, cis] : gis) {
      const std::string name = "gi" + std::to_string(gi);
      wanted.insert(name);
      Dir inner;
      if (error == 0) {
        error = mig.enter(name, inner);
      }
      if (error == 0) {
        error = sync_gi(inner, minor, gi, cis);
      }
    }
    if (error == 0) {
      error = prune(mig, "gi", wanted);
    }
  }
  return error != 0 ? error : prune(caps, "gpu", gpus);
}

int sync_devices(const Dir& tree, const Instances& instances) {
  std::set<std::string> wanted = {"nvidia-cap1", "nvidia-cap2"};
  for (const auto& [minor, gis] : instances) {
    for (const auto& [gi, cis] : gis) {
      wanted.insert("nvidia-cap" + std::to_string(gi_cap_minor(minor, gi)));
      for (const std::uint32_t ci : cis) {
        wanted.insert("nvidia-cap" + std::to_string(ci_cap_minor(minor, gi, ci)));
      }
    }
  }
  Dir caps;
  int error = tree.enter("dev/nvidia-caps", caps);
  for (const std::string& name : wanted) {
    if (error == 0) {
      error = ensure(caps, name, "");
    }
  }
  return error != 0 ? error : prune(caps, "nvidia-cap", wanted);
}

// The kernel log: a line for each Xid, in the form of NVIDIA's documentation of Xid errors, where a
// GPU instance is "GPU-I:05". What comes after the number differs for each Xid, and is not
// imitated.
int sync_kernel_log(const Dir& tree, const Snapshot& now) {
  std::string text;
  for (const Event& event : now.xids) {
    if (event.gpu >= now.gpus.size()) {
      continue;
    }
    const TreeGpu& gpu = now.gpus[event.gpu];
    text += print("kernel: NVRM: Xid (PCI:%04x:%02x:%02x", gpu.domain, gpu.bus, gpu.device);
    text += event.gi == kNone ? "" : print(" GPU-I:%02u", event.gi);
    text += print("): %llu, simulated by migctl\n", static_cast<unsigned long long>(event.data));
  }
  Dir logs;
  const int error = tree.enter("var/log", logs);
  return error != 0 ? error : logs.write("kern.log", text, 0444);
}

int sync_locked(Machine& machine, const Dir& folder) {
  // Snapshot taken under the tree's lock: a writer never overwrites a newer tree with an older
  // state.
  const Snapshot now = take(machine);
  Dir tree;
  if (const int error = folder.enter("tree", tree); error != 0) {
    return error;
  }
  const bool fresh = tree.read(".version") != kTreeVersion;
  const std::string layout = layout_line(now);
  if (!fresh && tree.read(".layout") == layout) {
    return 0;
  }
  // Crash safety: without .layout the next sync redoes the work of a caller that was killed
  // halfway.
  int error = tree.remove(".layout");
  if (error == 0 && fresh) {
    error = tree.remove("sys");  // a tree of an older version has folders where links are now
  }
  if (error == 0 && fresh) {
    error = write_static_part(tree, now.gpus, now.driver);
  }
  if (error == 0) {
    error = sync_capabilities(tree, now.instances);
  }
  if (error == 0) {
    error = sync_devices(tree, now.instances);
  }
  if (error == 0) {
    error = write_services(tree, now.services);
  }
  if (error == 0) {
    error = sync_kernel_log(tree, now);
  }
  if (error == 0 && fresh) {
    error = tree.write(".version", kTreeVersion, 0444);
  }
  return error != 0 ? error : tree.write(".layout", layout, 0444);
}

}  // namespace

Status sync_tree(Machine& machine) {
  Dir folder;
  int error = Dir::open(machine.dir(), folder);
  if (error == 0) {
    const TreeLock lock(machine.dir() + "/tree.lock");
    error = lock.error() != 0 ? lock.error() : sync_locked(machine, folder);
  }
  if (error == 0) {
    return {};
  }
  return {"cannot write the device tree under " + machine.dir() +
          "/tree: " + std::error_code(error, std::generic_category()).message()};
}

}  // namespace migsim
