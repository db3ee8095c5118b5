// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/identity.h"

#include <array>
#include <cstdio>

namespace migsim {

namespace {

// splitmix64: every input bit affects every output bit, so consecutive seeds give unrelated values.
std::uint64_t mix(std::uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30U)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27U)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31U);
}

std::uint64_t digest(std::uint64_t seed, std::string_view machine, std::uint32_t index, int part) {
  std::uint64_t hash = mix(seed);
  for (const char c : machine) {
    hash = mix(hash ^ static_cast<unsigned char>(c));
  }
  return mix(mix(hash ^ index) ^ static_cast<std::uint64_t>(part));
}

}  // namespace

std::string gpu_uuid(std::uint64_t seed, std::string_view machine, std::uint32_t index) {
  const std::uint64_t high = digest(seed, machine, index, 0);
  const std::uint64_t low = digest(seed, machine, index, 1);
  std::array<char, 48> text{};
  std::snprintf(text.data(),
                text.size(),
                "GPU-%08x-%04x-%04x-%04x-%012llx",
                static_cast<unsigned>(high >> 32U),
                static_cast<unsigned>(high >> 16U) & 0xffffU,
                static_cast<unsigned>(high) & 0xffffU,
                static_cast<unsigned>(low >> 48U),
                static_cast<unsigned long long>(low & UINT64_C(0xffffffffffff)));
  return text.data();
}

std::string gpu_serial(std::uint64_t seed, std::string_view machine, std::uint32_t index) {
  constexpr std::uint64_t kTenDigits = UINT64_C(10000000000);
  std::array<char, 32> text{};
  std::snprintf(text.data(),
                text.size(),
                "165%010llu",
                static_cast<unsigned long long>(digest(seed, machine, index, 2) % kTenDigits));
  return text.data();
}

}  // namespace migsim
