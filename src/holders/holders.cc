// SPDX-License-Identifier: Apache-2.0
#include "holders/holders.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "holders/leases.h"
#include "holders/nodes.h"
#include "holders/process_facts.h"

namespace mig::holders {

namespace {

constexpr std::size_t kModulesFile = 1U << 20U;
constexpr const char* kDriverList = "driver process list";
constexpr const char* kGraphicsList = "driver graphics list";
constexpr const char* kActiveDisplay = "display active";

bool seen_in(const Holder& holder, const char* evidence) {
  return std::find(holder.evidence.begin(), holder.evidence.end(), evidence) !=
         holder.evidence.end();
}

Kind kind_of(std::string_view name) {
  constexpr std::array<std::string_view, 6> kServices = {"nvidia-persiste",
                                                         "nv-hostengine",
                                                         "nv-fabricmanage",
                                                         "nvsm",
                                                         "dcgm-exporter",
                                                         "nvidia-imex"};
  constexpr std::array<std::string_view, 13> kDisplays = {"Xorg",
                                                          "Xwayland",
                                                          "gnome-shell",
                                                          "gdm",
                                                          "sddm",
                                                          "lightdm",
                                                          "kwin_wayland",
                                                          "kwin_x11",
                                                          "plasmashell",
                                                          "mutter",
                                                          "weston",
                                                          "sway",
                                                          "Hyprland"};
  const auto starts = [name](std::string_view prefix) { return name.starts_with(prefix); };
  if (std::any_of(kServices.begin(), kServices.end(), starts)) {
    return Kind::kService;
  }
  if (std::any_of(kDisplays.begin(), kDisplays.end(), starts)) {
    return Kind::kDisplay;
  }
  return Kind::kProcess;
}

class Finder {
 public:
  Finder(const Inventory& inventory, const Roots& roots)
      : inventory_(inventory), roots_(roots), nodes_(roots) {}

  Result<Report> find(bool only_open_nodes) {
    if (!only_open_nodes) {
      add_driver_lists();
    }
    MIG_TRY(add_descriptors());
    MIG_TRY(add_leases(inventory_, roots_, report_));
    if (!only_open_nodes) {
      add_screens();
      add_modules();
    }
    auto& list = report_.holders;
    std::sort(list.begin(), list.end(), [](const Holder& a, const Holder& b) {
      return std::tie(a.gpu, a.gpu_instance, a.compute_instance, a.pid, a.name) <
             std::tie(b.gpu, b.gpu_instance, b.compute_instance, b.pid, b.name);
    });
    for (Holder& holder : list) {
      holder.stops_first_instance = stops_first_instance(holder);
    }
    return std::move(report_);
  }

 private:
  void add(const Gpu& gpu, std::uint32_t pid, const Target& target, std::string evidence) {
    for (Holder& known : report_.holders) {
      if (known.pid == pid && known.gpu == gpu.index && known.gpu_instance == target.gi &&
          (known.compute_instance == target.ci || !target.ci)) {
        if (!seen_in(known, evidence.c_str())) {
          known.evidence.push_back(std::move(evidence));
        }
        return;
      }
    }
    const ProcessFacts facts = facts_of(pid);
    Holder holder;
    holder.kind = kind_of(facts.name);
    holder.pid = pid;
    holder.start_ticks = facts.start_ticks;
    holder.name = facts.name;
    holder.uid = facts.uid;
    holder.owner = facts.owner;
    holder.gpu = gpu.index;
    holder.gpu_instance = target.gi;
    holder.compute_instance = target.ci;
    // An open whole-GPU node alone (monitoring, the persistence daemon) does not block an
    // instance's destruction, nor does a display, which draws outside of instances.
    const bool on_instance = target.gi.has_value();
    const bool computes = evidence == kDriverList && holder.kind != Kind::kDisplay;
    holder.stops = on_instance || computes ? Stops::kDestroy : Stops::kReset;
    holder.evidence.push_back(std::move(evidence));
    report_.holders.push_back(std::move(holder));
  }

