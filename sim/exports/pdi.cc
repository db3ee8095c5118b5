// SPDX-License-Identifier: Apache-2.0
// The package's unique device identity (PDI).
#include "sim/exports/answer.h"
#include "sim/exports/dispatch.h"

using namespace migsim;           // NOLINT(google-build-using-namespace)
using namespace migsim::exports;  // NOLINT(google-build-using-namespace)

namespace {

// FNV-1a hash of the UUID: an identity that is unique to the GPU and stable.
std::uint64_t identity_of(const char* uuid) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (; *uuid != '\0'; ++uuid) {
    hash = (hash ^ static_cast<unsigned char>(*uuid)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace

extern "C" {

nvmlReturn_t nvmlDeviceGetPdi(nvmlDevice_t device, nvmlPdi_v1_t* pdi) {
  return read_gpu(__func__, device, [&](const Subject& s) {
    if (pdi == nullptr) {
      return NVML_ERROR_INVALID_ARGUMENT;
    }
    if (pdi->version != nvmlPdi_v1) {
      return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    return put(identity_of(s.self().uuid), &pdi->value);
  });
}

}  // extern "C"
