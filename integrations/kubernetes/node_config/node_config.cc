// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/node_config.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/json.h"
#include "kubernetes/node_config/names.h"
#include "kubernetes/node_config/node_view.h"
#include "kubernetes/node_config/round.h"
#include "kubernetes/node_config/wanted_config.h"

namespace mig::kube {
namespace {

constexpr std::chrono::seconds kPlanPatience{60};
// A change with resets takes minutes. migd goes on with what nobody waits for; the next plan waits
// for it.
constexpr std::chrono::minutes kApplyPatience{10};
// Without news: what no watch tells of (mig-manager's pod) is looked at this often.
constexpr std::chrono::minutes kLookAnyway{5};
constexpr int kMostDoublings = 10;

using Clock = std::chrono::steady_clock;

}  // namespace

void use_daemon(NodeConfigHooks& hooks, const std::string& socket) {
  hooks.plan = [socket](const client::WantedLayout& wanted) {
    return client::plan_layout(socket, wanted, kPlanPatience);
  };
  hooks.apply = [socket](const client::WantedLayout& wanted, const Plan& plan) {
    return client::apply_layout(socket, wanted, plan, kApplyPatience);
  };
}

struct NodeConfig::Impl {
  Impl(ApiClient& api, NodeConfigSettings with, NodeConfigHooks hooks)
      : settings(std::move(with)), round(api, settings, std::move(hooks)) {}

  void nudge() {
    const std::lock_guard lock(mutex);
    nudged = true;
    changed.notify_all();
  }

  void nudge_settled() {
    const std::lock_guard lock(mutex);
    if (!settled_at) {
      settled_at = Clock::now() + settings.settle;
      changed.notify_all();
    }
  }

  void run();
  void wait(std::chrono::milliseconds longest, bool for_news);
  WatchHandlers handlers(const std::string& what);

  const NodeConfigSettings settings;
  Round round;
  std::mutex mutex;
  std::condition_variable changed;
  bool nudged = true;                           // the first look
  std::optional<Clock::time_point> settled_at;  // when news of the machine is looked at
  bool stop = false;
  std::thread thread;
  std::unique_ptr<Watcher> node_watch, config_watch;
};

WatchHandlers NodeConfig::Impl::handlers(const std::string& what) {
  WatchHandlers out;
  out.on_list = [this](const std::vector<base::Json>&) { nudge(); };
  out.on_event = [this](const std::string&, const base::Json&) { nudge(); };
  out.on_state = [this, what](const std::string& trouble) {
    round.log(trouble.empty() ? what + ": the API server answers again" : what + ": " + trouble);
  };
  return out;
}

// What we wrote comes back as an event: while waiting for others (not `for_news`), the time decides
// alone.
void NodeConfig::Impl::wait(std::chrono::milliseconds longest, bool for_news) {
  const Clock::time_point end = Clock::now() + longest;
  std::unique_lock lock(mutex);
  while (!stop && !(for_news && nudged)) {
    const Clock::time_point until = for_news && settled_at ? std::min(end, *settled_at) : end;
    if (Clock::now() >= until) {
      return;
    }
    changed.wait_until(lock, until);
  }
}

void NodeConfig::Impl::run() {
  int doublings = 0;
  while (true) {
    {
      std::unique_lock lock(mutex);
      if (stop) {
        return;
      }
      nudged = false;
      settled_at.reset();
    }
    const Round::After after = round.look();
    doublings = after == Round::After::kLater ? std::min(doublings + 1, kMostDoublings) : 0;
    const std::chrono::milliseconds longest =
        after == Round::After::kAtOnce  ? std::chrono::milliseconds(0)
        : after == Round::After::kLater ? settings.look_again * doublings
                                        : std::chrono::milliseconds(kLookAnyway);
    wait(longest, after == Round::After::kAtRest);
  }
}

NodeConfig::NodeConfig(ApiClient& api, NodeConfigSettings settings, NodeConfigHooks hooks)
    : impl_(std::make_unique<Impl>(api, std::move(settings), std::move(hooks))) {
  const NodeConfigSettings& with = impl_->settings;
  impl_->thread = std::thread([this] { impl_->run(); });
  impl_->node_watch =
      std::make_unique<Watcher>(api,
                                "/api/v1/nodes",
                                "fieldSelector=" + percent_encoded("metadata.name=" + with.node),
                                impl_->handlers("node"),
                                with.pace);
  impl_->config_watch = std::make_unique<Watcher>(
      api,
      fmt::format("/api/v1/namespaces/{}/configmaps", percent_encoded(with.name_space)),
      "fieldSelector=" + percent_encoded("metadata.name=" + with.config_map),
      impl_->handlers("ConfigMap"),
      with.pace);
}

NodeConfig::~NodeConfig() {
  impl_->node_watch.reset();
  impl_->config_watch.reset();
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
    impl_->changed.notify_all();
  }
  impl_->thread.join();
}

void NodeConfig::nudge() {
  impl_->nudge_settled();
}

}  // namespace mig::kube
