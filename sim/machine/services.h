// SPDX-License-Identifier: Apache-2.0
// Services that run on a machine besides jobs and have its GPUs open: DCGM, NVIDIA's system
// management, the persistence daemon, a display server, nvidia_drm in use. They are part of the
// simulated machine, not programs of the host: they have pids that no program can have, survive a
// reboot as enabled units do, and show in <machine>/tree/proc. Pure functions over State.
//
// docs/simulator.md has the operations that each service blocks, with sources.
#ifndef MIGCTL_SIM_MACHINE_SERVICES_H_
#define MIGCTL_SIM_MACHINE_SERVICES_H_

#include <cstdint>
#include <string_view>

#include "sim/machine/state.h"

namespace migsim {

struct Service {
  const char* key;              // name on the command line: "dcgm"
  const char* comm;             // /proc/<pid>/comm: at most 15 characters; "" = no process
  const char* program;          // process name as NVML shows it
  const char* unit;             // systemd unit of the service; "" = none
  const char* what;             // description for messages
  std::uint64_t display_bytes;  // graphics memory on each GPU; 0 = draws nothing
};

inline constexpr Service kServices[] = {
    {"dcgm", "nv-hostengine", "/usr/bin/nv-hostengine", "nvidia-dcgm.service", "DCGM", 0},
    {"persistenced",
     "nvidia-persiste",
     "/usr/bin/nvidia-persistenced",
     "nvidia-persistenced.service",
     "the persistence daemon",
     0},
    {"nvsm", "nvsm_core", "/usr/bin/nvsm_core", "nvsm.service", "NVIDIA system management", 0},
    // 10 MiB: an X server on an RTX PRO 6000 Max-Q, 580.105.08.
    {"display",
     "Xorg",
     "/usr/lib/xorg/Xorg",
     "gdm.service",
     "a display server",
     UINT64_C(10) << 20},
    {"drm", "", "", "", "kernel module nvidia_drm in use", 0},
};

inline constexpr std::uint32_t kServiceCount = sizeof(kServices) / sizeof(kServices[0]);

enum ServiceIndex : std::uint32_t { kDcgm, kPersistenced, kNvsm, kDisplay, kDrm };

// Linux assigns no pid of 2^22 or more, so a simulated service never collides with a process of the
// host.
inline constexpr std::uint32_t kFirstServicePid = 4194304;

constexpr std::uint32_t service_pid(std::uint32_t service) {
  return kFirstServicePid + 100 + service;
}

// Index in kServices of the service with this key or unit (".service" optional); kServiceCount when
// there is none.
std::uint32_t find_service(std::string_view name);

bool runs(const State& state, std::uint32_t service);

// Starts or stops the service; the persistence daemon also turns persistence mode of every GPU on
// or off.
void set_service(const Hardware& hardware, State& state, std::uint32_t service, bool on);

// True when the service has the GPU open. The persistence daemon closes a GPU whose persistence
// mode is turned off.
bool service_holds(const State& state, std::uint32_t service, std::uint32_t gpu);
bool any_service_holds(const State& state, std::uint32_t gpu);

// GPU memory that a display has allocated, outside of every instance.
std::uint64_t display_bytes(const State& state, std::uint32_t gpu);

// True when a display draws on the GPU, with memory and channels outside of every instance.
bool display_draws(const State& state, std::uint32_t gpu);

// Whether the GPU can drive a screen: a workstation board (PCI class 0x0300) in graphics mode.
bool has_outputs(const Board& board, const GpuState& gpu);

// PCI class of the GPU: 0x030200 for a workstation board in compute mode, which without outputs is
// no VGA controller (an RTX A6000 after NVIDIA's Display Mode Selector; assumed for RTX PRO
// boards).
std::uint32_t pci_class_of(const Board& board, const GpuState& gpu);

// True when memory is allocated for a screen (Disp.A). A display server on a GPU without outputs
// allocates none (RTX PRO 6000 Max-Q in compute mode, 580.105.08: Disp.A Off under Xorg and
// gnome-shell).
bool display_active(const Board& board, const State& state, std::uint32_t gpu);

}  // namespace migsim

#endif  // MIGCTL_SIM_MACHINE_SERVICES_H_
