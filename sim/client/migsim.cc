// SPDX-License-Identifier: Apache-2.0
#pragma GCC visibility push(default)
#include "sim/client/migsim.h"
#pragma GCC visibility pop

#include <cmath>
#include <new>
#include <utility>

#include <stdlib.h>

#include "abi/nvml.h"
#include "sim/client/context.h"
#include "sim/client/nodes.h"
#include "sim/client/visible.h"
#include "sim/machine/contention.h"
#include "sim/machine/guests.h"
#include "sim/machine/presence.h"

namespace {

using migsim::Attach;
using migsim::Machine;

thread_local std::string attach_message;

// Retries: another guest may win the race for the free slot.
constexpr int kAttachTries = 16;

migsim_result attach_failed(migsim_result result, std::string message) {
  attach_message = std::move(message);
  return result;
}

migsim_result attach_result(Attach outcome) {
  switch (outcome) {
    case Attach::kOk:
      return MIGSIM_OK;
    case Attach::kLost:
      return attach_failed(MIGSIM_DEVICE_LOST, "the GPU has fallen off the bus");
    case Attach::kRefused:
      return attach_failed(MIGSIM_NO_DEVICE,
                           "the GPU's compute mode is prohibited, or exclusive and another "
                           "process has it");
    case Attach::kFull:
      return attach_failed(MIGSIM_LIMIT, "the machine's process table is full");
    case Attach::kNoInstance:
      break;
  }
  return attach_failed(MIGSIM_NO_DEVICE, "the instance does not exist");
}

migsim_result failed(migsim_context& context, migsim_result result, std::string message) {
  context.message = std::move(message);
  return result;
}

std::string mib(std::uint64_t bytes) {
  return std::to_string(bytes >> 20U) + " MiB";
}

// True when shares lie in 0..1 and PCIe rates are not negative; NaN is rejected.
bool plausible(const migsim_activity& activity) {
  const double shares[] = {activity.sm_active,
                           activity.sm_occupancy,
                           activity.tensor,
                           activity.dram,
                           activity.fp64,
                           activity.fp32,
                           activity.fp16,
                           activity.integer};
  for (const double share : shares) {
    if (!(share >= 0 && share <= 1)) {
      return false;
    }
  }
  return std::isfinite(activity.pcie_tx) && activity.pcie_tx >= 0 &&
         std::isfinite(activity.pcie_rx) && activity.pcie_rx >= 0;
}

migsim_result check_activity(migsim_context& context, const migsim_activity& activity) {
  return plausible(activity)
             ? MIGSIM_OK
             : failed(context,
                      MIGSIM_INVALID,
                      "activity out of range: shares lie in 0..1, PCIe rates are not negative");
}

migsim::Wants wants_of(const migsim_activity& alone) {
  return {alone.sm_active, alone.dram, alone.pcie_tx, alone.pcie_rx};
}

}  // namespace

migsim_result migsim_attach(const char* visible, migsim_context** context) {
  if (context == nullptr) {
    return attach_failed(MIGSIM_INVALID, "no place for the context was given");
  }
  *context = nullptr;
  migsim::Status status;
  const std::string dir = Machine::find(status);
  std::unique_ptr<Machine> machine = status.ok() ? Machine::open(dir, status) : nullptr;
  if (machine == nullptr) {
    return attach_failed(MIGSIM_NO_MACHINE, status.error);
  }
  std::unique_ptr<migsim_context> made(new (std::nothrow) migsim_context);
  if (made == nullptr) {
    return attach_failed(MIGSIM_LIMIT, "out of host memory");
  }
  if (visible == nullptr) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): only setenv in another thread could harm, as with CUDA
    visible = ::getenv("CUDA_VISIBLE_DEVICES");
  }
  migsim::ProcessIdentity who = migsim::this_process();
  who.guest = !machine->writable();
  std::string error;
  std::uint32_t minor = 0;
  const auto visible_in = [&](const migsim::State& state) {
    return migsim::find_visible(
        machine->hardware(), state, visible, made->at, error, [&](const migsim::Instance& at) {
          return migsim::can_open(*machine, at, state.gpus[at.gpu].minor);
        });
  };
  {
    const Machine::View view(*machine);
    if (!visible_in(*view)) {
      return attach_failed(MIGSIM_NO_DEVICE, error);
    }
    minor = view->gpus[made->at.gpu].minor;
  }
  // Outside of any lock: the check may wait for a node that is being made.
  if (std::string why = migsim::refused_node(*machine, made->at, minor); !why.empty()) {
    return attach_failed(MIGSIM_NO_DEVICE, std::move(why));
  }
  bool attached = false;
  for (int look = 0; look < kAttachTries && !attached; ++look) {
    Machine::Change change(*machine);
    if (!visible_in(*change)) {
      return attach_failed(MIGSIM_NO_DEVICE, error);
    }
    const Attach outcome = migsim::attach_process(
        machine->hardware(), *change, made->at, who, migsim::now_ns(), made->slot);
    if (outcome != Attach::kOk) {
      return attach_result(outcome);
    }
    made->serial = change->processes[made->slot].serial;
    migsim::hold_presence(machine->dir(), made->serial);
    attached = change.commit();
  }
  if (!attached) {
    return attach_failed(
        MIGSIM_LIMIT,
        "the machine belongs to another user, and what this process does cannot be "
        "written to " +
            migsim::guests_folder(machine->dir()));
  }
  made->pid = who.pid;
  made->machine = std::move(machine);
  *context = made.release();
  return MIGSIM_OK;
}

