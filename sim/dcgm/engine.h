// SPDX-License-Identifier: Apache-2.0
// The tests' host engine: entities, groups and watches over a simulated machine. Values are
// averages of its counters between two updates; of a compute instance, whose counters the machine
// does not keep, what its processes do now. An A100's are counted as a Hopper's: DCGM has its own
// way to them. Groups and watches end with their connection.
//
// Threading: one thread.
#ifndef MIGCTL_SIM_DCGM_ENGINE_H_
#define MIGCTL_SIM_DCGM_ENGINE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/dcgm/protocol.h"
#include "sim/machine/machine.h"

namespace migsim::dcgm {

class Engine {
 public:
  // Words of `fault`: "blank", "not_supported", "stale", "refuse", "in_use" change the answers.
  Engine(Machine& machine, const std::string& fault) : machine_(machine), fault_(fault) {}

  // Answers a request of a connection: its status, and `out`.
  std::int32_t answer(int connection, Op op, const std::string& body, std::string& out);

  // The connection ends; `persist`: it asked that its watches stay.
  void end(int connection, bool persist);

  // Counts what is due. Call often.
  void update();

  // "entities N fields N groups N" watched, for tests.
  std::string report() const;

 private:
  using Entity = std::pair<int, unsigned>;  // kind, id

  struct Group {
    int owner = 0;
    std::vector<Entity> entities;
  };

  struct FieldGroup {
    int owner = 0;
    std::vector<std::uint16_t> fields;
    std::string name;
  };

  struct Watch {
    int owner = 0;
    std::uint64_t group = 0, fields = 0;
    std::int64_t every_us = 0;
  };

  // The place of an entity on the machine.
  struct Place {
    std::uint32_t gpu = 0, gi = kNone, ci = kNone;
    std::uint64_t serial = 0;
  };

  struct Count {
    std::uint64_t serial = 0;
    Counters counters;
    std::int64_t begun_us = 0, at_us = 0;  // at_us 0: no value yet
    double values[kMetricCount] = {};
  };

  std::map<Entity, Place> places() const;
  std::int32_t watch(int connection, const WatchRequest& request);
  std::map<Entity, std::int64_t> watched() const;
  bool is_watched(const Entity& entity, std::uint16_t field) const;
  void count(const Entity& entity, const Place& place, std::int64_t every_us, std::int64_t now_us);
  Value value(const Entity& entity, std::uint16_t field) const;
  std::int32_t values(const std::string& body, std::string& out) const;
  std::int32_t hierarchy(std::string& out) const;
  std::int32_t add_fields(int connection, const std::string& body, std::string& out);
  std::int32_t add_entity(const GroupEntity& request);

  Machine& machine_;
  const std::string& fault_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Group> groups_;
  std::map<std::uint64_t, FieldGroup> field_groups_;
  std::vector<Watch> watches_;
  std::map<Entity, Count> counts_;
};

}  // namespace migsim::dcgm

#endif  // MIGCTL_SIM_DCGM_ENGINE_H_
