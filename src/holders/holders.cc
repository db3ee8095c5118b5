// SPDX-License-Identifier: Apache-2.0
#include "holders/holders.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include <dirent.h>
#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace mig::holders {

namespace {

constexpr std::size_t kSmallFile = 64U << 10U;
constexpr std::size_t kMinorsFile = 1U << 20U;

// Where a device node leads.
struct Target {
  std::uint32_t minor = 0;  // GPU minor number
  std::optional<GpuInstanceId> gi;
  std::optional<ComputeInstanceId> ci;
};

std::optional<std::uint32_t> number_after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return std::nullopt;
  const auto value = base::parse_decimal(text.substr(prefix.size()), UINT32_MAX);
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

// "gpu0/gi1/ci2/access" -> target.
std::optional<Target> parse_capability(std::string_view path) {
  Target target;
  bool gpu_seen = false;
  for (const std::string& part : base::split(path, '/')) {
    if (auto gpu = number_after(part, "gpu")) {
      target.minor = *gpu;
      gpu_seen = true;
    } else if (auto gi = number_after(part, "gi")) {
      target.gi = GpuInstanceId{*gi};
    } else if (auto ci = number_after(part, "ci")) {
      target.ci = ComputeInstanceId{*ci};
    }
  }
  return gpu_seen && target.gi ? std::optional(target) : std::nullopt;
}

// Capability minor -> instance, from /proc/driver/nvidia-caps/mig-minors; empty without that file.
std::map<std::uint32_t, Target> read_capabilities(const Roots& roots) {
  std::map<std::uint32_t, Target> capabilities;
  const auto text = base::read_file(roots.proc + "/driver/nvidia-caps/mig-minors", kMinorsFile);
  if (!text)
    return capabilities;
  for (const std::string& line : base::split(*text, '\n')) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos)
      continue;
    const auto minor = base::parse_decimal(line.substr(blank + 1), UINT32_MAX);
    const auto target = parse_capability(line.substr(0, blank));
    if (minor && target)
      capabilities.emplace(static_cast<std::uint32_t>(*minor), *target);
  }
  return capabilities;
}

struct ProcessFacts {
  std::string name;
  std::uint64_t start_ticks = 0;
  std::optional<std::uint32_t> uid;
  Owner owner;
};

ProcessFacts read_process(const Roots& roots, std::uint32_t pid) {
  ProcessFacts facts;
  const std::string folder = fmt::format("{}/{}", roots.proc, pid);
  if (auto comm = base::read_file(folder + "/comm", kSmallFile))
    facts.name = comm->substr(0, comm->find('\n'));
  if (auto cgroup = base::read_file(folder + "/cgroup", kSmallFile))
    facts.owner = parse_cgroup(*cgroup);

  struct stat info {};

  if (stat(folder.c_str(), &info) == 0)
    facts.uid = info.st_uid;
  // Field 22 counts from behind the last ')': the name may hold blanks and brackets.
  if (auto text = base::read_file(folder + "/stat", kSmallFile)) {
    const std::size_t close = text->rfind(')');
    if (close != std::string::npos && close + 2 < text->size()) {
      const auto fields = base::split(std::string_view(*text).substr(close + 2), ' ');
      constexpr std::size_t kStartTime = 19;
      if (fields.size() > kStartTime)
        facts.start_ticks = base::parse_decimal(fields[kStartTime], UINT64_MAX).value_or(0);
    }
  }
  return facts;
}

Kind kind_of(std::string_view name) {
  constexpr std::array<std::string_view, 6> kServices = {"nvidia-persiste",
                                                         "nv-hostengine",
                                                         "nv-fabricmanage",
                                                         "nvsm",
                                                         "dcgm-exporter",
                                                         "nvidia-imex"};
  constexpr std::array<std::string_view, 5> kDisplays = {
      "Xorg", "Xwayland", "gnome-shell", "kwin_wayland", "sway"};
  const auto starts = [name](std::string_view prefix) { return name.starts_with(prefix); };
  if (std::any_of(kServices.begin(), kServices.end(), starts))
    return Kind::kService;
  if (std::any_of(kDisplays.begin(), kDisplays.end(), starts))
    return Kind::kDisplay;
  return Kind::kProcess;
}

class Finder {
 public:
  Finder(const Inventory& inventory, const Roots& roots)
      : inventory_(inventory), roots_(roots), capabilities_(read_capabilities(roots)) {}

  Result<Report> find() {
    add_driver_lists();
    MIG_TRY(add_descriptors());
    add_modules();
    auto& list = report_.holders;
    std::sort(list.begin(), list.end(), [](const Holder& a, const Holder& b) {
      return std::tie(a.gpu, a.gpu_instance, a.compute_instance, a.pid, a.name) <
             std::tie(b.gpu, b.gpu_instance, b.compute_instance, b.pid, b.name);
    });
    return std::move(report_);
  }

