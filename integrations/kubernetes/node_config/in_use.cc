// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/in_use.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "kubernetes/objects/claim_key.h"

namespace mig::kube {
namespace {

using base::Json;

constexpr std::size_t kMostCgroupBytes = 64U << 10U;
constexpr std::size_t kUidLength = 36;

const Json* walk(const Json& object, std::initializer_list<const char*> path) {
  const Json* at = &object;
  for (const char* step : path) {
    const auto found = at->is_object() ? at->find(step) : at->end();
    if (!at->is_object() || found == at->end()) {
      return nullptr;
    }
    at = &*found;
  }
  return at;
}

std::string text(const Json& object, std::initializer_list<const char*> path) {
  const Json* at = walk(object, path);
  return at != nullptr && at->is_string() ? at->get<std::string>() : std::string();
}

PodRef pod_ref(const Json& pod) {
  PodRef out;
  out.name_space = text(pod, {"metadata", "namespace"});
  out.name = text(pod, {"metadata", "name"});
  out.uid = text(pod, {"metadata", "uid"});
  out.leaving = walk(pod, {"metadata", "deletionTimestamp"}) != nullptr;
  out.fixed = walk(pod, {"metadata", "annotations", "kubernetes.io/config.mirror"}) != nullptr;
  return out;
}

void add(InTheWay& to, PodRef pod) {
  const auto same = [&](const PodRef& other) { return other.uid == pod.uid; };
  if (std::none_of(to.pods.begin(), to.pods.end(), same)) {
    to.pods.push_back(std::move(pod));
  }
}

class Finder {
 public:
  Finder(ApiClient& api, const std::string& node, const PodOfProcess& pod_of)
      : api_(api), node_(node), pod_of_(pod_of) {}

  Result<void> add_blocker(const Blocker& blocker) {
    if (blocker.lease) {
      if (const auto uid = claim_of_key(blocker.lease->key)) {
        return add_claim(*uid, blocker.lease->job);
      }
    } else if (blocker.process) {
      MIG_ASSIGN_OR_RETURN(const bool known, add_process(*blocker.process));
      if (known) {
        return {};
      }
    }
    found.others.push_back(blocker.what);
    return {};
  }

  InTheWay found;

 private:
  // Pods on this node that have the claim. A claim that is gone, or that no pod has, is about to be
  // unprepared: its lease ends by itself.
  Result<void> add_claim(const std::string& uid, const std::string& job) {
    MIG_ASSIGN_OR_RETURN(const auto claim, find_claim(uid, job));
    const std::string name_space = claim ? text(*claim, {"metadata", "namespace"}) : "";
    const Json* reserved = claim ? walk(*claim, {"status", "reservedFor"}) : nullptr;
    bool any = false;
    for (const Json& user : reserved != nullptr ? *reserved : Json::array()) {
      if (text(user, {"resource"}) != "pods") {
        continue;
      }
      MIG_ASSIGN_OR_RETURN(const bool there,
                           add_pod(name_space, text(user, {"name"}), text(user, {"uid"})));
      any = any || there;
    }
    if (!any) {
      found.leaving.push_back("claim " + job);
    }
    return {};
  }

  // By its uid: anybody may call a job like somebody's claim, and a long name is cut in the job.
  Result<std::optional<Json>> find_claim(const std::string& uid, const std::string& job) {
    const auto is_it = [&](const Json& claim) { return text(claim, {"metadata", "uid"}) == uid; };
    if (const auto name = claim_of_job(job)) {
      auto claim = api_.get(claim_path(name->first, name->second));
      if (claim && is_it(*claim)) {
        return std::optional(*std::move(claim));
      }
      if (!claim && claim.error().code != ErrorCode::kNotFound) {
        return claim.error();
      }
    }
    MIG_ASSIGN_OR_RETURN(const Json all, api_.list("/apis/resource.k8s.io/v1/resourceclaims", ""));
    for (const Json& claim : all.at("items")) {
      if (is_it(claim)) {
        return std::optional(claim);
      }
    }
    return std::optional<Json>();
  }

  Result<bool> add_pod(const std::string& name_space,
                       const std::string& name,
                       const std::string& uid) {
    const auto pod = api_.get(fmt::format(
        "/api/v1/namespaces/{}/pods/{}", percent_encoded(name_space), percent_encoded(name)));
    if (!pod && pod.error().code != ErrorCode::kNotFound) {
      return pod.error();
    }
    if (!pod || text(*pod, {"metadata", "uid"}) != uid ||
        text(*pod, {"spec", "nodeName"}) != node_) {
      return false;
    }
    add(found, pod_ref(*pod));
    return true;
  }

  Result<bool> add_process(const Process& process) {
    const std::string uid = pod_of_ ? pod_of_(process.pid) : "";
    if (uid.empty()) {
      return false;
    }
    if (!pods_) {
      MIG_ASSIGN_OR_RETURN(
          pods_,
          api_.list("/api/v1/pods", "fieldSelector=" + percent_encoded("spec.nodeName=" + node_)));
    }
    for (const Json& pod : pods_->at("items")) {
      // A static pod's processes have the uid of its file, its mirror has it as an annotation.
      if (text(pod, {"metadata", "uid"}) == uid ||
          text(pod, {"metadata", "annotations", "kubernetes.io/config.mirror"}) == uid) {
        add(found, pod_ref(pod));
        return true;
      }
    }
    // Its pod is deleted, and the kubelet has not ended it yet.
    found.leaving.push_back(fmt::format("pid {} of a pod that is deleted ({})", process.pid, uid));
    return true;
  }

  ApiClient& api_;
  const std::string& node_;
  const PodOfProcess& pod_of_;
  std::optional<Json> pods_;  // of the node, once they are needed
};

}  // namespace

std::string pod_uid_of_cgroup(std::string_view text) {
  for (std::size_t at = text.find("pod"); at != std::string_view::npos;
       at = text.find("pod", at + 1)) {
    std::string uid(text.substr(at + 3, kUidLength));
    std::replace(uid.begin(), uid.end(), '_', '-');  // systemd's form
    bool fine = uid.size() == kUidLength;
    for (std::size_t i = 0; fine && i < kUidLength; ++i) {
      const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
      const bool digit = (uid[i] >= '0' && uid[i] <= '9') || (uid[i] >= 'a' && uid[i] <= 'f');
      fine = dash ? uid[i] == '-' : digit;
    }
    if (fine) {
      return uid;
    }
  }
  return {};
}

PodOfProcess pod_of_process(std::string proc) {
  return [proc = std::move(proc)](std::uint32_t pid) {
    const auto text = base::read_file(fmt::format("{}/{}/cgroup", proc, pid), kMostCgroupBytes);
    return text ? pod_uid_of_cgroup(*text) : std::string();
  };
}

std::optional<std::pair<std::string, std::string>> claim_of_job(const std::string& job) {
  const std::size_t slash = job.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == job.size() ||
      job.find('/', slash + 1) != std::string::npos) {
    return std::nullopt;
  }
  return std::pair(job.substr(0, slash), job.substr(slash + 1));
}

Result<InTheWay> in_the_way(ApiClient& api,
                            const std::string& node,
                            const Plan& plan,
                            const PodOfProcess& pod_of) {
  Finder finder(api, node, pod_of);
  for (const GpuPlan& gpu : plan.gpus) {
    for (const Blocker& blocker : gpu.blockers) {
      MIG_TRY(finder.add_blocker(blocker));
    }
  }
  return std::move(finder.found);
}

}  // namespace mig::kube
