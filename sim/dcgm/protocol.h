// SPDX-License-Identifier: Apache-2.0
// What the tests' libdcgm.so.4 says to the tests' host engine, over a stream socket: a header, then
// `bytes` bytes; the answer likewise. It has nothing to do with the protocol of NVIDIA's.
#ifndef MIGCTL_SIM_DCGM_PROTOCOL_H_
#define MIGCTL_SIM_DCGM_PROTOCOL_H_

#include <cstdint>

#include "abi/dcgm.h"

namespace migsim::dcgm {

enum class Op : std::uint32_t {
  kHello,              // Hello
  kDevices,            // -> unsigned[]
  kHierarchy,          // -> dcgmMigHierarchyInfo_v2[]
  kGroupCreate,        // name -> std::uint64_t
  kGroupAdd,           // GroupEntity
  kGroupDestroy,       // std::uint64_t
  kFieldGroupCreate,   // unsigned short[], then the name -> std::uint64_t
  kFieldGroupDestroy,  // std::uint64_t
  kWatch,              // WatchRequest
  kUnwatch,            // WatchRequest
  kValues,             // ValuesRequest, dcgmGroupEntityPair_t[], unsigned short[] -> Value[]
};

struct Request {
  Op op{};
  std::uint32_t bytes = 0;
};

struct Answer {
  std::int32_t status = 0;
  std::uint32_t bytes = 0;
};

struct Hello {
  std::uint32_t persist = 0;
};

struct GroupEntity {
  std::uint64_t group = 0;
  dcgmGroupEntityPair_t entity{};
};

struct WatchRequest {
  std::uint64_t group = 0, fields = 0;
  std::int64_t every_us = 0;
};

struct ValuesRequest {
  std::uint32_t entities = 0, fields = 0, flags = 0;
};

struct FieldsRequest {
  std::uint32_t fields = 0;
};

struct Value {
  dcgmGroupEntityPair_t entity{};
  std::uint16_t field = 0, type = 0;
  std::int32_t status = 0;
  std::int64_t at_us = 0;
  double number = 0;
  char text[64] = {};
};

inline constexpr std::uint32_t kMostBytes = 1U << 20U;

}  // namespace migsim::dcgm

#endif  // MIGCTL_SIM_DCGM_PROTOCOL_H_
