// SPDX-License-Identifier: Apache-2.0
// A connection to a running DCGM host engine, and the fields that it watches for us. None is ever
// started here: an embedded engine would hold the GPUs and their counters for itself.
//
//   MIG_ASSIGN_OR_RETURN(auto engine, dcgm::Engine::connect("127.0.0.1:5555", 2s));
//   MIG_ASSIGN_OR_RETURN(auto entities, engine->entities());
//   MIG_ASSIGN_OR_RETURN(auto watch, engine->watch("gpu0", entities, {1002}, 1s));
//   MIG_ASSIGN_OR_RETURN(auto values, engine->values(entities, {1002}));
//
// Watches and groups end with the connection, by the host engine, also when this process is killed
// (persistAfterDisconnect = 0).
//
// Threading: one thread at a time. Each call waits for the engine, and may hang with it.
#ifndef MIGCTL_DCGM_ENGINE_H_
#define MIGCTL_DCGM_ENGINE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "dcgm/address.h"
#include "dcgm/library.h"

namespace mig::dcgm {

// A GPU, GPU instance or compute instance as the host engine knows it.
struct Entity {
  dcgmGroupEntityPair_t id{};
  std::string gpu_uuid;
  std::optional<std::uint32_t> gpu_instance, compute_instance;  // NVML's ids
};

struct Value {
  dcgmGroupEntityPair_t entity{};
  unsigned short field = 0;
  std::optional<double> number;
  std::string reason;      // why there is none
  std::int64_t at_us = 0;  // Unix time of the reading
};

struct Watch {
  std::optional<dcgmGpuGrp_t> entities;
  std::optional<dcgmFieldGrp_t> fields;
};

class Engine {
 public:
  // Loads the library and connects. kNotFound: there is no library, or no host engine. The others
  // say what is wrong with what is there.
  static Result<std::unique_ptr<Engine>> connect(const std::string& address,
                                                 std::chrono::milliseconds patience);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  Engine(Engine&&) = delete;
  Engine& operator=(Engine&&) = delete;

  // All GPUs, GPU instances and compute instances.
  Result<std::vector<Entity>> entities();

  // At most 64 entities. `name` tells it from our other watches.
  Result<Watch> watch(const std::string& name,
                      const std::vector<dcgmGroupEntityPair_t>& entities,
                      std::vector<unsigned short> fields,
                      std::chrono::milliseconds every);

  // Not an error where the entities are gone.
  void unwatch(const Watch& watch);

  Result<std::vector<Value>> values(std::vector<dcgmGroupEntityPair_t> entities,
                                    std::vector<unsigned short> fields);

 private:
  explicit Engine(Library library) : library_(std::move(library)) {}

  Error failed(int code, const std::string& what) const;
  Result<void> add_gpus(std::vector<Entity>& out);
  Result<void> add_instances(std::vector<Entity>& out);
  Result<std::vector<dcgmFieldValue_v2>> read(std::vector<dcgmGroupEntityPair_t>& entities,
                                              std::vector<unsigned short>& fields,
                                              unsigned flags);

  Library library_;
  Address address_;
  bool initialised_ = false;
  dcgmHandle_t connection_ = 0;
  std::uint64_t names_ = 0;  // given to groups of fields so far
};

}  // namespace mig::dcgm

#endif  // MIGCTL_DCGM_ENGINE_H_
