// SPDX-License-Identifier: Apache-2.0
#include "sim/client/migsim.h"

#include <sys/wait.h>

#include <cmath>
#include <thread>

#include "abi/nvml.h"
#include "sim/machine/telemetry.h"
#include "sim/machine/test_machine.h"

namespace migsim {
namespace {

using testing::on_disk;
using testing::Rig;
using testing::TempDir;

constexpr std::uint64_t kMib = 1U << 20U;

// An H200 with 3g.71gb (GI 2: 1c is CI 0, 2c is CI 1) and 1g.18gb (GI 9: CI 0), and an A100 without
// MIG.
class Client : public ::testing::Test {
 protected:
  Client() {
    Rig rig({"h200-141gb", "a100-sxm4-40gb"});
    EXPECT_EQ(rig.create(9), 2);
    EXPECT_EQ(rig.create(19, Placement{2, 1}), 9);
    EXPECT_EQ(rig.create_compute(2, 0), 0);
    EXPECT_EQ(rig.create_compute(2, 1), 1);
    EXPECT_EQ(rig.create_compute(9, 0), 0);
    rig.state->gpus[1].mig_current = rig.state->gpus[1].mig_pending = 0;
    gpu_uuid_ = rig.state->gpus[0].uuid;
    machine_ = on_disk(dir_, rig);
    ::setenv("MIGSIM_MACHINE", dir_.path().c_str(), 1);
    ::unsetenv("CUDA_VISIBLE_DEVICES");
  }

  ~Client() override {
    for (migsim_context* context : contexts_) {
      migsim_detach(context);
    }
    ::unsetenv("MIGSIM_MACHINE");
  }

  migsim_context* attach(const char* visible) {
    migsim_context* context = nullptr;
    EXPECT_EQ(migsim_attach(visible, &context), MIGSIM_OK) << migsim_message(nullptr);
    contexts_.push_back(context);
    return context;
  }

  std::string mig(const char* gi_ci) const { return "MIG-" + gpu_uuid_ + gi_ci; }

  std::uint32_t processes() { return (*Machine::View(*machine_)).process_top; }

