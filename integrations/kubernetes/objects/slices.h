// SPDX-License-Identifier: Apache-2.0
// A machine as ResourceSlices (resource.k8s.io/v1): counter sets of which each placement consumes a
// part, so that the scheduler admits exactly the layouts that the planner admits; devices in the
// order in which they fragment least. Pure: the same input gives the same bytes.
//
// The scheduler takes the first device that fits, in slices by name. So a slice holds the devices
// of a few profiles of all GPUs, the smallest profiles in the first slice: the order within a
// profile is then one over all GPUs, and a request for "any with 20 GiB" gets the smallest. Which
// devices a slice may hold depends on the hardware alone; a change of the layout by this driver
// moves them within their slices.
#ifndef MIGCTL_KUBERNETES_OBJECTS_SLICES_H_
#define MIGCTL_KUBERNETES_OBJECTS_SLICES_H_

#include <map>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "base/json.h"

namespace mig::kube {

// Why a device is not healthy; becomes a DeviceTaint.
struct Taint {
  std::string key;     // "mig.migctl.dev/xid"
  std::string value;   // "94"
  std::string effect;  // "None", "NoSchedule", "NoExecute"
  std::int64_t since_ms = 0;
  friend bool operator==(const Taint&, const Taint&) = default;
};

struct SliceInput {
  const Inventory* now = nullptr;
  std::string node;      // node name, and the pool's
  std::string node_uid;  // owner of the objects; "" = none
  // Devices that claims of this node have: by name, true where this driver made, makes or destroys
  // the instance, false for one that it found.
  std::map<std::string, bool> held;
  std::map<std::string, std::vector<Taint>> taints;  // by device name
  std::map<std::string, std::string> pcie_roots;     // "pci0000:00", by GPU UUID
  // Offer what exists only, as static devices, without counters: for large clusters, since
  // kube-scheduler 1.36 looks at the counters of all nodes for each node that it considers.
  bool existing_only = false;
};

// The objects of the node's pool, without metadata.resourceVersion; `generation` goes into each.
// Errors: kTooLarge beyond the API's limits (it says which).
Result<std::vector<base::Json>> resource_slices(const SliceInput& input, std::int64_t generation);

// How a slice differs from another one, apart from the pool's generation and what the API server
// adds. A different order of the same devices is a smaller matter than different devices: a reader
// who sees one slice before and another after the change still sees a pool that is consistent.
enum class SliceDifference { kNone, kOrder, kContent };
SliceDifference compare_slices(const base::Json& a, const base::Json& b);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_OBJECTS_SLICES_H_
