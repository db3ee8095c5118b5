// SPDX-License-Identifier: Apache-2.0
// The control table: operations without an NVML call (reset of a GPU, reboot of the machine,
// generation number).
#include "sim/exports/control.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "sim/exports/dispatch.h"

namespace migsim::exports {
namespace {

int reset_one(unsigned gpu_index) {
  const OpenNodes open = nodes_in_the_way(gpu_index);
  return change_gpu(
      "reset_gpu", gpu_index, [&](GpuRef gpu) { return reset_gpu(gpu, open.gpu(gpu.gpu)); });
}

int reboot_machine() {
  return call("reboot", [](Machine& machine) {
    if (!is_admin(machine)) {
      return NVML_ERROR_NO_PERMISSION;
    }
    {
      Machine::Change change(machine);
      reboot(machine.hardware(), *change);
      change.commit();
    }
    show_change(machine);
    return NVML_SUCCESS;
  });
}

std::uint64_t generation() {
  const std::shared_ptr<Machine> machine = current_machine();
  return machine ? machine->generation() : 0;
}

struct Table {
  std::string name, dir, tree;
  migsim_control control{};
};

}  // namespace

const migsim_control* control_table(Machine& machine) {
  // One table per machine folder: a process may call nvmlShutdown and initialise again on another
  // machine.
  static auto* tables = new std::map<std::string, std::unique_ptr<Table>>;
  static auto* mutex = new std::mutex;
  const std::lock_guard lock(*mutex);
  auto& table = (*tables)[machine.dir()];
  if (!table) {
    table = std::make_unique<Table>();
    table->name = machine.hardware().machine_name;
    table->dir = machine.dir();
    table->tree = machine.dir() + "/tree";
    table->control = {sizeof(migsim_control),
                      table->name.c_str(),
                      table->dir.c_str(),
                      table->tree.c_str(),
                      &reset_one,
                      &reboot_machine,
                      &generation};
  }
  return &table->control;
}

}  // namespace migsim::exports