  TempDir dir_;
  std::unique_ptr<Machine> machine_;
  std::string gpu_uuid_;
  std::vector<migsim_context*> contexts_;
};

TEST_F(Client, DescribesItsInstance) {
  migsim_device device{};
  ASSERT_EQ(migsim_get_device(attach(mig("/2/0").c_str()), &device), MIGSIM_OK);
  EXPECT_STREQ(device.name, "NVIDIA H200 MIG 1c.3g.71gb");
  EXPECT_EQ(std::string(device.uuid).substr(0, 4), "MIG-");
  EXPECT_EQ(device.gpu_instance, 2U);
  EXPECT_EQ(device.compute_instance, 0U);
  EXPECT_EQ(device.sm_count, 16U);
  EXPECT_EQ(device.memory_total, 71424 * kMib);
  EXPECT_LT(device.memory_free, device.memory_total);
  EXPECT_EQ(device.cc_major, 9);
  migsim_device whole{};
  ASSERT_EQ(migsim_get_device(attach("1"), &whole), MIGSIM_OK);
  EXPECT_STREQ(whole.name, "NVIDIA A100-SXM4-40GB");
  EXPECT_EQ(whole.gpu_instance, UINT32_MAX);
  EXPECT_EQ(whole.sm_count, 108U);
}

TEST_F(Client, RooflineIsTheInstancesShare) {
  migsim_device part{}, more{};
  ASSERT_EQ(migsim_get_device(attach(mig("/9/0").c_str()), &part), MIGSIM_OK);
  ASSERT_EQ(migsim_get_device(attach(mig("/2/1").c_str()), &more), MIGSIM_OK);
  const Board board = testing::load("h200-141gb");
  ASSERT_NE(board.dram_mb_per_s, kUnknown);
  EXPECT_NEAR(part.dram_gb_per_s, static_cast<double>(board.dram_mb_per_s) / 8000, 1e-6);
  EXPECT_NEAR(more.dram_gb_per_s, static_cast<double>(board.dram_mb_per_s) / 2000, 1e-6);
  EXPECT_NEAR(more.tf32_gflops / part.tf32_gflops, 2.0, 1e-6);  // 32 SMs against 16
}

TEST_F(Client, TakesCudaVisibleDevices) {
  ::setenv("CUDA_VISIBLE_DEVICES", mig("/9/0").c_str(), 1);
  migsim_device device{};
  ASSERT_EQ(migsim_get_device(attach(nullptr), &device), MIGSIM_OK);
  EXPECT_EQ(device.gpu_instance, 9U);
  ::setenv("CUDA_VISIBLE_DEVICES", "", 1);
  migsim_context* context = nullptr;
  EXPECT_EQ(migsim_attach(nullptr, &context), MIGSIM_NO_DEVICE);
  EXPECT_EQ(context, nullptr);
  EXPECT_STREQ(migsim_message(nullptr), "CUDA_VISIBLE_DEVICES hides every device");
  ::unsetenv("CUDA_VISIBLE_DEVICES");
}

TEST_F(Client, NoMachineIsSaid) {
  ::setenv("MIGSIM_MACHINE", "/nowhere", 1);
  migsim_context* context = nullptr;
  EXPECT_EQ(migsim_attach(nullptr, &context), MIGSIM_NO_MACHINE);
  EXPECT_NE(std::string(migsim_message(nullptr)).find("/nowhere"), std::string::npos);
}

TEST_F(Client, MemoryIsRefusedBeyondTheInstance) {
  migsim_context* context = attach(mig("/9/0").c_str());
  migsim_device device{};
  ASSERT_EQ(migsim_get_device(context, &device), MIGSIM_OK);
  std::uint64_t big = 0, none = 0, small = 0;
  EXPECT_EQ(migsim_alloc(context, device.memory_free * 8 / 10, &big), MIGSIM_OK);
  EXPECT_EQ(migsim_alloc(context, device.memory_free * 3 / 10, &none), MIGSIM_OUT_OF_MEMORY);
  EXPECT_NE(std::string(migsim_message(context)).find("MiB free"), std::string::npos);
  EXPECT_EQ(migsim_alloc(context, device.memory_free / 10, &small), MIGSIM_OK);
  EXPECT_EQ(migsim_alloc(context, 0, &none), MIGSIM_INVALID);
  EXPECT_EQ(migsim_free(context, big), MIGSIM_OK);
  EXPECT_EQ(migsim_free(context, big), MIGSIM_INVALID);
  EXPECT_EQ((*Machine::View(*machine_)).processes[0].memory_bytes, device.memory_free / 10);
  migsim_device other{};
  ASSERT_EQ(migsim_get_device(attach(mig("/2/0").c_str()), &other), MIGSIM_OK);
  EXPECT_GT(other.memory_free, 70000 * kMib) << "another instance's memory was taken";
}

TEST_F(Client, HoldsItsInstanceUntilItDetaches) {
  migsim_context* context = nullptr;
  ASSERT_EQ(migsim_attach(mig("/2/0").c_str(), &context), MIGSIM_OK);
  const auto destroy = [&] {
    Machine::Change change(*machine_);
    const int code = destroy_ci({machine_->hardware(), *change, 0}, 2, 0);
    change.commit();
    return code;
  };
  EXPECT_EQ(destroy(), NVML_ERROR_IN_USE);
  migsim_detach(context);
  EXPECT_EQ(processes(), 0U);
  EXPECT_EQ(destroy(), NVML_SUCCESS);
}

TEST_F(Client, ContextsOfOneProcessAddUp) {
  migsim_context* one = attach(mig("/2/0").c_str());
  migsim_context* two = nullptr;
  ASSERT_EQ(migsim_attach(mig("/2/0").c_str(), &two), MIGSIM_OK);
  std::uint64_t id = 0;
  ASSERT_EQ(migsim_alloc(one, 100 * kMib, &id), MIGSIM_OK);
  ASSERT_EQ(migsim_alloc(two, 50 * kMib, &id), MIGSIM_OK);
  migsim_activity busy{};
  busy.sm_active = 0.25;
  ASSERT_EQ(migsim_report(one, &busy), MIGSIM_OK);
  ASSERT_EQ(migsim_report(two, &busy), MIGSIM_OK);
  {
    const Machine::View view(*machine_);
    EXPECT_EQ(view->process_top, 1U);
    EXPECT_EQ(view->processes[0].memory_bytes, 150 * kMib);
    EXPECT_DOUBLE_EQ(view->processes[0].rate[kSmActive], 0.5);
  }
  migsim_detach(two);
  const Machine::View view(*machine_);
  EXPECT_EQ(view->process_top, 1U);
  EXPECT_EQ(view->processes[0].memory_bytes, 100 * kMib);
  EXPECT_DOUBLE_EQ(view->processes[0].rate[kSmActive], 0.25);
}

TEST_F(Client, ActivityReachesTheCountersOfItsInstanceOnly) {
  migsim_context* context = attach(mig("/9/0").c_str());
  migsim_activity busy{};
  busy.sm_active = 0.5;
  busy.dram = 0.25;
  ASSERT_EQ(migsim_report(context, &busy), MIGSIM_OK);
  const Machine::View view(*machine_);
  const std::uint64_t now = now_ns();
  const Counters before = counters_at(*view, 0, 9, now);
  const Counters after = counters_at(*view, 0, 9, now + 1'000'000'000);
  EXPECT_NEAR(after.integral[kSmActive] - before.integral[kSmActive], 0.5e9, 1e3);
  EXPECT_NEAR(after.integral[kDram] - before.integral[kDram], 0.25e9, 1e3);
  const Counters other = counters_at(*view, 0, 2, now + 1'000'000'000);
  EXPECT_EQ(other.integral[kSmActive], 0);
}

TEST_F(Client, WhatOthersWantSlowsOnlyWhoSharesWithThem) {
  migsim_context* self = attach(mig("/2/0").c_str());
  migsim_context* beside = attach(mig("/2/1").c_str());
  migsim_context* apart = attach(mig("/9/0").c_str());
  migsim_activity all{};
  all.sm_active = all.dram = 1;
  migsim_contention factor{};
  ASSERT_EQ(migsim_want(apart, &all), MIGSIM_OK);
  ASSERT_EQ(migsim_get_contention(self, &factor), MIGSIM_OK);
  EXPECT_EQ(factor.dram, 1);
  ASSERT_EQ(migsim_report(beside, &all), MIGSIM_OK) << "what is used is wanted";
  ASSERT_EQ(migsim_get_contention(self, &factor), MIGSIM_OK);
  EXPECT_EQ(factor.dram, 2);
  EXPECT_EQ(factor.engine, 1);
  migsim_activity half{};
  half.dram = 0.5;
  ASSERT_EQ(migsim_want(beside, &half), MIGSIM_OK);
  ASSERT_EQ(migsim_report(beside, &all), MIGSIM_OK) << "but not once it was said otherwise";
  ASSERT_EQ(migsim_get_contention(self, &factor), MIGSIM_OK);
  EXPECT_EQ(factor.dram, 1.5);
  ASSERT_EQ(migsim_raise_xid(beside, 31), MIGSIM_OK) << "who faulted wants nothing";
  ASSERT_EQ(migsim_get_contention(self, &factor), MIGSIM_OK);
  EXPECT_EQ(factor.dram, 1);
}

TEST_F(Client, ImplausibleActivityIsRefused) {
  migsim_context* context = attach(mig("/9/0").c_str());
  migsim_activity busy{};
  busy.sm_active = 1.5;
  EXPECT_EQ(migsim_report(context, &busy), MIGSIM_INVALID);
  busy.sm_active = std::nan("");
  EXPECT_EQ(migsim_report(context, &busy), MIGSIM_INVALID);
  busy.sm_active = 0;
  busy.pcie_rx = -1;
  EXPECT_EQ(migsim_report(context, &busy), MIGSIM_INVALID);
}

TEST_F(Client, XidFaultsThisContextOnly) {
  migsim_context* hit = attach(mig("/2/0").c_str());
  migsim_context* other = attach(mig("/2/1").c_str());
  std::uint64_t id = 0;
  ASSERT_EQ(migsim_alloc(hit, kMib, &id), MIGSIM_OK);
  ASSERT_EQ(migsim_raise_xid(hit, 31), MIGSIM_OK);
  EXPECT_EQ(migsim_alloc(hit, kMib, &id), MIGSIM_FAULTED);
  EXPECT_EQ(migsim_alloc(other, kMib, &id), MIGSIM_OK);
  const Machine::View view(*machine_);
  const Event& event = view->events[view->event_sequence % kMaxEvents];
  EXPECT_EQ(event.data, 31U);
  EXPECT_EQ(event.gpu, 0U);
  EXPECT_EQ(event.gi, 2U);
  EXPECT_EQ(event.ci, 0U);
}

TEST_F(Client, LosesItsDeviceToARebootOrABrokenBus) {
  migsim_context* context = attach(mig("/2/0").c_str());
  migsim_context* whole = attach("1");
  migsim_device device{};
  {
    Machine::Change change(*machine_);
    change->gpus[1].lost = 1;
    change.commit();
  }
  EXPECT_EQ(migsim_get_device(whole, &device), MIGSIM_DEVICE_LOST);
  EXPECT_EQ(migsim_get_device(context, &device), MIGSIM_OK);
  {
    Machine::Change change(*machine_);
    reboot(machine_->hardware(), *change);
    change.commit();
  }
  EXPECT_EQ(migsim_get_device(context, &device), MIGSIM_DEVICE_LOST);
  EXPECT_NE(std::string(migsim_message(context)).find("rebooted"), std::string::npos);
}

TEST_F(Client, ForkedChildHasNoContext) {
  migsim_context* context = attach(mig("/2/0").c_str());
  const pid_t child = ::fork();
  if (child == 0) {
    std::uint64_t id = 0;
    const bool refused = migsim_alloc(context, kMib, &id) == MIGSIM_INVALID;
    migsim_detach(context);  // must not detach the parent
    ::_exit(refused ? 0 : 1);
  }
  int how = 0;
  ASSERT_EQ(::waitpid(child, &how, 0), child);
  EXPECT_EQ(how, 0);
  EXPECT_EQ(processes(), 1U);
}

TEST_F(Client, ThreadsWithContextsOfTheirOwn) {
  const auto work = [this](const std::string& visible) {
    migsim_context* context = nullptr;
    ASSERT_EQ(migsim_attach(visible.c_str(), &context), MIGSIM_OK);
    for (int i = 0; i < 200; ++i) {
      std::uint64_t id = 0;
      EXPECT_EQ(migsim_alloc(context, kMib, &id), MIGSIM_OK);
      EXPECT_EQ(migsim_free(context, id), MIGSIM_OK);
    }
    migsim_detach(context);
  };
  { const std::jthread one(work, mig("/2/0")), two(work, mig("/2/0")), three(work, mig("/9/0")); }
  const Machine::View view(*machine_);
  EXPECT_EQ(view->process_top, 0U);
  EXPECT_EQ(broken_invariant(machine_->hardware(), *view), nullptr);
}

TEST_F(Client, NullArgumentsAreInvalid) {
  EXPECT_EQ(migsim_attach("0", nullptr), MIGSIM_INVALID);
  migsim_detach(nullptr);
  EXPECT_EQ(migsim_get_device(nullptr, nullptr), MIGSIM_INVALID);
  EXPECT_EQ(migsim_alloc(nullptr, 1, nullptr), MIGSIM_INVALID);
  EXPECT_EQ(migsim_free(nullptr, 1), MIGSIM_INVALID);
  EXPECT_EQ(migsim_report(nullptr, nullptr), MIGSIM_INVALID);
  EXPECT_EQ(migsim_raise_xid(nullptr, 31), MIGSIM_INVALID);
  EXPECT_EQ(migsim_want(nullptr, nullptr), MIGSIM_INVALID);
  EXPECT_EQ(migsim_get_contention(nullptr, nullptr), MIGSIM_INVALID);
}

}  // namespace
}  // namespace migsim