void migsim_detach(migsim_context* context) {
  if (context != nullptr) {
    migsim::leave(*context);
    delete context;
  }
}

migsim_result migsim_get_device(migsim_context* context, migsim_device* device) {
  if (context == nullptr || device == nullptr) {
    return MIGSIM_INVALID;
  }
  const Machine::View view(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *view);
  if (usable == MIGSIM_OK) {
    migsim::describe(*context, *view, *device);
  }
  return usable;
}

migsim_result migsim_alloc(migsim_context* context, uint64_t bytes, uint64_t* allocation) {
  if (context == nullptr || allocation == nullptr) {
    return MIGSIM_INVALID;
  }
  Machine::Change change(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *change);
  if (usable != MIGSIM_OK) {
    return usable;
  }
  if (bytes == 0) {
    return failed(*context, MIGSIM_INVALID, "an allocation of 0 bytes was asked for");
  }
  const migsim::Hardware& hardware = context->machine->hardware();
  if (!migsim::allocate(hardware, *change, context->slot, bytes)) {
    return failed(*context,
                  MIGSIM_OUT_OF_MEMORY,
                  "out of memory: " + mib(bytes) + " asked for, " +
                      mib(migsim::memory_free(hardware, *change, context->at)) +
                      " free on the instance");
  }
  change.commit();
  *allocation = context->next_allocation++;
  context->allocations[*allocation] = bytes;
  return MIGSIM_OK;
}

migsim_result migsim_free(migsim_context* context, uint64_t allocation) {
  if (context == nullptr) {
    return MIGSIM_INVALID;
  }
  Machine::Change change(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *change);
  if (usable != MIGSIM_OK) {
    return usable;
  }
  const auto found = context->allocations.find(allocation);
  if (found == context->allocations.end()) {
    return failed(*context,
                  MIGSIM_INVALID,
                  "allocation " + std::to_string(allocation) + " is not this context's");
  }
  change->processes[context->slot].memory_bytes -= found->second;
  change.commit();
  context->allocations.erase(found);
  return MIGSIM_OK;
}

migsim_result migsim_report(migsim_context* context, const migsim_activity* activity) {
  if (context == nullptr || activity == nullptr) {
    return MIGSIM_INVALID;
  }
  Machine::Change change(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *change);
  if (usable != MIGSIM_OK) {
    return usable;
  }
  if (const migsim_result fit = check_activity(*context, *activity); fit != MIGSIM_OK) {
    return fit;
  }
  double rate[migsim::kMetricCount] = {};
  rate[migsim::kGraphics] =
      activity->sm_active;  // a compute job keeps the engine busy with its SMs
  rate[migsim::kSmActive] = activity->sm_active;
  rate[migsim::kSmOccupancy] = activity->sm_occupancy;
  rate[migsim::kInteger] = activity->integer;
  rate[migsim::kTensor] = activity->tensor;
  rate[migsim::kHmma] = activity->tensor;  // training uses the half-precision and TF32 pipe
  rate[migsim::kDram] = activity->dram;
  rate[migsim::kFp64] = activity->fp64;
  rate[migsim::kFp32] = activity->fp32;
  rate[migsim::kFp16] = activity->fp16;
  rate[migsim::kPcieTx] = activity->pcie_tx;
  rate[migsim::kPcieRx] = activity->pcie_rx;
  migsim::set_rates(*context, *change, rate);
  if (!context->said_what_it_wants) {
    migsim::set_wants(*context, *change, wants_of(*activity));
  }
  change.commit();
  return MIGSIM_OK;
}

migsim_result migsim_want(migsim_context* context, const migsim_activity* alone) {
  if (context == nullptr || alone == nullptr) {
    return MIGSIM_INVALID;
  }
  Machine::Change change(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *change);
  if (usable != MIGSIM_OK) {
    return usable;
  }
  if (const migsim_result fit = check_activity(*context, *alone); fit != MIGSIM_OK) {
    return fit;
  }
  migsim::set_wants(*context, *change, wants_of(*alone));
  change.commit();
  context->said_what_it_wants = true;
  return MIGSIM_OK;
}

migsim_result migsim_get_contention(migsim_context* context, migsim_contention* contention) {
  if (context == nullptr || contention == nullptr) {
    return MIGSIM_INVALID;
  }
  const Machine::View view(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *view);
  if (usable == MIGSIM_OK) {
    const migsim::Contention factor =
        migsim::contention_of(context->machine->hardware(), *view, context->slot);
    *contention = {factor.engine, factor.dram, factor.pcie_tx, factor.pcie_rx};
  }
  return usable;
}

migsim_result migsim_raise_xid(migsim_context* context, uint32_t xid) {
  if (context == nullptr) {
    return MIGSIM_INVALID;
  }
  Machine::Change change(*context->machine);
  const migsim_result usable = migsim::check_usable(*context, *change);
  if (usable != MIGSIM_OK) {
    return usable;
  }
  migsim::set_rates(*context, *change, {});  // a faulted context is idle, its memory stays
  migsim::set_wants(*context, *change, {});
  migsim::raise_event(*change, nvmlEventTypeXidCriticalError, xid, context->at);
  migsim::ProcessState& process = change->processes[context->slot];
  ++process.xids;
  process.last_xid = xid;
  change.commit();
  context->faulted = true;
  return MIGSIM_OK;
}

const char* migsim_message(const migsim_context* context) {
  return context != nullptr ? context->message.c_str() : attach_message.c_str();
}
