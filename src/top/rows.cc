// SPDX-License-Identifier: Apache-2.0
#include "top/rows.h"

#include <algorithm>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::top {
namespace {

template <class IdType>
std::int64_t number_of(const std::optional<IdType>& id) {
  return id ? static_cast<std::int64_t>(id->value) : -1;
}

bool below(const View& view, const GpuSample& gpu, const ProcessSample& process) {
  if (!view.machine) {
    return true;
  }
  const MachineKey& key = *view.machine;
  return key.gpu_uuid == gpu.uuid &&
         (key.instance < 0 || key.instance == number_of(process.gpu_instance)) &&
         (key.compute < 0 || key.compute == number_of(process.compute_instance));
}

auto place_of(const ProcessRow& row) {
  return std::make_tuple(row.gpu->index.value, row.key.instance, row.key.compute, row.key.id.pid);
}

// Less-than of one sort key, without the direction; the biggest memory first.
bool before(const Content& content, SortBy sort, const ProcessRow& a, const ProcessRow& b) {
  const auto by = [&](const auto& left, const auto& right) {
    return std::tie(left, right) != std::tie(right, left) ? left < right
                                                          : place_of(a) < place_of(b);
  };
  switch (sort) {
    case SortBy::kInstance:
      return place_of(a) < place_of(b);
    case SortBy::kPid:
      return by(a.key.id.pid, b.key.id.pid);
    case SortBy::kUser:
      return by(content.user_of(*a.process), content.user_of(*b.process));
    case SortBy::kTenant:
      return by(a.process->tenant, b.process->tenant);
    case SortBy::kMemory:
      return by(b.process->memory_bytes.value_or(0), a.process->memory_bytes.value_or(0));
    case SortBy::kName:
      return by(a.process->name, b.process->name);
  }
  return false;
}

// Depth-first: each row below its nearest ancestor that has a row.
class Tree {
 public:
  Tree(const Content& content, const std::vector<ProcessRow>& rows) : rows_(rows) {
    std::map<std::uint32_t, std::size_t> first;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      first.emplace(rows[i].key.id.pid, i);
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      children_[parent_of(content, first, i)].push_back(i);
    }
  }

  std::vector<ProcessRow> take() {
    add(kNone, 0);
    return std::move(out_);
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  std::size_t parent_of(const Content& content,
                        const std::map<std::uint32_t, std::size_t>& first,
                        std::size_t row) const {
    const std::uint32_t pid = rows_[row].key.id.pid;
    if (first.at(pid) != row) {
      return first.at(pid);  // the same process on another instance
    }
    const auto facts = content.processes.find(pid);
    if (facts == content.processes.end()) {
      return kNone;
    }
    const ProcessId own{pid, facts->second.start_ticks};
    for (const std::uint32_t ancestor : facts->second.ancestors) {
      const auto found = first.find(ancestor);
      if (found != first.end() && older(rows_[found->second].key.id, own)) {
        return found->second;
      }
    }
    return kNone;
  }

  // An ancestor is older than its descendants: what is not (a pid used again) could close a loop,
  // whose rows would be lost.
  static bool older(const ProcessId& a, const ProcessId& b) {
    return std::tie(a.start_ticks, a.pid) < std::tie(b.start_ticks, b.pid);
  }

  void add(std::size_t parent, int depth) {
    const auto children = children_.find(parent);
    if (children == children_.end()) {
      return;
    }
    for (const std::size_t child : children->second) {
      out_.push_back(rows_[child]);
      out_.back().depth = depth;
      add(child, depth + 1);
    }
  }

  const std::vector<ProcessRow>& rows_;
  std::map<std::size_t, std::vector<std::size_t>> children_;
  std::vector<ProcessRow> out_;
};

template <class Key>
void add_row(std::vector<MachineRow>& rows,
             const GpuSample& gpu,
             const GpuInstanceSample* instance,
             const ComputeInstanceSample* compute,
             Key key) {
  rows.push_back({&gpu, instance, compute, std::move(key)});
}

}  // namespace

