// SPDX-License-Identifier: Apache-2.0
#include "cli/render_inventory.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "base/units.h"
#include "cli/strip_scale.h"
#include "cli/table.h"
#include "model/strip.h"

namespace mig::cli {
namespace {

std::string mode_words(const Gpu& gpu) {
  const auto word = [](MigMode mode) {
    return mode == MigMode::kEnabled ? "on" : mode == MigMode::kDisabled ? "off" : "not supported";
  };
  std::string text = fmt::format("MIG {}", word(gpu.mig_current));
  if (gpu.mig_current == MigMode::kUnsupported && gpu.has_outputs()) {
    text += " (display outputs are on)";
  }
  if (gpu.mig_pending != gpu.mig_current && gpu.mig_current != MigMode::kUnsupported) {
    text += fmt::format(" ({} after a reset)", word(gpu.mig_pending));
  }
  return text;
}

std::string header(const Inventory& inventory, const Paint& paint) {
  std::string line = simulated_mark(wire::Source::of(inventory));
  if (!line.empty()) {
    line = paint(Style::kYellow, line) + ": ";
  }
  line += base::counted(inventory.gpus.size(), "GPU");
  if (!inventory.lost.empty()) {
    line += fmt::format(" and {} lost", inventory.lost.size());
  }
  if (!inventory.driver_version.empty()) {
    line += fmt::format(", driver {}", inventory.driver_version);
  }
  if (!inventory.nvml_version.empty()) {
    line += fmt::format(", NVML {}", inventory.nvml_version);
  }
  return line + "\n";
}

std::string instance_table(const Gpu& gpu, const Paint& paint) {
  Table table({{"GI", true},
               {"CI", true},
               {"PROFILE", false},
               {"SLOTS", false},
               {"GiB", true},
               {"SMs", true},
               {"UUID", false}});
  for (const auto& instance : gpu.instances) {
    const std::string slots = instance.placement.size == 0 ? "?" : slot_range(instance.placement);
    if (instance.compute_instances.empty()) {
      table.row({std::to_string(instance.id.value),
                 "-",
                 instance.name.str(),
                 slots,
                 base::gib_text(instance.memory_mib),
                 std::to_string(instance.sm),
                 "no compute instance"});
    }
    for (const auto& compute : instance.compute_instances) {
      table.row({std::to_string(instance.id.value),
                 std::to_string(compute.id.value),
                 compute.name.str(),
                 slots,
                 base::gib_text(instance.memory_mib),
                 known(compute.sm),
                 compute.uuid.empty() ? "?" : compute.uuid});
    }
  }
  return table.empty() ? std::string() : table.draw(paint);
}

std::string process_table(const Gpu& gpu, const Paint& paint) {
  Table table({{"PID", true}, {"GI", true}, {"CI", true}, {"MiB", true}, {"PROCESS", false}});
  for (const auto& process : gpu.processes) {
    const auto gi = process.gpu_instance;
    const auto ci = process.compute_instance;
    table.row({std::to_string(process.pid),
               gi ? std::to_string(gi->value) : "-",
               ci ? std::to_string(ci->value) : "-",
               process.memory_mib ? std::to_string(*process.memory_mib) : "?",
               process.name.empty() ? "?" : process.name});
  }
  return table.empty() ? "  no processes\n" : table.draw(paint);
}

std::string gpu_block(const Gpu& gpu, bool processes, const StripScale& scale, const Paint& paint) {
  std::string out =
      "\n" + paint(Style::kBold, fmt::format("GPU {}  {}", gpu.index.value, gpu.name));
  out += fmt::format("  {} GiB  {}\n",
                     gpu.memory_total_mib ? base::gib_text(*gpu.memory_total_mib) : "?",
                     mode_words(gpu));
  out += fmt::format("  {}  {}\n", gpu.uuid, gpu.pci_bus_id);
  if (gpu.mig_current == MigMode::kEnabled) {
    out += scale.draw(layout_of(gpu), "  ", true, paint);
    out += instance_table(gpu, paint);
    if (!gpu.instances_complete) {
      out += "  the driver lists instances without compute instances only to root\n";
    }
  }
  if (processes) {
    out += process_table(gpu, paint);
  }
  return out;
}

std::string profile_table(const Gpu& gpu, const Paint& paint) {
  Table table({{"PROFILE", false},
               {"ID", true},
               {"FREE/MAX", true},
               {"GiB", true},
               {"SMs", true},
               {"SLICES", true},
               {"CE", true},
               {"DEC", true},
               {"ENC", true},
               {"JPEG", true},
               {"OFA", true}});
  for (const auto& profile : gpu.profiles) {
    table.row({profile.name.str(),
               std::to_string(profile.id.value),
               known(profile.remaining) + "/" + std::to_string(profile.max_count),
               base::gib_text(profile.memory_mib),
               std::to_string(profile.sm),
               std::to_string(profile.slices),
               std::to_string(profile.engines.copy),
               std::to_string(profile.engines.decoders),
               std::to_string(profile.engines.encoders),
               std::to_string(profile.engines.jpeg),
               std::to_string(profile.engines.ofa)});
  }
  return table.draw(paint);
}

std::string starts_text(const std::vector<Placement>& placements) {
  std::vector<std::string> starts;
  starts.reserve(placements.size());
  for (const auto& placement : placements) {
    starts.push_back(std::to_string(placement.start));
  }
  return starts.empty() ? "?" : base::join(starts, ",");
}

std::string compute_table(const Gpu& gpu, const Paint& paint) {
  Table table({{"GPU INSTANCE", false},
               {"COMPUTE INSTANCE", false},
               {"ID", true},
               {"MAX", true},
               {"SMs", true},
               {"SLICES", true},
               {"STARTS", false}});
  bool derived = false;
  for (const auto& profile : gpu.profiles) {
    derived = derived || profile.compute_profiles_derived;
    for (const auto& compute : profile.compute_profiles) {
      table.row({profile.name.str(),
                 compute.name.str() + (profile.compute_profiles_derived ? " *" : ""),
                 std::to_string(compute.nvml_profile),
                 std::to_string(compute.max_count),
                 known(compute.sm),
                 std::to_string(compute.slices),
                 starts_text(compute.placements)});
    }
  }
  std::string out = table.draw(paint);
  if (derived) {
    out +=
        "  * from the GPU instance profiles: the driver tells more once such an instance exists\n";
  }
  return out;
}

std::vector<std::string> free_starts(const Gpu& gpu, const GpuInstanceProfile& profile) {
  std::vector<std::string> starts;
  for (const auto& placement : profile.placements) {
    bool taken = profile.remaining == 0U;
    for (const auto& instance : gpu.instances) {
      taken = taken || instance.placement.overlaps(placement);
    }
    if (!taken) {
      starts.push_back(std::to_string(placement.start));
    }
  }
  return starts;
}

std::string placement_table(const Gpu& gpu, const Paint& paint) {
  Table table(
      {{"PROFILE", false}, {"ID", true}, {"SIZE", true}, {"STARTS", false}, {"FREE NOW", false}});
  for (const auto& profile : gpu.profiles) {
    const auto free = free_starts(gpu, profile);
    table.row({profile.name.str(),
               std::to_string(profile.id.value),
               profile.placements.empty() ? "?" : std::to_string(profile.placements.front().size),
               starts_text(profile.placements),
               !gpu.instances_complete || profile.placements.empty() ? "?"
               : free.empty()                                        ? "none"
                                                                     : base::join(free, ",")});
  }
  return table.draw(paint);
}

// Merges GPUs with equal tables: "GPU 0-3, 5".
template <class Render>
std::string grouped(const Inventory& inventory, const Paint& paint, Render render) {
  struct Group {
    std::string title, body;
    std::vector<std::string> indices;
  };

  std::vector<Group> groups;
  for (const auto& gpu : inventory.gpus) {
    std::string body = gpu.profiles.empty() ? "  no MIG on this GPU\n" : render(gpu);
    Group* found = nullptr;
    for (auto& group : groups) {
      if (group.title == gpu.name && group.body == body) {
        found = &group;
      }
    }
    if (found == nullptr) {
      found = &groups.emplace_back(Group{gpu.name, std::move(body), {}});
    }
    found->indices.push_back(std::to_string(gpu.index.value));
  }
  std::string out = header(inventory, paint);
  for (const auto& group : groups) {
    out += "\n" +
           paint(Style::kBold,
                 fmt::format("GPU {}  {}", base::join(group.indices, ", "), group.title)) +
           "\n" + group.body;
  }
  return out;
}

}  // namespace

std::string simulated_mark(const wire::Source& source) {
  if (!source.simulated) {
    return {};
  }
  return source.machine.empty() ? "SIMULATED machine"
                                : fmt::format("SIMULATED machine \"{}\"", source.machine);
}

std::string known(const std::optional<std::uint32_t>& value) {
  return value ? std::to_string(*value) : "?";
}

std::string slot_range(Placement placement) {
  if (placement.size <= 1) {
    return std::to_string(placement.start);
  }
  return fmt::format("{}-{}", placement.start, placement.end() - 1);
}

std::string render_list(const Inventory& inventory, bool processes, const Paint& paint) {
  StripScale scale;
  for (const auto& gpu : inventory.gpus) {
    scale.include(layout_of(gpu));
  }
  std::string out = header(inventory, paint);
  for (const auto& gpu : inventory.gpus) {
    out += gpu_block(gpu, processes, scale, paint);
  }
  for (const auto& gpu : inventory.lost) {
    out += "\n" + paint(Style::kBold, fmt::format("GPU {}  LOST", gpu.index.value)) + "  " +
           gpu.why.text() + (gpu.why.hint.empty() ? "" : "\n  " + gpu.why.hint) + "\n";
  }
  return out;
}

std::string render_profiles(const Inventory& inventory, bool compute, const Paint& paint) {
  return grouped(inventory, paint, [&](const Gpu& gpu) {
    return compute ? compute_table(gpu, paint) : profile_table(gpu, paint);
  });
}

std::string render_placements(const Inventory& inventory, const Paint& paint) {
  return grouped(inventory, paint, [&](const Gpu& gpu) { return placement_table(gpu, paint); });
}

}  // namespace mig::cli
