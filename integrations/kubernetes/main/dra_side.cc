// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/dra_side.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/core.h>

#include "base/strings.h"
#include "base/unix_time.h"
#include "kubernetes/main/pci_place.h"
#include "kubernetes/objects/allocation.h"
#include "kubernetes/objects/device_name.h"

namespace mig::kube {
namespace {

// Retried soon after something was repaired, or could not be; then only now and then: the kubelet
// itself gives claims back, save those whose objects were removed by force.
constexpr std::chrono::seconds kRepairSoon{15};
constexpr std::chrono::minutes kRepairAgain{5};
constexpr std::chrono::milliseconds kRepairLook{1000};
constexpr std::chrono::milliseconds kRegisteredLook{100};
constexpr std::int64_t kMsPerSecond = 1000;
// Of devices whose place a layout change is about.
constexpr std::string_view kReconfiguring = "mig.migctl.dev/reconfiguring";

// Errors that a lease or an instance of another claim, which may be gone, explains.
bool place_taken(ErrorCode code) {
  return code == ErrorCode::kInUse || code == ErrorCode::kConflict ||
         code == ErrorCode::kNoCapacity;
}

}  // namespace

bool allocated_here(const base::Json& claim, const std::string& pool) {
  static const base::Json::json_pointer kResults("/status/allocation/devices/results");
  if (!claim.contains(kResults)) {
    return false;
  }
  const base::Json& results = claim.at(kResults);
  return std::any_of(results.begin(), results.end(), [&](const base::Json& one) {
    return one.is_object() && one.contains("driver") && one["driver"] == std::string(kDriverName) &&
           one.contains("pool") && one["pool"] == pool;
  });
}

Result<std::set<std::string>> claim_uids(ApiClient& api, const std::string& pool) {
  MIG_ASSIGN_OR_RETURN(const base::Json list,
                       api.list("/apis/resource.k8s.io/v1/resourceclaims", ""));
  base::JsonProblem problem;
  std::set<std::string> uids;
  for (const base::Json& claim : list.at("items")) {  // which ApiClient::list always makes
    std::string uid = base::JsonReader(claim, "", problem).at("metadata").at("uid").text();
    if (allocated_here(claim, pool)) {
      uids.insert(std::move(uid));
    }
  }
  if (problem.any()) {
    // An incomplete list would make claims that exist look gone.
    return fail(ErrorCode::kInvalidInput, "the list of ResourceClaims: " + problem.text());
  }
  return uids;
}

std::chrono::milliseconds next_repair(std::chrono::milliseconds last, bool nothing, bool same) {
  const std::chrono::milliseconds soon = kRepairSoon;
  const std::chrono::milliseconds longest = kRepairAgain;
  if (nothing) {
    return longest;
  }
  return same ? std::clamp(2 * last, soon, longest) : soon;
}

std::vector<DeviceHealth> health_of(const std::vector<HeldDevice>& held,
                                    const std::map<std::string, std::vector<Taint>>& taints,
                                    const std::string& pool) {
  std::vector<DeviceHealth> states;
  std::set<std::string> seen;
  for (const auto& device : held) {
    if (device.device.empty() || !seen.insert(device.device).second) {
      continue;
    }
    DeviceHealth state{.pool = pool, .device = device.device};
    if (const auto at = taints.find(device.device); at != taints.end() && !at->second.empty()) {
      std::vector<std::string> words;
      for (const auto& taint : at->second) {
        words.push_back(taint.value.empty() ? taint.key : taint.key + "=" + taint.value);
        state.since_s = std::max(state.since_s, taint.since_ms / kMsPerSecond);
      }
      state.healthy = false;
      state.message = base::join(words, ", ");
    }
    states.push_back(std::move(state));
  }
  return states;
}

void taint_withheld(std::map<std::string, std::vector<Taint>>& taints,
                    const Inventory& now,
                    const std::vector<Vanishing>& places,
                    std::int64_t since_ms) {
  for (const Vanishing& place : places) {
    const Gpu* gpu = now.find_gpu(place.gpu_uuid);
    if (gpu == nullptr) {
      continue;
    }
    for (const GpuInstanceProfile& profile : gpu->profiles) {
      for (const Placement& at : profile.placements) {
        if (at.overlaps(place.placement)) {
          auto& of_device = taints[device_name(*gpu, profile.name, at.start)];
          const bool there = std::any_of(of_device.begin(), of_device.end(), [](const Taint& one) {
            return one.key == kReconfiguring;
          });
          if (!there) {
            of_device.push_back({std::string(kReconfiguring), "", "NoSchedule", since_ms});
          }
        }
      }
    }
  }
}

DraSide::DraSide(
    const Settings& settings, ClaimEngine& engine, ApiClient& api, Log& log, const Stop& stop)
    : settings_(settings),
      engine_(engine),
      api_(api),
      log_(log),
      stop_(stop),
      migd_(settings.migd_socket) {}

Result<std::unique_ptr<DraSide>> DraSide::start(
    const Settings& settings, ClaimEngine& engine, ApiClient& api, Log& log, const Stop& stop) {
  std::unique_ptr<DraSide> made(new DraSide(settings, engine, api, log, stop));
  MIG_ASSIGN_OR_RETURN(made->xids_, XidWatch::open(health_settings(settings), log));
  DraCalls calls;
  calls.prepare = [raw = made.get()](const ClaimRef& claim) { return raw->prepare(claim); };
  calls.unprepare = [raw = made.get()](const ClaimRef& claim) { return raw->unprepare(claim); };
  const std::string driver(kDriverName);
  MIG_ASSIGN_OR_RETURN(made->plugin_,
                       DraPlugin::start({.driver = driver,
                                         .plugin_folder = settings.plugins_dir + "/" + driver,
                                         .registry_folder = settings.registry_dir},
                                        calls,
                                        made->health_,
                                        log.tell()));
  made->xids_->watch_node(api, settings.node_name, [raw = made.get()] { raw->trigger(); });
  made->keeper_ = std::jthread([raw = made.get()] { raw->keep_repaired(); });
  return made;
}

DraSide::~DraSide() {
  if (keeper_.joinable()) {
    keeper_.join();  // `stop` was asked
  }
  if (xids_) {
    xids_->end();
  }
  plugin_.reset();
  publisher_.reset();
}

Result<std::vector<PreparedDevice>> DraSide::prepare(const ClaimRef& claim) {
  return again_.run(
      claim.uid,
      {.once = [&]() -> PrepareAgain::Prepared {
         MIG_ASSIGN_OR_RETURN(const base::Json object,
                              api_.get(claim_path(claim.name_space, claim.name)));
         MIG_ASSIGN_OR_RETURN(const auto devices,
                              parse_allocation(object.dump(), claim, settings_.node_name));
         auto prepared = engine_.prepare(claim, devices);
         if (!prepared && place_taken(prepared.error().code)) {
           repair_wanted_ = true;
         }
         trigger();  // also after a failure: the machine may not be what was published
         return prepared;
       },
       .pause = [&](std::chrono::milliseconds pause) { return stop_.wait(pause); },
       .on_again =
           [&](const Error& why) {
             log_.say(Weight::kInfo,
                      fmt::format("prepare claim {} again: {}", claim.str(), why.text()));
           }});
}

Result<void> DraSide::unprepare(const ClaimRef& claim) {
  again_.give_up(claim.uid);
  auto done = engine_.unprepare(claim);
  trigger();
  return done;
}

void DraSide::publish() {
  PublisherSources sources;
  sources.inventory = [this] { return engine_.read_machine(); };
  sources.held = [this] {
    std::map<std::string, bool> held;
    for (const auto& device : engine_.held()) {
      held[device.device] = device.made;
    }
    return held;
  };
  sources.taints = [this](const Inventory& now) {
    auto taints = xids_->taints(now);
    health_.set(health_of(engine_.held(), taints, settings_.node_name));
    const std::lock_guard lock(mutex_);
    taint_withheld(taints, now, withheld_, withheld_since_ms_);
    return taints;
  };
  sources.pcie_roots = [](const Inventory& now) {
    std::map<std::string, std::string> roots;
    for (const Gpu& gpu : now.gpus) {
      if (std::string root = pcie_root("/sys", gpu.pci_bus_id); !root.empty()) {
        roots[gpu.uuid] = std::move(root);
      }
    }
    return roots;
  };
  sources.on_state = [this](const std::string& trouble) { log_.state("ResourceSlices", trouble); };
  auto publisher =
      std::make_unique<Publisher>(api_,
                                  PublisherSettings{.node = settings_.node_name,
                                                    .existing_only = settings_.offer == "existing"},
                                  std::move(sources));
  const std::lock_guard lock(publisher_mutex_);
  publisher_ = std::move(publisher);
}

void DraSide::withhold(std::vector<Vanishing> places) {
  {
    const std::lock_guard lock(mutex_);
    withheld_ = std::move(places);
    withheld_since_ms_ = base::unix_ms();
  }
  trigger();
}

void DraSide::event(const base::Json& event) {
  xids_->event(event);
  trigger();
}

void DraSide::reset() {
  xids_->reset(migd_);
  trigger();
}

void DraSide::trigger() {
  const std::lock_guard lock(publisher_mutex_);
  if (publisher_) {
    publisher_->trigger();
  }
}

// The devices are published once the kubelet knows the plugin: a pod that comes earlier is refused
// by the kubelet, which then waits for more than a minute. Slices of an earlier run stay meanwhile.
void DraSide::publish_when_registered() {
  while (!plugin_->trouble().empty()) {
    if (stop_.wait(kRegisteredLook)) {
      return;
    }
  }
  publish();
}

// The pause between two repairs; false when the program ends. A claim whose place is taken may be
// kept from it by one that is gone, which is then looked for at once.
bool DraSide::rest(std::chrono::milliseconds wait) {
  const auto begun = std::chrono::steady_clock::now();
  while (!stop_.asked()) {
    const auto rested = std::chrono::steady_clock::now() - begun;
    if (rested >= wait || (repair_wanted_ && rested >= kRepairSoon)) {
      repair_wanted_ = false;
      return true;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(wait - rested);
    (void)stop_.wait(std::min(left, kRepairLook));
  }
  return false;
}

void DraSide::keep_repaired() {
  std::chrono::milliseconds wait{0};
  std::vector<std::string> said;
  bool published = false;
  while (rest(wait)) {
    const auto lines = engine_.reconcile([this] { return claim_uids(api_, settings_.node_name); });
    log_.state("claims of the past", lines ? "" : lines.error().text());
    std::vector<std::string> now;
    if (lines) {
      now = *lines;
    } else {
      now.push_back(lines.error().text());
    }
    for (const auto& line : now) {
      if (lines && std::find(said.begin(), said.end(), line) == said.end()) {
        log_.say(Weight::kInfo, line);
      }
    }
    if (!published) {
      publish_when_registered();
      published = true;
    }
    wait = next_repair(wait, now.empty(), now == said);
    said = std::move(now);
  }
}

std::string DraSide::trouble() const {
  if (std::string trouble = plugin_->trouble(); !trouble.empty()) {
    return trouble;
  }
  const std::lock_guard lock(publisher_mutex_);
  const PublisherState state = publisher_ ? publisher_->state() : PublisherState{};
  if (!state.trouble.empty()) {
    return "ResourceSlices: " + state.trouble;
  }
  return state.rounds == 0 ? "the devices are not published yet" : "";
}

}  // namespace mig::kube
