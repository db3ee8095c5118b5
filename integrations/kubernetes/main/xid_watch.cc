// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/xid_watch.h"

#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "base/strings.h"
#include "kubernetes/objects/device_name.h"

namespace mig::kube {
HealthSettings health_settings(const Settings& settings) {
  return {.state_file = settings.state_dir + "/health.json",
          .boot_id = "",
          .effect = settings.xid_effect,
          .ignored = settings.ignored_xids};
}

// A state file that cannot be understood is moved aside: what it knew of past Xids is worth less
// than the claims of the node.
Result<std::unique_ptr<Health>> open_health(HealthSettings settings, Log& log) {
  const std::string file = settings.state_file;
  MIG_TRY(base::remove_temporaries(file));
  settings.boot_id = base::boot_id(base::proc_root());
  auto health = Health::open(settings);
  if (health || health.error().code != ErrorCode::kInvalidInput) {
    return health;
  }
  const std::string aside = file + ".damaged";
  log.say(Weight::kWarning,
          fmt::format("{}; moved to {}: devices count as healthy until the next Xid",
                      health.error().text(),
                      aside));
  if (std::rename(file.c_str(), aside.c_str()) != 0) {
    return base::errno_error("move aside", file, errno);
  }
  return Health::open(std::move(settings));
}

std::string illness(const Gpu& gpu,
                    const GpuInstance* instance,
                    const std::map<std::string, std::vector<Taint>>& taints) {
  const auto found = taints.find(instance == nullptr
                                     ? device_name(gpu)
                                     : device_name(gpu, instance->name, instance->placement.start));
  if (found == taints.end() || found->second.empty()) {
    return "";
  }
  std::set<std::string> xids;
  for (const Taint& taint : found->second) {
    xids.insert("Xid " + taint.value);
  }
  return base::join(std::vector<std::string>(xids.begin(), xids.end()), ", ");
}

Result<std::unique_ptr<XidWatch>> XidWatch::open(HealthSettings settings, Log& log) {
  MIG_ASSIGN_OR_RETURN(auto health, open_health(std::move(settings), log));
  return std::unique_ptr<XidWatch>(new XidWatch(std::move(health), log));
}

void XidWatch::watch_node(ApiClient& api,
                          const std::string& node,
                          std::function<void()> on_cleared) {
  const auto look = [this, on_cleared = std::move(on_cleared)](const base::Json& object) {
    if (health_->clear_by(object)) {
      log_.say(Weight::kInfo, "Xids of devices cleared by the node's annotation");
      on_cleared();
    }
    log_.state("health", health_->trouble());
  };
  WatchHandlers handlers;
  handlers.on_list = [look](const std::vector<base::Json>& nodes) {
    for (const auto& one : nodes) {
      look(one);
    }
  };
  handlers.on_event = [look](const std::string& /*type*/, const base::Json& one) { look(one); };
  handlers.on_state = [this](const std::string& trouble) { log_.state("Node", trouble); };
  node_ = std::make_unique<Watcher>(api,
                                    "/api/v1/nodes",
                                    "fieldSelector=metadata.name%3D" + percent_encoded(node),
                                    std::move(handlers));
}

void XidWatch::end() {
  node_.reset();
}

void XidWatch::event(const base::Json& event) {
  (void)health_->note(event);
}

void XidWatch::reset(const client::Instances& migd) {
  if (const auto sample = migd.sample()) {
    health_->note(xids_of(*sample));
  }
}

std::map<std::string, std::vector<Taint>> XidWatch::taints(const Inventory& now) {
  auto taints = health_->taints(now);
  log_.state("health", health_->trouble());
  return taints;
}

}  // namespace mig::kube
