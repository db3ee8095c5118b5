// SPDX-License-Identifier: Apache-2.0
#include "sim/tree/service_part.h"

#include <algorithm>
#include <set>

#include "sim/machine/services.h"

namespace migsim {
namespace {

// /proc/<pid>/stat of a daemon that started with the machine. Readers use the name, the state and
// the start time (field 22).
std::string stat_text(std::uint32_t pid, const Service& service) {
  const std::string number = std::to_string(pid);
  return number + " (" + service.comm + ") S 1 " + number + " " + number +
         " 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 1000 0 0\n";
}

int write_process(const Dir& proc, const TreeService& running) {
  const Service& service = kServices[running.index];
  const std::uint32_t pid = service_pid(running.index);
  Dir folder;
  Dir fds;
  int error = proc.enter(std::to_string(pid), folder);
  error = error != 0 ? error : folder.remove("fd");
  error = error != 0 ? error : folder.enter("fd", fds);
  const auto file = [&](const char* name, const std::string& text) {
    error = error != 0 ? error : folder.write(name, text, 0444);
  };
  file("comm", std::string(service.comm) + "\n");
  file("cmdline", std::string(service.program) + std::string(1, '\0'));
  file("cgroup", std::string("0::/system.slice/") + service.unit + "\n");
  file("stat", stat_text(pid, service));
  std::vector<std::string> nodes = {"nvidiactl"};
  for (const std::uint32_t minor : running.minors) {
    nodes.push_back("nvidia" + std::to_string(minor));
  }
  for (std::size_t i = 0; i < nodes.size() && error == 0; ++i) {
    const std::string name = std::to_string(3 + i);
    // Relative link: the machine's folder is renamed when it is complete.
    error = fds.link(name.c_str(), ("../../../dev/" + nodes[i]).c_str());
  }
  return error;
}

std::string modules_text(bool drm) {
  return std::string(drm ? "nvidia_drm 135168 1 - Live 0x0000000000000000 (O)\n"
                           "nvidia_modeset 1814528 1 nvidia_drm, Live 0x0000000000000000 (O)\n"
                         : "") +
         "nvidia_uvm 2076672 0 - Live 0x0000000000000000 (O)\n" +
         (drm ? "nvidia 14348288 2 nvidia_modeset,nvidia_uvm, Live 0x0000000000000000 (O)\n"
              : "nvidia 14348288 1 nvidia_uvm, Live 0x0000000000000000 (O)\n");
}

}  // namespace

std::vector<TreeService> services_of(const Hardware& hardware, const State& state) {
  std::vector<TreeService> out;
  for (std::uint32_t i = 0; i < kServiceCount; ++i) {
    if (!runs(state, i)) {
      continue;
    }
    TreeService service{i, {}};
    for (std::uint32_t gpu = 0; gpu < hardware.gpu_count; ++gpu) {
      if (service_holds(state, i, gpu)) {
        service.minors.push_back(state.gpus[gpu].minor);
      }
    }
    out.push_back(std::move(service));
  }
  return out;
}

std::string line_of(const std::vector<TreeService>& services) {
  std::string line;
  for (const TreeService& service : services) {
    line += std::string(kServices[service.index].key) + "=";
    for (const std::uint32_t minor : service.minors) {
      line += std::to_string(minor) + ",";
    }
    line += ' ';
  }
  return line;
}

int write_services(const Dir& tree, const std::vector<TreeService>& services) {
  Dir proc;
  int error = tree.enter("proc", proc);
  std::set<std::uint32_t> running;
  for (const TreeService& service : services) {
    running.insert(service.index);
    if (error == 0 && kServices[service.index].comm[0] != '\0') {
      error = write_process(proc, service);
    }
  }
  for (std::uint32_t i = 0; i < kServiceCount && error == 0; ++i) {
    error = running.contains(i) ? 0 : proc.remove(std::to_string(service_pid(i)).c_str());
  }
  return error != 0 ? error : proc.write("modules", modules_text(running.contains(kDrm)), 0444);
}

}  // namespace migsim
