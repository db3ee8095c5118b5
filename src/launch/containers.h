// SPDX-License-Identifier: Apache-2.0
// The containers of one job: the engine's command for each instance, and their end.
//
// The job's process is the engine's client (`podman run`, attached). The container itself is a
// child of the engine's monitor or daemon, so it is known by its id, which the engine writes to a
// file, and by the lease's cgroup in which its own is made (holders/container.h).
//
// Threading: not thread-safe; belongs to the process that supervises the job.
#ifndef MIGCTL_LAUNCH_CONTAINERS_H_
#define MIGCTL_LAUNCH_CONTAINERS_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "launch/engine.h"
#include "model/instance.h"

namespace mig::launch {

using Environment = std::vector<std::pair<std::string, std::string>>;

class Containers {
 public:
  // `words`: of the engine's run, checked (`told`). `name`: of the containers where `words` has
  // none; "" = the engine's choice.
  Containers(EngineFacts facts, std::vector<std::string> words, EngineWords told, std::string name)
      : facts_(std::move(facts)),
        words_(std::move(words)),
        told_(std::move(told)),
        name_(std::move(name)) {}

  const EngineFacts& engine() const { return facts_; }

  // The CDI name of an instance in these folders: "nvidia.com/gpu=MIG-...". Set by who knows the
  // machine; unused for an engine without CDI.
  std::function<Result<std::string>(const Instance&, const std::vector<std::string>& folders)>
      device = {};
  std::vector<std::pair<std::string, std::string>> labels = {};  // added to those of the lease

  // One container.
  struct Place {
    const Instance& instance;
    std::uint32_t rank = 0, count = 1;
    std::string folder;      // of this user, for the file with the container's id
    std::string cgroup;      // of its lease, for the container's; "" = none
    std::int64_t job = 0;    // 0 = not recorded
    std::int64_t lease = 0;  // 0 = none
    std::string tenant;
    const Environment& environment;  // of the client; what is MIGCTL_... the container gets too
  };

  // The client's argv.
  Result<std::vector<std::string>> command_for(const Place& place);

  // Has the engine stop the containers, SIGKILL after `grace`, or kill them; does not wait for it.
  void stop(std::chrono::milliseconds grace) const;
  void kill() const;

  // After the clients' end. `stopped`: the job was to end, so what goes on is killed. True: a
  // container goes on without its client (killed, or detached from by its keys).
  bool settle(bool stopped);

 private:
  struct One {
    std::string id_file, cgroup;
    bool own_file = true;  // ours to remove
  };

  std::string id_of(const One& one) const;  // "" = there is none yet
  std::vector<std::string> ids() const;
  bool goes_on(const One& one) const;
  void ask(const std::vector<std::string>& words) const;

  EngineFacts facts_;
  std::vector<std::string> words_;
  EngineWords told_;
  std::string name_;
  std::vector<One> all_;
};

}  // namespace mig::launch

#endif  // MIGCTL_LAUNCH_CONTAINERS_H_