 private:
  void add(const Gpu& gpu, std::uint32_t pid, const Target& target, std::string evidence) {
    for (Holder& known : report_.holders) {
      if (known.pid == pid && known.gpu == gpu.index && known.gpu_instance == target.gi &&
          (known.compute_instance == target.ci || !target.ci)) {
        if (std::find(known.evidence.begin(), known.evidence.end(), evidence) ==
            known.evidence.end())
          known.evidence.push_back(std::move(evidence));
        return;
      }
    }
    const ProcessFacts facts = read_process(roots_, pid);
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
    // A whole-GPU node alone (monitoring, the persistence daemon) does not keep an instance.
    const bool on_instance = target.gi.has_value();
    const bool computes = evidence == kDriverList;
    holder.stops = on_instance || computes ? Stops::kDestroy : Stops::kReset;
    holder.evidence.push_back(std::move(evidence));
    report_.holders.push_back(std::move(holder));
  }

  void add_driver_lists() {
    for (const Gpu& gpu : inventory_.gpus)
      for (const Process& process : gpu.processes)
        add(gpu,
            process.pid,
            {gpu.minor.value_or(0), process.gpu_instance, process.compute_instance},
            kDriverList);
  }

  Result<void> add_descriptors() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(roots_.proc.c_str()), closedir);
    if (!folder)
      return Error{
          ErrorCode::kIo, "cannot read " + roots_.proc + " to find who holds the GPUs", {}, {}, {}};
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = readdir(folder.get())) {
      const auto pid = base::parse_decimal(entry->d_name, UINT32_MAX);
      if (pid && *pid != static_cast<std::uint64_t>(getpid()))
        add_descriptors_of(static_cast<std::uint32_t>(*pid));
    }
    return {};
  }

  void add_descriptors_of(std::uint32_t pid) {
    const std::string path = fmt::format("{}/{}/fd", roots_.proc, pid);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
    if (!folder) {
      if (errno == EACCES)
        ++report_.unreadable_processes;
      return;  // else it has just ended
    }
    std::set<std::string> links;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this function's own
    while (const dirent* entry = readdir(folder.get())) {
      std::array<char, 512> buffer{};
      const ssize_t length =
          readlink((path + "/" + entry->d_name).c_str(), buffer.data(), buffer.size() - 1);
      if (length > 0)
        links.emplace(buffer.data(), static_cast<std::size_t>(length));
    }
    for (const std::string& link : links)
      add_node(pid, link);
  }

  void add_node(std::uint32_t pid, const std::string& link) {
    if (!link.starts_with(roots_.dev + "/nvidia"))
      return;
    const std::string_view node = std::string_view(link).substr(roots_.dev.size() + 1);
    std::optional<Target> target;
    if (auto minor = number_after(node, "nvidia"))
      target = Target{*minor, {}, {}};
    else if (auto cap = number_after(node, "nvidia-caps/nvidia-cap"))
      if (auto at = capabilities_.find(*cap); at != capabilities_.end())
        target = at->second;
    if (!target)
      return;
    for (const Gpu& gpu : inventory_.gpus)
      if (gpu.minor == target->minor)
        add(gpu, pid, *target, link);
  }

  // Display drivers keep every GPU of the nvidia module; only their *use* stops a reset.
  void add_modules() {
    const auto text = base::read_file(roots_.proc + "/modules", kMinorsFile);
    if (!text)
      return;
    for (const std::string& line : base::split(*text, '\n')) {
      const auto fields = base::split(line, ' ');
      if (fields.size() < 3 || fields[0] != "nvidia_drm" || fields[2] == "0")
        continue;
      for (const Gpu& gpu : inventory_.gpus) {
        Holder holder;
        holder.kind = Kind::kKernelModule;
        holder.name = fields[0];
        holder.gpu = gpu.index;
        holder.stops = Stops::kReset;
        holder.evidence.push_back(fmt::format("{}/modules: {} users", roots_.proc, fields[2]));
        report_.holders.push_back(std::move(holder));
      }
    }
  }

  static constexpr const char* kDriverList = "driver process list";
  const Inventory& inventory_;
  const Roots& roots_;
  std::map<std::uint32_t, Target> capabilities_;
  Report report_;
};

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::kProcess:
      return "process";
    case Kind::kService:
      return "service";
    case Kind::kDisplay:
      return "display";
    case Kind::kKernelModule:
      break;
  }
  return "kernel_module";
}

const char* name_of(Stops stops) {
  return stops == Stops::kDestroy ? "destroy" : "reset";
}

std::string Holder::str() const {
  std::string text =
      kind == Kind::kKernelModule ? "kernel module " + name : fmt::format("pid {}", pid);
  if (kind != Kind::kKernelModule) {
    std::vector<std::string> about = {name.empty() ? "name not visible" : name};
    if (uid)
      about.push_back(fmt::format("uid {}", *uid));
    if (const std::string who = owner.str(); !who.empty())
      about.push_back(who);
    text += " (" + base::join(about, ", ") + ")";
  }
  text += fmt::format(" on GPU {}", gpu.value);
  if (gpu_instance)
    text += fmt::format(" gi={}", gpu_instance->value);
  if (compute_instance)
    text += fmt::format(" ci={}", compute_instance->value);
  return text;
}

Result<Report> find_holders(const Inventory& inventory, const Roots& roots) {
  return Finder(inventory, roots).find();
}

}  // namespace mig::holders