const char* name_of(SortBy sort) {
  switch (sort) {
    case SortBy::kInstance:
      return "instance";
    case SortBy::kPid:
      return "pid";
    case SortBy::kUser:
      return "user";
    case SortBy::kTenant:
      return "tenant";
    case SortBy::kMemory:
      return "memory";
    case SortBy::kName:
      return "name";
  }
  return "instance";
}

char letter_of(SortBy sort) {
  return name_of(sort)[0];
}

std::vector<MachineRow> machine_rows(const MachineSample& sample) {
  std::vector<MachineRow> rows;
  for (const GpuSample& gpu : sample.gpus) {
    add_row(rows, gpu, nullptr, nullptr, MachineKey{gpu.uuid, -1, -1, 0});
    std::vector<const GpuInstanceSample*> instances;
    instances.reserve(gpu.instances.size());
    for (const GpuInstanceSample& instance : gpu.instances) {
      instances.push_back(&instance);
    }
    std::stable_sort(instances.begin(), instances.end(), [](const auto* a, const auto* b) {
      return std::tie(a->placement, a->id) < std::tie(b->placement, b->id);
    });
    for (const GpuInstanceSample* instance : instances) {
      const auto id = static_cast<std::int64_t>(instance->id.value);
      add_row(rows, gpu, instance, nullptr, MachineKey{gpu.uuid, id, -1, instance->generation});
      if (instance->compute_instances.size() < 2) {
        continue;
      }
      for (const ComputeInstanceSample& compute : instance->compute_instances) {
        const auto ci = static_cast<std::int64_t>(compute.id.value);
        add_row(rows, gpu, instance, &compute, MachineKey{gpu.uuid, id, ci, instance->generation});
      }
    }
  }
  return rows;
}

std::string searched_text(const Content& content, const ProcessRow& row) {
  const ProcessSample& process = *row.process;
  return base::lower(fmt::format("{} {} {} {} {} gi={}",
                                 process.pid,
                                 content.user_of(process),
                                 process.tenant,
                                 process.name,
                                 process.owner.str(),
                                 row.key.instance));
}

std::size_t process_count(const Content& content, const View& view) {
  std::size_t count = 0;
  for (const GpuSample& gpu : content.sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      count += below(view, gpu, process) ? 1 : 0;
    }
  }
  return count;
}

std::vector<ProcessRow> process_rows(const Content& content, const View& view) {
  std::vector<ProcessRow> rows;
  const std::string filter = base::lower(view.filter);
  for (const GpuSample& gpu : content.sample.gpus) {
    for (const ProcessSample& process : gpu.processes) {
      if (!below(view, gpu, process)) {
        continue;
      }
      ProcessRow row{&gpu,
                     &process,
                     {content.id_of(process),
                      gpu.uuid,
                      number_of(process.gpu_instance),
                      number_of(process.compute_instance)}};
      if (filter.empty() || searched_text(content, row).find(filter) != std::string::npos) {
        rows.push_back(std::move(row));
      }
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [&](const ProcessRow& a, const ProcessRow& b) {
    return view.reverse ? before(content, view.sort, b, a) : before(content, view.sort, a, b);
  });
  return view.tree ? Tree(content, rows).take() : rows;
}

int selected_index(const std::vector<MachineRow>& rows, const View& view) {
  const auto found = std::find_if(
      rows.begin(), rows.end(), [&](const MachineRow& row) { return view.machine == row.key; });
  return found == rows.end() ? -1 : static_cast<int>(found - rows.begin());
}

int selected_index(const std::vector<ProcessRow>& rows, const View& view) {
  const auto found = std::find_if(
      rows.begin(), rows.end(), [&](const ProcessRow& row) { return view.process == row.key; });
  return found == rows.end() ? -1 : static_cast<int>(found - rows.begin());
}

}  // namespace mig::top
