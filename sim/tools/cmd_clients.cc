// SPDX-License-Identifier: Apache-2.0
// Services of the machine that have its GPUs open: `systemctl start/stop` for a simulated machine.
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "sim/machine/services.h"
#include "sim/tools/commands.h"
#include "sim/tools/machine_spec.h"
#include "sim/tools/machines.h"
#include "sim/tree/tree.h"

namespace migsim {

namespace {

using Json = nlohmann::ordered_json;

Json services_json(const Hardware& hardware, const State& state) {
  Json out = Json::array();
  for (std::uint32_t i = 0; i < kServiceCount; ++i) {
    Json gpus = Json::array();
    for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
      if (service_holds(state, i, gpu)) {
        gpus.push_back(gpu);
      }
    }
    const Service& service = kServices[i];
    out.push_back(
        {{"name", service.key},
         {"what", service.what},
         {"running", runs(state, i)},
         {"unit", service.unit[0] != '\0' ? Json(service.unit) : Json(nullptr)},
         {"pid", service.comm[0] != '\0' && runs(state, i) ? Json(service_pid(i)) : Json(nullptr)},
         {"gpus", gpus}});
  }
  return out;
}

void print_services(const std::string& name, const Json& services) {
  std::printf("simulated machine %s\n", name.c_str());
  for (const Json& service : services) {
    std::string held;
    for (const Json& gpu : service.at("gpus")) {
      held += (held.empty() ? "holds GPU " : ", ") + std::to_string(gpu.get<unsigned>());
    }
    const bool running = service.at("running").get<bool>();
    std::printf("  %-13s %-8s %s%s\n",
                service.at("name").get<std::string>().c_str(),
                running ? "running" : "stopped",
                service.at("what").get<std::string>().c_str(),
                held.empty() ? "" : (", " + held).c_str());
  }
}

Problem change(Machine& machine, std::uint32_t start, std::uint32_t stop) {
  {
    Machine::Change change(machine);
    for (std::uint32_t i = 0; i < kServiceCount; ++i) {
      if (((start | stop) >> i & 1U) != 0) {
        set_service(machine.hardware(), *change, i, (start >> i & 1U) != 0);
      }
    }
    change.commit();
  }
  if (Status status = sync_tree(machine); !status.ok()) {
    return {Exit::kIo, status.error, ""};
  }
  return {};
}

}  // namespace

Problem cmd_clients(const std::string& name,
                    const std::string& start,
                    const std::string& stop,
                    bool json) {
  std::uint32_t starting = 0;
  std::uint32_t stopping = 0;
  if (Problem problem = parse_services(start, "--start", starting); !problem.ok()) {
    return problem;
  }
  if (Problem problem = parse_services(stop, "--stop", stopping); !problem.ok()) {
    return problem;
  }
  if ((starting & stopping) != 0) {
    return {Exit::kUsage, "a service is named by --start and by --stop", "name it once"};
  }
  const bool changes = (starting | stopping) != 0;
  std::unique_ptr<Machine> machine;
  if (Problem problem =
          changes ? open_machine_to_change(name, machine) : open_machine(name, machine);
      !problem.ok()) {
    return problem;
  }
  if (changes) {
    if (Problem problem = change(*machine, starting, stopping); !problem.ok()) {
      return problem;
    }
  }
  Json services;
  {
    const Machine::View view(*machine);
    services = services_json(machine->hardware(), *view);
  }
  if (json) {
    const Json document = {{"apiVersion", "migctl/v1"},
                           {"kind", "SimulatedClientList"},
                           {"simulated", true},
                           {"name", name},
                           {"clients", services}};
    std::puts(document.dump(2).c_str());
  } else {
    print_services(name, services);
  }
  return {};
}

}  // namespace migsim
