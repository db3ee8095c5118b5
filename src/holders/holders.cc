// SPDX-License-Identifier: Apache-2.0
#include "holders/holders.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <time.h>

#include "base/file.h"
#include "base/strings.h"
#include "holders/kinds.h"
#include "holders/leases.h"
#include "holders/open_nodes.h"
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

class Finder {
 public:
  // `ahead`: a search that began earlier, or nullptr.
  Finder(const Inventory& inventory, const Roots& roots, SearchAhead* ahead)
      : inventory_(inventory), roots_(roots), ahead_(ahead) {}

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
    bool of_machine = false;  // a simulated machine's service
    const ProcessFacts facts = facts_of(pid, of_machine);
    Holder holder;
    holder.kind = kind_of(facts, of_machine);
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

  ProcessFacts facts_of(std::uint32_t pid, bool& of_machine) const {
    ProcessFacts facts = read_process(roots_.proc, pid);
    if (facts.name.empty() && !roots_.machine_proc.empty()) {
      facts = read_process(roots_.machine_proc, pid);
      of_machine = !facts.name.empty();
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
    MIG_ASSIGN_OR_RETURN(const std::vector<OpenNodes> all,
                         ahead_ != nullptr ? ahead_->take() : search_open_nodes(roots_));
    for (const OpenNodes& found : all) {
      report_.unreadable_processes += found.unreadable ? 1 : 0;
      add_nodes(found);
    }
    return {};
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
  SearchAhead* ahead_;
  Report report_;
};

bool is_strangers(const Holder& holder) {
  return holder.uid && *holder.uid != 0 && *holder.uid != ::geteuid();
}

// Started within the time that a command takes.
bool is_young(const Holder& holder) {
  constexpr std::uint64_t kLongestSeconds = 60;
  timespec now{};
  const long ticks = ::sysconf(_SC_CLK_TCK);
  if (ticks <= 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) {
    return false;
  }
  const std::uint64_t started_s = holder.start_ticks / static_cast<std::uint64_t>(ticks);
  return started_s + kLongestSeconds >= static_cast<std::uint64_t>(now.tv_sec);
}

}  // namespace

bool is_passing(const Holder& holder) {
  constexpr std::array<std::string_view, 4> kNames = {
      "nvidia-smi", "migctl", "migd", "nvidia-mig-part"};
  return holder.kind == Kind::kProcess && !holder.gpu_instance &&
         std::find(kNames.begin(), kNames.end(), holder.name) != kNames.end() &&
         (!is_strangers(holder) || is_young(holder));
}

bool stops_first_instance(const Holder& holder) {
  if (holder.gpu_instance) {
    return false;
  }
  const bool display = holder.kind == Kind::kDisplay;
  return seen_in(holder, kGraphicsList) ||
         (display && (seen_in(holder, kDriverList) || seen_in(holder, kActiveDisplay)));
}

Result<Report> find_holders(const Inventory& inventory, const Roots& roots, SearchAhead* ahead) {
  return Finder(inventory, roots, ahead).find(false);
}

Result<Report> find_open_nodes(const Inventory& inventory, const Roots& roots) {
  return Finder(inventory, roots, nullptr).find(true);
}

}  // namespace mig::holders
