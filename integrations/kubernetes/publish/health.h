// SPDX-License-Identifier: Apache-2.0
// The health of a node's devices over time: Xids of migd's events in, taints out, kept in a file so
// that a restart of this program does not forget what ails a GPU.
//
//   migd's event `xid`       note(), then Publisher::trigger()
//   migd's event `reset`     what was missed: note() of xids_of(sample)
//   the publisher's round    taints(), which also ends what is over
//   an annotation of the     clear(): an administrator has looked at it
//   Node
//
// What happened while neither this program nor migd's sampler ran is not known. A boot of the
// machine ends everything.
//
// Threading: thread-safe.
#ifndef MIGCTL_KUBERNETES_PUBLISH_HEALTH_H_
#define MIGCTL_KUBERNETES_PUBLISH_HEALTH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "base/json.h"
#include "kubernetes/objects/health.h"
#include "model/sample.h"

namespace mig::kube {

struct HealthSettings {
  std::string state_file;
  std::string boot_id;                // /proc/sys/kernel/random/boot_id
  std::string effect = "NoSchedule";  // of taints; "NoExecute" also evicts the pods that are there
  std::set<std::uint64_t> ignored;    // further Xids that give no taint
  base::Clock* clock = &base::system_clock();
};

class Health {
 public:
  // Errors: kInvalidInput for a file that is none of this program's (it is left as it is), kIo.
  static Result<std::unique_ptr<Health>> open(HealthSettings settings);

  // An Event document of migd; true when it is an Xid.
  bool note(const base::Json& event);
  void note(const std::vector<XidNews>& news);

  // What is known now, by device. The file follows; a failure to write it is kept for trouble().
  std::map<std::string, std::vector<Taint>> taints(const Inventory& now);
  // As of HealthBook::clear().
  bool clear(const std::string& device, std::int64_t until_ms);
  // Of the annotations of the Node: true when something was cleared.
  bool clear_by(const base::Json& node);

  std::vector<HealthRecord> records() const;
  std::string trouble() const;  // "" = none

 private:
  explicit Health(HealthSettings settings) : settings_(std::move(settings)) {}

  void keep();
  bool look_at(const XidNews& news, const Inventory& now);

  const HealthSettings settings_;
  mutable std::mutex mutex_;
  HealthBook book_;
  std::vector<XidNews> pending_;              // until the machine is known to which they belong
  std::map<std::string, std::int64_t> seen_;  // time of the last Xid of each kind and place
  std::string trouble_;                       // of the file
  std::string annotation_trouble_;            // until the Node is seen without
};

// All Xids that the sampler has counted.
std::vector<XidNews> xids_of(const MachineSample& sample);

// "mig.migctl.dev/health-cleared": "2026-11-29T23:00:00Z" for all devices, or
// "gpu-0=2026-11-29T23:00:00Z,gpu-1-mig-3g-71gb-4=...": what happened until then counts no more.
struct Clearance {
  std::string device;  // "" = all
  std::int64_t until_ms = 0;
};

Result<std::vector<Clearance>> parse_clearances(const std::string& annotation);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_PUBLISH_HEALTH_H_
