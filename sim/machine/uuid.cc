// SPDX-License-Identifier: Apache-2.0
// MIG device UUIDs: RFC 4122 version 5, computed as the kernel driver does.
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <vector>

#include "sim/machine/rules.h"

namespace migsim {
namespace {

using Digest = std::array<std::uint8_t, 20>;

void sha1_block(std::array<std::uint32_t, 5>& h, const std::uint8_t* block) {
  std::array<std::uint32_t, 80> w{};
  for (std::size_t i = 0; i < 16; ++i) {
    w[i] = std::uint32_t{block[4 * i]} << 24U | std::uint32_t{block[4 * i + 1]} << 16U |
           std::uint32_t{block[4 * i + 2]} << 8U | std::uint32_t{block[4 * i + 3]};
  }
  for (std::size_t i = 16; i < 80; ++i) {
    w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  }
  auto [a, b, c, d, e] = h;
  for (std::size_t i = 0; i < 80; ++i) {
    std::uint32_t f = b ^ c ^ d;
    std::uint32_t k = i < 40 ? 0x6ED9EBA1U : 0xCA62C1D6U;
    if (i < 20) {
      f = (b & c) | (~b & d);
      k = 0x5A827999U;
    } else if (i >= 40 && i < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8F1BBCDCU;
    }
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
}

// SHA-1 (RFC 3174).
Digest sha1(std::vector<std::uint8_t> message) {
  const std::uint64_t bits = message.size() * 8;
  message.push_back(0x80);
  while (message.size() % 64 != 56) {
    message.push_back(0);
  }
  for (int shift = 56; shift >= 0; shift -= 8) {
    message.push_back(static_cast<std::uint8_t>(bits >> static_cast<unsigned>(shift)));
  }
  std::array<std::uint32_t, 5> h{0x67452301U, 0xEFCDAB89U, 0x98BADCFEU, 0x10325476U, 0xC3D2E1F0U};
  for (std::size_t at = 0; at < message.size(); at += 64) {
    sha1_block(h, message.data() + at);
  }
  Digest digest{};
  for (std::size_t i = 0; i < digest.size(); ++i) {
    digest[i] = static_cast<std::uint8_t>(h[i / 4] >> (24U - 8U * (i % 4)));
  }
  return digest;
}

void append(std::vector<std::uint8_t>& to, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  to.insert(to.end(), bytes, bytes + size);
}

void append_number(std::vector<std::uint8_t>& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) {
    to.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
  }
}

}  // namespace

void mig_uuid(
    const char* gpu_uuid, std::uint32_t gi, std::uint32_t ci, std::uint64_t salt, char (&out)[48]) {
  // The driver's name space id; the simulator hashes the GPU's UUID text where the driver hashes
  // its record of chip and device identity.
  constexpr std::array<std::uint8_t, 16> kNamespace = {0xc8,
                                                       0x16,
                                                       0xc9,
                                                       0xa3,
                                                       0x52,
                                                       0x24,
                                                       0x56,
                                                       0xbf,
                                                       0x9d,
                                                       0x9a,
                                                       0xac,
                                                       0x7e,
                                                       0xa7,
                                                       0x03,
                                                       0xfb,
                                                       0x5b};
  std::vector<std::uint8_t> message(kNamespace.begin(), kNamespace.end());
  append(message, "NVIDIA GPU", 10);
  append(message, gpu_uuid, ::strnlen(gpu_uuid, 48));
  append(message, "SMC", 3);
  append_number(message, gi, 4);
  append_number(message, ci, 4);
  if (salt != 0) {
    append_number(message, salt, 8);
  }
  Digest id = sha1(std::move(message));
  id[6] = static_cast<std::uint8_t>((id[6] & 0x0FU) | 0x50U);  // version 5
  id[8] = static_cast<std::uint8_t>((id[8] & 0x3FU) | 0x80U);  // RFC 4122 variant
  auto at = static_cast<std::size_t>(std::snprintf(out, sizeof(out), "MIG-"));
  for (std::size_t i = 0; i < 16; ++i) {
    const char* dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
    at += static_cast<std::size_t>(
        std::snprintf(out + at, sizeof(out) - at, "%s%02x", dash, static_cast<unsigned>(id[i])));
  }
}

}  // namespace migsim
