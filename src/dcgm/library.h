// SPDX-License-Identifier: Apache-2.0
// NVIDIA's libdcgm.so.4, or .3, loaded at run time: migctl links nothing of it. Once loaded it
// stays until the process ends: it has threads and statics of its own, which no dlclose is safe
// with.
//
// Threading: immutable after loading; DCGM is thread-safe.
#ifndef MIGCTL_DCGM_LIBRARY_H_
#define MIGCTL_DCGM_LIBRARY_H_

#include <string>

#include "mig/result.h"

#include "abi/dcgm.h"

namespace mig::dcgm {

// X(name): the functions that are called; a library that lacks one is refused.
// clang-format off
#define MIG_DCGM_FUNCTIONS(X) \
  X(dcgmInit) \
  X(dcgmShutdown) \
  X(dcgmConnect_v2) \
  X(dcgmDisconnect) \
  X(errorString) \
  X(dcgmGetAllDevices) \
  X(dcgmGetGpuInstanceHierarchy) \
  X(dcgmGroupCreate) \
  X(dcgmGroupAddEntity) \
  X(dcgmGroupDestroy) \
  X(dcgmFieldGroupCreate) \
  X(dcgmFieldGroupDestroy) \
  X(dcgmWatchFields) \
  X(dcgmUnwatchFields) \
  X(dcgmEntitiesGetLatestValues)

// clang-format on

struct Functions {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a member's name cannot stand in parentheses
#define MIG_DCGM_MEMBER(name) decltype(&::name) name = nullptr;
  MIG_DCGM_FUNCTIONS(MIG_DCGM_MEMBER)
#undef MIG_DCGM_MEMBER
};

struct Library {
  std::string name;  // that the loader found: "libdcgm.so.4"
  Functions functions;
};

// By the loader's search path. kNotFound where no such library is, kNotSupported where one lacks a
// function or does not load.
Result<Library> load_library();

// "the host engine's text (-21)"; `functions` may be of a library that knows no text for it.
std::string text_of(const Functions& functions, int code);

}  // namespace mig::dcgm

#endif  // MIGCTL_DCGM_LIBRARY_H_
