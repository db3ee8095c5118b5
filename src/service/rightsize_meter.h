// SPDX-License-Identifier: Apache-2.0
// Inside of service/: device memory of a process tree, and activity of the device that it is on,
// read from the driver while a command runs.
//
// Threading: as the Node's session, which must outlive the object and stay open.
#ifndef MIGCTL_SERVICE_RIGHTSIZE_METER_H_
#define MIGCTL_SERVICE_RIGHTSIZE_METER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mig/result.h"

#include "model/rightsize_values.h"
#include "node/node.h"

namespace mig::service {

class Meter {
 public:
  // Of a whole GPU, or of an instance of it ("MIG-...").
  static Result<Meter> of(node::Node& node,
                          GpuIndex gpu,
                          std::optional<GpuInstanceId> instance,
                          const std::string& instance_uuid);
  ~Meter();
  Meter(Meter&&) noexcept;
  Meter& operator=(Meter&&) = delete;
  Meter(const Meter&) = delete;
  Meter& operator=(const Meter&) = delete;

  // Looks at the memory of the process and its descendants. True when they use the device.
  bool look(int pid);

  // Most of it so far; what the driver tells of processes, else what the device lacks since the
  // meter was made.
  std::optional<std::uint64_t> peak_memory_mib() const;
  std::string memory_source() const;  // "processes", "device"; "" = unknown

  // Activity is that between the two calls.
  void begin_activity();
  rightsize::RunActivity end_activity();

 private:
  struct State;
  explicit Meter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The process and its descendants.
std::vector<std::uint32_t> process_tree(int pid);

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_RIGHTSIZE_METER_H_
