// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "sim/machine/mig.h"
#include "sim/tools/commands.h"
#include "sim/tools/machines.h"

namespace migsim {

namespace {

using Json = nlohmann::ordered_json;

std::uint32_t instance_count(const GpuState& gpu) {
  std::uint32_t count = 0;
  for (const GiState& gi : gpu.gis) {
    count += gi.used != 0 ? 1 : 0;
  }
  return count;
}

std::uint32_t process_count(const State& state, std::uint32_t gpu) {
  std::uint32_t count = 0;
  for (const ProcessState& process : state.processes) {
    count += process.used != 0 && process.gpu == gpu ? 1 : 0;
  }
  return count;
}

Json gpu_json(const Hardware& hardware, const State& state, std::uint32_t index) {
  const GpuState& gpu = state.gpus[index];
  return {{"index", index},
          {"board", hardware.boards[gpu.board].key},
          {"name", hardware.boards[gpu.board].name},
          {"uuid", gpu.uuid},
          {"migEnabled", gpu.mig_current != 0},
          {"lost", gpu.lost != 0},
          {"gpuInstances", instance_count(gpu)},
          {"processes", process_count(state, index)}};
}

// Entry of a machine in the list; an unreadable one is listed with the reason and does not fail the
// command.
Json machine_json(const std::string& name, bool check, bool& broken) {
  Json entry = {{"name", name}, {"path", machine_dir(name)}, {"gpus", Json::array()}};
  std::unique_ptr<Machine> machine;
  if (const Problem problem = open_machine(name, machine); !problem.ok()) {
    entry["error"] = problem.message;
    broken = true;
    return entry;
  }
  // A Change that is never committed: its image has no dead processes.
  Machine::Change now(*machine);
  for (std::uint32_t i = 0; i < machine->hardware().gpu_count; ++i) {
    entry["gpus"].push_back(gpu_json(machine->hardware(), *now, i));
  }
  if (check) {
    const char* rule = broken_invariant(machine->hardware(), *now);
    const bool bad = rule != nullptr && rule[0] != '\0';
    entry["broken"] = bad ? Json(rule) : Json(nullptr);
    broken = broken || bad;
  }
  return entry;
}

std::string text(const Json& value, const char* key) {
  return value.at(key).get<std::string>();
}

void print_machine(const Json& machine) {
  std::printf(
      "%s  (simulated)  %s\n", text(machine, "name").c_str(), text(machine, "path").c_str());
  if (machine.contains("error")) {
    std::printf("  cannot be read: %s\n", text(machine, "error").c_str());
  }
  for (const Json& gpu : machine.at("gpus")) {
    std::printf("  GPU %u  %-24s MIG %-8s %u instances, %u processes%s\n",
                gpu.at("index").get<unsigned>(),
                text(gpu, "board").c_str(),
                gpu.at("migEnabled").get<bool>() ? "enabled" : "disabled",
                gpu.at("gpuInstances").get<unsigned>(),
                gpu.at("processes").get<unsigned>(),
                gpu.at("lost").get<bool>() ? ", LOST" : "");
  }
  if (machine.contains("broken")) {
    std::printf("  check: %s\n",
                machine.at("broken").is_null() ? "sound" : text(machine, "broken").c_str());
  }
}

}  // namespace

Problem cmd_list(bool check, bool json) {
  bool broken = false;
  Json machines = Json::array();
  for (const std::string& name : machine_names()) {
    machines.push_back(machine_json(name, check, broken));
  }
  if (json) {
    const Json document = {{"apiVersion", "migctl/v1"},
                           {"kind", "SimulatedMachineList"},
                           {"simulated", true},
                           {"machines", machines}};
    std::puts(document.dump(2).c_str());
  } else {
    for (const Json& machine : machines) {
      print_machine(machine);
    }
    if (machines.empty()) {
      std::printf("no simulated machines under %s\n", Machine::default_root().c_str());
    }
  }
  if (check && broken) {
    return {Exit::kInternal, "a simulated machine is broken (see the list)", ""};
  }
  return {};
}

}  // namespace migsim