  ProcessFacts facts_of(std::uint32_t pid) const {
    ProcessFacts facts = read_process(roots_.proc, pid);
    if (facts.name.empty() && !roots_.machine_proc.empty()) {
      facts = read_process(roots_.machine_proc, pid);
    }
    return facts;
  }

  void add_driver_lists() {
    for (const Gpu& gpu : inventory_.gpus) {
      for (const Process& process : gpu.processes) {
        add(gpu,
            process.pid,
            {gpu.minor.value_or(0), process.gpu_instance, process.compute_instance},
            process.graphics ? kGraphicsList : kDriverList);
      }
    }
  }

  Result<void> add_descriptors() {
    MIG_TRY(add_descriptors_below(roots_.proc));
    return roots_.machine_proc.empty() ? Result<void>()
                                       : add_descriptors_below(roots_.machine_proc);
  }

  Result<void> add_descriptors_below(const std::string& proc) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(proc.c_str()), closedir);
    if (!folder) {
      return Error{
          ErrorCode::kIo, "cannot read " + proc + " to find who holds the GPUs", {}, {}, {}};
    }
    // Linux 6.2 and later return the number of open descriptors as the size of a process's fd
    // folder: a kernel thread has none, and most processes of a large machine are kernel threads.
    // Only for root: of a folder that cannot be opened the size tells nothing, and it is counted.
    const bool sizes_told = geteuid() == 0 && size_of(folder.get(), "self/fd") > 0;
    std::vector<std::uint32_t> pids;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = readdir(folder.get())) {
      const auto pid = base::parse_decimal(entry->d_name, UINT32_MAX);
      if (pid && *pid != static_cast<std::uint64_t>(getpid())) {
        pids.push_back(static_cast<std::uint32_t>(*pid));
      }
    }
    for (const OpenNodes& found : search(folder.get(), proc, pids, sizes_told)) {
      report_.unreadable_processes += found.unreadable ? 1 : 0;
      add_nodes(found);
    }
    return {};
  }

  // The device nodes of one process.
  struct OpenNodes {
    std::uint32_t pid = 0;
    bool unreadable = false;
    std::map<std::string, Target> nodes;  // each once: a process opens the same node many times
  };

  // Descriptors of `pids`, in this order. In parallel, since it is the kernel's work (some 10 us a
  // process) and a command waits for it.
  std::vector<OpenNodes> search(DIR* folder,
                                const std::string& proc,
                                const std::vector<std::uint32_t>& pids,
                                bool sizes_told) const {
    constexpr std::size_t kOfAThread = 32;
    constexpr std::size_t kMostThreads = 4;
    std::vector<OpenNodes> found(pids.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < pids.size(); i = next++) {
        if (!sizes_told || size_of(folder, fmt::format("{}/fd", pids[i])) != 0) {
          found[i] = open_nodes_of(proc, pids[i]);
        }
      }
    };
    const std::size_t count =
        std::min({kMostThreads,
                  std::max<std::size_t>(std::thread::hardware_concurrency(), 1),
                  1 + pids.size() / kOfAThread});
    std::vector<std::thread> others;
    try {
      for (std::size_t i = 1; i < count; ++i) {
        others.emplace_back(work);
      }
    } catch (const std::system_error&) {
      // A limit of threads: those that exist do the work.
    }
    work();
    for (std::thread& other : others) {
      other.join();
    }
    return found;
  }

  // st_size of a file below `folder`; -1: stat failed.
  static off_t size_of(DIR* folder, const std::string& name) {
    struct stat info {};

    return ::fstatat(::dirfd(folder), name.c_str(), &info, 0) == 0 ? info.st_size : -1;
  }

  OpenNodes open_nodes_of(const std::string& proc, std::uint32_t pid) const {
    OpenNodes found;
    found.pid = pid;
    const std::string path = fmt::format("{}/{}/fd", proc, pid);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) {
      found.unreadable = errno == EACCES;
      return found;  // otherwise the process has just ended
    }
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = readdir(folder.get())) {
      if (entry->d_name[0] == '.') {
        continue;
      }
      std::array<char, 512> buffer{};
      // Relative to the open folder: a shorter path lookup in the kernel, for thousands of links.
      const ssize_t length =
          ::readlinkat(::dirfd(folder.get()), entry->d_name, buffer.data(), buffer.size() - 1);
      const std::string_view link(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
      if (link.find("/nvidia") == std::string_view::npos) {
        continue;  // same result as nodes_.find()
      }
      if (auto node = nodes_.find(std::string(link), path + "/" + entry->d_name)) {
        found.nodes.emplace(std::move(node->path), node->target);
      }
    }
    return found;
  }

  void add_nodes(const OpenNodes& found) {
    for (const auto& [node, target] : found.nodes) {
      for (const Gpu& gpu : inventory_.gpus) {
        if (gpu.minor == target.minor) {
          add(gpu, found.pid, target, node);
        }
      }
    }
  }

  // A GPU with an active display: its holder is the process that draws there. If no such process is
  // known, an anonymous display holder is added.
  void add_screens() {
    for (const Gpu& gpu : inventory_.gpus) {
      if (gpu.display.active != true) {
        continue;
      }
      bool known = false;
      for (Holder& holder : report_.holders) {
        if (holder.gpu == gpu.index &&
            (holder.kind == Kind::kDisplay || seen_in(holder, kGraphicsList))) {
          holder.evidence.emplace_back(kActiveDisplay);
          known = true;
        }
      }
      if (known) {
        continue;
      }
      Holder screen;
      screen.kind = Kind::kDisplay;
      screen.gpu = gpu.index;
      screen.stops = Stops::kReset;
      screen.evidence.emplace_back(kActiveDisplay);
      report_.holders.push_back(std::move(screen));
    }
  }

  // Display drivers keep every GPU of the nvidia module open; only their use count blocks a reset.
  void add_modules() {
    const auto text = base::read_file(roots_.driver_proc + "/modules", kModulesFile);
    if (!text) {
      return;
    }
    for (const std::string& line : base::split(*text, '\n')) {
      const auto fields = base::split(line, ' ');
      if (fields.size() < 3 || fields[0] != "nvidia_drm" || fields[2] == "0") {
        continue;
      }
      for (const Gpu& gpu : inventory_.gpus) {
        Holder holder;
        holder.kind = Kind::kKernelModule;
        holder.name = fields[0];
        holder.gpu = gpu.index;
        holder.stops = Stops::kReset;
        holder.evidence.push_back(
            fmt::format("{}/modules: {} users", roots_.driver_proc, fields[2]));
        report_.holders.push_back(std::move(holder));
      }
    }
  }

  const Inventory& inventory_;
  const Roots& roots_;
  Nodes nodes_;
  Report report_;
};

}  // namespace

bool is_passing(const Holder& holder) {
  constexpr std::array<std::string_view, 4> kNames = {
      "nvidia-smi", "migctl", "migd", "nvidia-mig-part"};
  return holder.kind == Kind::kProcess && !holder.gpu_instance &&
         std::find(kNames.begin(), kNames.end(), holder.name) != kNames.end();
}

bool stops_first_instance(const Holder& holder) {
  if (holder.gpu_instance) {
    return false;
  }
  const bool display = holder.kind == Kind::kDisplay;
  return seen_in(holder, kGraphicsList) ||
         (display && (seen_in(holder, kDriverList) || seen_in(holder, kActiveDisplay)));
}

Result<Report> find_holders(const Inventory& inventory, const Roots& roots) {
  return Finder(inventory, roots).find(false);
}

Result<Report> find_open_nodes(const Inventory& inventory, const Roots& roots) {
  return Finder(inventory, roots).find(true);
}

}  // namespace mig::holders
