// SPDX-License-Identifier: Apache-2.0
// The tests' libdcgm.so.4: the functions that migctl calls, with NVIDIA's layouts, each one a
// question to the tests' host engine. Written from the published headers; nobody has compared what
// it does with NVIDIA's.
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include <netinet/in.h>

#include "sim/dcgm/protocol.h"

using namespace migsim::dcgm;  // NOLINT(google-build-using-namespace)

namespace {

struct Connections {
  std::mutex mutex;
  unsigned users = 0;
  dcgmHandle_t last = 0;
  std::map<dcgmHandle_t, int> sockets;

  static Connections& get() {
    static auto* instance = new Connections;
    return *instance;
  }
};

bool send_all(int fd, const void* data, std::size_t size) {
  const auto* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t sent = ::send(fd, at, size, MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    at += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

bool receive_all(int fd, void* data, std::size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t got = ::recv(fd, at, size, 0);
    if (got <= 0) {
      return false;
    }
    at += got;
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

dcgmReturn_t ask_socket(int fd, Op op, const std::string& body, std::vector<char>* out) {
  const Request request{op, static_cast<std::uint32_t>(body.size())};
  Answer answer;
  if (!send_all(fd, &request, sizeof(request)) || !send_all(fd, body.data(), body.size()) ||
      !receive_all(fd, &answer, sizeof(answer)) || answer.bytes > kMostBytes) {
    return DCGM_ST_CONNECTION_NOT_VALID;
  }
  std::vector<char> got(answer.bytes);
  if (!receive_all(fd, got.data(), got.size())) {
    return DCGM_ST_CONNECTION_NOT_VALID;
  }
  if (out != nullptr) {
    *out = std::move(got);
  }
  return static_cast<dcgmReturn_t>(answer.status);
}

dcgmReturn_t ask(dcgmHandle_t connection, Op op, const std::string& body, std::vector<char>* out) {
  Connections& all = Connections::get();
  const std::lock_guard lock(all.mutex);
  if (all.users == 0) {
    return DCGM_ST_UNINITIALIZED;
  }
  const auto found = all.sockets.find(connection);
  return found == all.sockets.end() ? DCGM_ST_BADPARAM : ask_socket(found->second, op, body, out);
}

template <class T>
std::string bytes_of(const T* first, std::size_t count = 1) {
  return {reinterpret_cast<const char*>(first), count * sizeof(T)};
}

dcgmReturn_t ask_id(dcgmHandle_t connection, Op op, const std::string& body, uintptr_t* id) {
  std::vector<char> out;
  const dcgmReturn_t code = ask(connection, op, body, &out);
  std::uint64_t number = 0;
  if (code == DCGM_ST_OK && out.size() == sizeof(number)) {
    std::memcpy(&number, out.data(), sizeof(number));
    *id = number;
  }
  return code;
}

int connect_unix(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof(address.sun_path)) {
    return -1;
  }
  std::strcpy(address.sun_path, path);  // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

int connect_tcp(const std::string& text) {
  const auto colon = text.find(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  unsigned long port = DCGM_HE_PORT_NUMBER;
  if (colon != std::string::npos) {
    port = std::strtoul(text.c_str() + colon + 1, nullptr, 10);
  }
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ::close(fd);
    return -1;
  }
  return fd;
}

void put(const Value& from, dcgmFieldValue_v2& to) {
  to = {};
  to.version = dcgmFieldValue_version2;
  to.entityGroupId = from.entity.entityGroupId;
  to.entityId = from.entity.entityId;
  to.fieldId = from.field;
  to.fieldType = from.type;
  to.status = from.status;
  to.ts = from.at_us;
  if (from.type == DCGM_FT_STRING) {
    std::memcpy(to.value.str, from.text, sizeof(from.text));
  } else if (from.type == DCGM_FT_INT64) {
    to.value.i64 = static_cast<std::int64_t>(from.number);
  } else {
    to.value.dbl = from.number;
  }
}

}  // namespace

extern "C" {

dcgmReturn_t dcgmInit() {
  const std::lock_guard lock(Connections::get().mutex);
  ++Connections::get().users;
  return DCGM_ST_OK;
}

dcgmReturn_t dcgmShutdown() {
  Connections& all = Connections::get();
  const std::lock_guard lock(all.mutex);
  if (all.users == 0) {
    return DCGM_ST_UNINITIALIZED;
  }
  if (--all.users == 0) {
    for (const auto& [handle, fd] : all.sockets) {
      ::close(fd);
    }
    all.sockets.clear();
  }
  return DCGM_ST_OK;
}

dcgmReturn_t dcgmConnect_v2(const char* address,
                            dcgmConnectV2Params_v2* parameters,
                            dcgmHandle_t* connection) {
  if (address == nullptr || parameters == nullptr || connection == nullptr) {
    return DCGM_ST_BADPARAM;
  }
  if (parameters->version != dcgmConnectV2Params_version2) {
    return DCGM_ST_VER_MISMATCH;
  }
  const int fd =
      parameters->addressIsUnixSocket != 0 ? connect_unix(address) : connect_tcp(address);
  if (fd < 0) {
    return DCGM_ST_CONNECTION_NOT_VALID;
  }
  const Hello hello{parameters->persistAfterDisconnect};
  timeval patience{parameters->timeoutMs / 1000,
                   static_cast<suseconds_t>(parameters->timeoutMs % 1000) * 1000};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (ask_socket(fd, Op::kHello, bytes_of(&hello), nullptr) != DCGM_ST_OK) {
    ::close(fd);
    return DCGM_ST_CONNECTION_NOT_VALID;
  }
  patience = {};  // later calls wait for ever
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  Connections& all = Connections::get();
  const std::lock_guard lock(all.mutex);
  *connection = ++all.last;
  all.sockets[*connection] = fd;
  return DCGM_ST_OK;
}

dcgmReturn_t dcgmDisconnect(dcgmHandle_t connection) {
  Connections& all = Connections::get();
  const std::lock_guard lock(all.mutex);
  const auto found = all.sockets.find(connection);
  if (found == all.sockets.end()) {
    return DCGM_ST_BADPARAM;
  }
  ::close(found->second);
  all.sockets.erase(found);
  return DCGM_ST_OK;
}

const char* errorString(dcgmReturn_t result) {
  switch (result) {
    case DCGM_ST_OK:
      return "Success";
    case DCGM_ST_CONNECTION_NOT_VALID:
      return "The connection is gone";
    case DCGM_ST_REQUIRES_ROOT:
      return "The host engine does not run as root";
    case DCGM_ST_IN_USE:
      return "The counters are in use";
    case DCGM_ST_VER_MISMATCH:
      return "Another version";
    case DCGM_ST_NO_DATA:
      return "No data";
    case DCGM_ST_NOT_WATCHED:
      return "Not watched";
    default:
      return nullptr;
  }
}

dcgmReturn_t dcgmGetAllDevices(dcgmHandle_t connection,
                               unsigned ids[DCGM_MAX_NUM_DEVICES],
                               int* count) {
  std::vector<char> out;
  const dcgmReturn_t code = ask(connection, Op::kDevices, "", &out);
  const std::size_t size = std::min(out.size(), DCGM_MAX_NUM_DEVICES * sizeof(unsigned));
  std::memcpy(ids, out.data(), size);
  *count = static_cast<int>(size / sizeof(unsigned));
  return code;
}

dcgmReturn_t dcgmGetGpuInstanceHierarchy(dcgmHandle_t connection, dcgmMigHierarchy_v2* hierarchy) {
#ifdef MIGSIM_DCGM_OTHER_VERSION
  static_cast<void>(connection);
  static_cast<void>(hierarchy);
  return DCGM_ST_VER_MISMATCH;
#else
  if (hierarchy->version != dcgmMigHierarchy_version2) {
    return DCGM_ST_VER_MISMATCH;
  }
  std::vector<char> out;
  const dcgmReturn_t code = ask(connection, Op::kHierarchy, "", &out);
  const std::size_t size = std::min(out.size(), sizeof(hierarchy->entityList));
  std::memcpy(hierarchy->entityList, out.data(), size);
  hierarchy->count = static_cast<unsigned>(size / sizeof(dcgmMigHierarchyInfo_v2));
  return code;
#endif
}

dcgmReturn_t dcgmGroupCreate(dcgmHandle_t connection,
                             dcgmGroupType_t type,
                             const char* name,
                             dcgmGpuGrp_t* group) {
  return type == DCGM_GROUP_EMPTY ? ask_id(connection, Op::kGroupCreate, name, group)
                                  : DCGM_ST_BADPARAM;
}

dcgmReturn_t dcgmGroupAddEntity(dcgmHandle_t connection,
                                dcgmGpuGrp_t group,
                                dcgm_field_entity_group_t kind,
                                dcgm_field_eid_t id) {
  const GroupEntity body{group, {kind, id}};
  return ask(connection, Op::kGroupAdd, bytes_of(&body), nullptr);
}

dcgmReturn_t dcgmGroupDestroy(dcgmHandle_t connection, dcgmGpuGrp_t group) {
  const std::uint64_t body = group;
  return ask(connection, Op::kGroupDestroy, bytes_of(&body), nullptr);
}

dcgmReturn_t dcgmFieldGroupCreate(dcgmHandle_t connection,
                                  int count,
                                  unsigned short* fields,
                                  const char* name,
                                  dcgmFieldGrp_t* group) {
  const FieldsRequest request{static_cast<std::uint32_t>(count)};
  return ask_id(connection,
                Op::kFieldGroupCreate,
                bytes_of(&request) + bytes_of(fields, static_cast<std::size_t>(count)) + name,
                group);
}

dcgmReturn_t dcgmFieldGroupDestroy(dcgmHandle_t connection, dcgmFieldGrp_t group) {
  const std::uint64_t body = group;
  return ask(connection, Op::kFieldGroupDestroy, bytes_of(&body), nullptr);
}

#ifndef MIGSIM_DCGM_WITHOUT_WATCH
dcgmReturn_t dcgmWatchFields(dcgmHandle_t connection,
                             dcgmGpuGrp_t group,
                             dcgmFieldGrp_t fields,
                             long long every_us,
                             double /*seconds*/,
                             int /*samples*/) {
  const WatchRequest body{group, fields, every_us};
  return ask(connection, Op::kWatch, bytes_of(&body), nullptr);
}
#endif

dcgmReturn_t dcgmUnwatchFields(dcgmHandle_t connection, dcgmGpuGrp_t group, dcgmFieldGrp_t fields) {
  const WatchRequest body{group, fields, 0};
  return ask(connection, Op::kUnwatch, bytes_of(&body), nullptr);
}

dcgmReturn_t dcgmEntitiesGetLatestValues(dcgmHandle_t connection,
                                         dcgmGroupEntityPair_t* entities,
                                         unsigned entity_count,
                                         unsigned short* fields,
                                         unsigned field_count,
                                         unsigned flags,
                                         dcgmFieldValue_v2* values) {
  const ValuesRequest request{entity_count, field_count, flags};
  std::vector<char> out;
  const dcgmReturn_t code =
      ask(connection,
          Op::kValues,
          bytes_of(&request) + bytes_of(entities, entity_count) + bytes_of(fields, field_count),
          &out);
  const std::size_t count =
      std::min(out.size() / sizeof(Value), static_cast<std::size_t>(entity_count) * field_count);
  for (std::size_t i = 0; i < count; ++i) {
    Value value;
    std::memcpy(&value, out.data() + i * sizeof(Value), sizeof(Value));
    put(value, values[i]);
  }
  return code;
}

}  // extern "C"
