// SPDX-License-Identifier: Apache-2.0
// The view over a driver's library of the test's own (testing/fake_driver.cc). Each case loads the
// view in a process of its own, as the environment is read once.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "abi/nvml.h"

namespace {

class View {
 public:
  View(const char* uuid, const char* driver) {
    // NOLINTBEGIN(concurrency-mt-unsafe): one thread
    uuid != nullptr ? ::setenv("MIGCTL_COMPAT_UUID", uuid, 1) : ::unsetenv("MIGCTL_COMPAT_UUID");
    driver != nullptr ? ::setenv("MIGCTL_COMPAT_NVML", driver, 1)
                      : ::unsetenv("MIGCTL_COMPAT_NVML");
    // NOLINTEND(concurrency-mt-unsafe)
    library_ = dlopen(MIG_COMPAT_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
  }

  void* symbol(const char* name) const { return library_ ? dlsym(library_, name) : nullptr; }

  // Called by the signature alone: the test is linked with no NVML.
  template <class Function, class... Arguments>
  nvmlReturn_t ask(const char* name, Arguments... arguments) const {
    auto* function = reinterpret_cast<Function*>(symbol(name));
    return function == nullptr ? NVML_ERROR_UNKNOWN : function(arguments...);
  }

  nvmlDevice_t by_uuid(const char* uuid) const {
    nvmlDevice_t device = nullptr;
    ask<decltype(nvmlDeviceGetHandleByUUID)>("nvmlDeviceGetHandleByUUID", uuid, &device);
    return device;
  }

 private:
  void* library_ = nullptr;
};

#define ASK(view, name, ...) (view).ask<decltype(name)>(#name, __VA_ARGS__)

// Number of the first wrong check, counted from 1; 0 = all right. In a process of its own.
using Checks = std::function<std::vector<bool>(const View&)>;

int first_wrong(const char* uuid, const char* driver, const Checks& checks) {
  const pid_t child = ::fork();
  if (child == 0) {
    int number = 0;
    int wrong = 0;
    for (const bool good : checks(View(uuid, driver))) {
      ++number;
      wrong = wrong == 0 && !good ? number : wrong;
    }
    ::_exit(number == 0 ? 99 : wrong);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

constexpr char kFake[] = MIG_COMPAT_FAKE_DRIVER;

TEST(Compat, TheInstanceIsDeviceZeroAndTheOnlyOne) {
  EXPECT_EQ(
      0, first_wrong("MIG-own", kFake, [](const View& view) {
        unsigned count = 9;
        unsigned index = 9;
        nvmlDevice_t first = nullptr;
        nvmlDevice_t second = nullptr;
        return std::vector<bool>{
            ASK(view, nvmlDeviceGetCount_v2, &count) == NVML_ERROR_UNINITIALIZED,
            view.ask<decltype(nvmlInit_v2)>("nvmlInit_v2") == NVML_SUCCESS,
            ASK(view, nvmlDeviceGetCount_v2, &count) == NVML_SUCCESS && count == 1,
            // The name without _v2, which this driver does not even have.
            ASK(view, nvmlDeviceGetCount, &count) == NVML_SUCCESS && count == 1,
            ASK(view, nvmlDeviceGetHandleByIndex_v2, 0U, &first) == NVML_SUCCESS,
            first != nullptr && first == view.by_uuid("MIG-own"),
            ASK(view, nvmlDeviceGetHandleByIndex_v2, 1U, &second) == NVML_ERROR_INVALID_ARGUMENT,
            ASK(view, nvmlDeviceGetIndex, first, &index) == NVML_SUCCESS && index == 0,
            view.by_uuid("MIG-other") == nullptr,
            view.by_uuid("GPU-0") == nullptr};
      }));
}

TEST(Compat, TheGpuAroundItIsTheInstanceToo) {
  EXPECT_EQ(
      0, first_wrong("MIG-own", kFake, [](const View& view) {
        view.ask<decltype(nvmlInit_v2)>("nvmlInit_v2");
        const nvmlDevice_t own = view.by_uuid("MIG-own");
        nvmlDevice_t found = nullptr;
        nvmlEventData_t event{};
        const nvmlEventSet_t set = nullptr;
        const char* bus = "0000:01:00.0";
        const char* elsewhere = "0000:02:00.0";
        unsigned mode = 9;
        unsigned is_mig = 9;
        return std::vector<bool>{
            view.by_uuid("GPU-1") == own,
            ASK(view, nvmlDeviceGetHandleByPciBusId_v2, bus, &found) == NVML_SUCCESS,
            found == own,
            ASK(view, nvmlDeviceGetHandleByPciBusId_v2, elsewhere, &found) == NVML_ERROR_NOT_FOUND,
            found == nullptr,
            ASK(view, nvmlDeviceGetMigMode, own, &mode, &mode) == NVML_ERROR_NOT_SUPPORTED,
            ASK(view, nvmlDeviceGetMaxMigDeviceCount, own, &mode) == NVML_SUCCESS,
            mode == 0,
            ASK(view, nvmlDeviceIsMigDeviceHandle, own, &is_mig) == NVML_SUCCESS,
            is_mig == 0,
            ASK(view, nvmlDeviceGetDeviceHandleFromMigDeviceHandle, own, &found) ==
                NVML_ERROR_NOT_SUPPORTED,
            ASK(view, nvmlEventSetWait_v2, set, &event, 5U) == NVML_SUCCESS,
            event.device == own && event.eventType == 8 && event.eventData == 5};
      }));
}

TEST(Compat, WithoutAViewEveryCallIsTheDrivers) {
  EXPECT_EQ(0, first_wrong(nullptr, kFake, [](const View& view) {
              unsigned count = 9;
              unsigned mode = 9;
              nvmlDevice_t device = nullptr;
              view.ask<decltype(nvmlInit_v2)>("nvmlInit_v2");
              return std::vector<bool>{
                  ASK(view, nvmlDeviceGetCount_v2, &count) == NVML_SUCCESS && count == 2,
                  ASK(view, nvmlDeviceGetHandleByIndex_v2, 1U, &device) == NVML_SUCCESS,
                  ASK(view, nvmlDeviceGetMigMode, device, &mode, &mode) == NVML_SUCCESS,
                  mode == 1,
                  view.by_uuid("MIG-other") != nullptr};
            }));
}

TEST(Compat, ArgumentsArriveAsTheyWereGivenFromManyThreads) {
  EXPECT_EQ(0, first_wrong("MIG-own", kFake, [](const View& view) {
              using Many = int (*)(std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   std::uint64_t,
                                   double,
                                   std::uint64_t*);
              const auto call =
                  reinterpret_cast<Many>(view.symbol("nvmlDeviceGetGpuOperationMode"));
              std::vector<std::thread> threads;
              std::vector<int> wrong(8);
              for (std::uint64_t thread = 0; thread < wrong.size(); ++thread) {
                threads.emplace_back([&, thread] {
                  for (int i = 0; i < 10'000; ++i) {
                    std::uint64_t out = 0;
                    const int code = call(thread, 1, 1, 1, 1, 1, 1, 1, 2.0, &out);
                    wrong[thread] += code != 77 || out != thread + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 18;
                  }
                });
              }
              for (std::thread& thread : threads) {
                thread.join();
              }
              return std::vector<bool>{wrong == std::vector<int>(8)};
            }));
}

TEST(Compat, WhatTheDriverLacksIsNotFound) {
  EXPECT_EQ(0, first_wrong("MIG-own", kFake, [](const View& view) {
              unsigned figure = 0;
              const nvmlDevice_t own = view.by_uuid("MIG-own");
              const char* serial = "1";
              nvmlDevice_t device = nullptr;
              return std::vector<bool>{ASK(view, nvmlDeviceGetMinorNumber, own, &figure) ==
                                           NVML_ERROR_FUNCTION_NOT_FOUND,
                                       ASK(view, nvmlDeviceGetHandleBySerial, serial, &device) ==
                                           NVML_ERROR_FUNCTION_NOT_FOUND,
                                       view.symbol("nvmlOfALaterDriver") == nullptr};
            }));
}

// Text of error 12 as a client would print it.
std::string told(const View& view) {
  const auto text = reinterpret_cast<const char* (*)(int)>(view.symbol("nvmlErrorString"));
  return text(NVML_ERROR_LIBRARY_NOT_FOUND);
}

TEST(Compat, WithoutADriversLibraryItSaysSoAndDoesNotCrash) {
  const auto says = [](const char* driver, const std::string& reason) {
    return first_wrong("MIG-own", driver, [reason](const View& view) {
      unsigned count = 0;
      return std::vector<bool>{
          view.ask<decltype(nvmlInit_v2)>("nvmlInit_v2") == NVML_ERROR_LIBRARY_NOT_FOUND,
          ASK(view, nvmlDeviceGetCount_v2, &count) == NVML_ERROR_LIBRARY_NOT_FOUND,
          told(view).find(reason) != std::string::npos};
    });
  };
  EXPECT_EQ(0, says(nullptr, "by an absolute path"));
  EXPECT_EQ(0, says("libnvidia-ml.so.1", "by an absolute path"));
  EXPECT_EQ(0, says("/nowhere/libnvidia-ml.so.1", "/nowhere/libnvidia-ml.so.1"));
  EXPECT_EQ(0, says(MIG_COMPAT_LIBRARY, "the view itself"));
}

TEST(Compat, ItExportsWhatADriverDoes) {
  EXPECT_EQ(0, first_wrong("MIG-own", kFake, [](const View& view) {
              std::ifstream list(MIG_COMPAT_SYMBOLS);
              std::vector<bool> found;
              for (std::string name; std::getline(list, name);) {
                found.push_back(view.symbol(name.c_str()) != nullptr);
              }
              // Few enough for an exit code.
              const bool all = found == std::vector<bool>(found.size(), true);
              return std::vector<bool>{found.size() > 300, all};
            }));
}

}  // namespace
