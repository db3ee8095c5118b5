// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/publish/publisher.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/unix_time.h"
#include "kubernetes/api/watch.h"
#include "kubernetes/publish/pool_update.h"

namespace mig::kube {
namespace {

using base::Json;
using Clock = std::chrono::steady_clock;

constexpr const char* kAwayTaint = "mig.migctl.dev/unreachable";
// Of one round; where there are more, somebody else is at work.
constexpr std::size_t kMostEvents = 1000;

// Resource versions are numbers that grow, by the API's own rule.
std::uint64_t version_of(const Json& slice) {
  const auto metadata = slice.find("metadata");
  if (metadata == slice.end() || !metadata->is_object()) {
    return 0;
  }
  const auto version = metadata->find("resourceVersion");
  return version == metadata->end() || !version->is_string()
             ? 0
             : base::parse_decimal(version->get_ref<const std::string&>(), UINT64_MAX).value_or(0);
}

std::size_t count_devices(const std::vector<Json>& slices) {
  std::size_t devices = 0;
  for (const Json& slice : slices) {
    const auto spec = slice.find("spec");
    if (spec != slice.end() && spec->is_object() && spec->contains("devices")) {
      devices += (*spec)["devices"].size();
    }
  }
  return devices;
}

}  // namespace

struct Publisher::Impl {
  Impl(ApiClient& server, PublisherSettings given, PublisherSources from)
      : api(server),
        settings(std::move(given)),
        sources(std::move(from)),
        pool(slice_requests(server, settings.node)),
        thread([this] { run(); }),
        watcher(
            std::in_place,
            server,
            slices_path(),
            slices_query(settings.node),
            WatchHandlers{[this](const std::vector<Json>& all) { seen(all); },
                          [this](const std::string& type, const Json& slice) { seen(type, slice); },
                          {}}) {}

  ~Impl() {
    watcher.reset();  // no callback after this
    {
      const std::scoped_lock lock(mutex);
      stopping = true;
    }
    wake.notify_all();
    thread.join();
  }

  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  Impl(Impl&&) = delete;
  Impl& operator=(Impl&&) = delete;

  void run();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  Result<bool> round(bool other);
  Result<bool> round_without_machine(Error why);
  Result<void> find_owner();
  bool finish(const Result<bool>& result, bool other);
  void seen(const std::vector<Json>& all);
  void seen(const std::string& type, const Json& slice);
  bool as_published(const Json& slice) const;  // under `mutex`, as the next two
  bool is_news(bool deleted, const Json& slice) const;
  void look_at(bool deleted, const Json& slice);

  ApiClient& api;
  const PublisherSettings settings;
  const PublisherSources sources;

  // Of the thread alone.
  Pool pool;
  std::string node_uid;
  std::optional<Clock::time_point> away_since;
  std::chrono::milliseconds wait{0};     // back-off after failures; 0 = none
  std::chrono::milliseconds quarrel{0};  // the same, while somebody else undoes what is written

  mutable std::mutex mutex;
  std::condition_variable wake;
  bool stopping = false;
  bool due = true;
  bool by_other = true;  // what is due: somebody else wrote, or nobody knows
  Clock::time_point not_before = Clock::now();
  std::vector<Json> published;
  bool in_round = false;
  std::vector<std::pair<bool, Json>> meanwhile;  // seen in a round: (deleted, slice)
  PublisherState state;

  std::thread thread;
  std::optional<Watcher> watcher;
};

// False: to end.
bool Publisher::Impl::wait_for_work(std::unique_lock<std::mutex>& lock) {
  if (!wake.wait_for(lock, settings.period, [&] { return stopping || due; })) {
    by_other = true;
  }
  const Clock::time_point earliest = std::max(Clock::now() + settings.settle, not_before);
  wake.wait_until(lock, earliest, [&] { return stopping; });
  return !stopping;
}

void Publisher::Impl::run() {
  std::unique_lock lock(mutex);
  while (wait_for_work(lock)) {
    const bool other = std::exchange(by_other, false);
    due = false;
    not_before = Clock::now() + settings.least_pause;
    in_round = true;
    lock.unlock();
    const Result<bool> result = round(other);
    lock.lock();
    in_round = false;
    const bool news = finish(result, other);
    const std::string trouble = state.trouble;
    lock.unlock();
    if (news && sources.on_state) {
      sources.on_state(trouble);
    }
    lock.lock();
  }
}

// True when there is a trouble that is new, or none any more.
bool Publisher::Impl::finish(const Result<bool>& result, bool other) {
  const auto longer = [&](std::chrono::milliseconds before) {
    return std::clamp(before * 2, settings.first_wait, settings.longest_wait);
  };
  std::string trouble;
  if (result) {
    ++state.rounds;
    wait = std::chrono::milliseconds(0);
    quarrel = other && *result ? longer(quarrel) : std::chrono::milliseconds(0);
    not_before = std::max(not_before, Clock::now() + quarrel);
  } else {
    trouble = result.error().text();
    wait = longer(wait);
    not_before = Clock::now() + wait;
    due = by_other = true;
  }
  published = pool.published();
  for (const auto& [deleted, slice] : std::exchange(meanwhile, {})) {
    look_at(deleted, slice);
  }
  state.writes = pool.writes();
  state.devices = count_devices(published);
  return std::exchange(state.trouble, trouble) != trouble;
}

Result<void> Publisher::Impl::find_owner() {
  MIG_ASSIGN_OR_RETURN(const Json node, api.get("/api/v1/nodes/" + settings.node));
  const auto metadata = node.find("metadata");
  if (metadata == node.end() || !metadata->is_object() || !metadata->contains("uid") ||
      !(*metadata)["uid"].is_string()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("node {} has no uid", settings.node));
  }
  node_uid = (*metadata)["uid"].get<std::string>();
  return {};
}

Result<bool> Publisher::Impl::round(bool other) {
  // A node that was deleted and registered anew has another uid, and the garbage collector removes
  // what names the old one.
  if (other || node_uid.empty()) {
    MIG_TRY(find_owner());
  }
  auto machine = sources.inventory();
  if (!machine) {
    return round_without_machine(std::move(machine).error());
  }
  away_since.reset();
  SliceInput input;
  input.now = &*machine;
  input.node = settings.node;
  input.node_uid = node_uid;
  input.existing_only = settings.existing_only;
  input.held = sources.held ? sources.held() : std::map<std::string, bool>();
  if (sources.taints) {
    input.taints = sources.taints(*machine);
  }
  if (sources.pcie_roots) {
    input.pcie_roots = sources.pcie_roots(*machine);
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Json> wanted, resource_slices(input, 0));
  return pool.publish(wanted);
}

Result<bool> Publisher::Impl::round_without_machine(Error why) {
  if (!away_since) {
    away_since = Clock::now();
  }
  const auto away = Clock::now() - *away_since;
  if (settings.away_after > std::chrono::milliseconds(0) && away >= settings.away_after) {
    MIG_TRY(pool.publish_taint(kAwayTaint, base::unix_ms()));
  }
  return Error(std::move(why).in("cannot read the machine from migd; its ResourceSlices stay"));
}

bool Publisher::Impl::as_published(const Json& slice) const {
  return std::any_of(published.begin(), published.end(), [&](const Json& one) {
    return slice_name(one) == slice_name(slice) &&
           compare_slices(one, slice) == SliceDifference::kNone;
  });
}

// Own writes come back by the watch: before the write has returned, or after a later one. Neither
// is somebody else's, who would make the pauses grow while the layout changes often.
bool Publisher::Impl::is_news(bool deleted, const Json& slice) const {
  const auto own = std::find_if(published.begin(), published.end(), [&](const Json& one) {
    return slice_name(one) == slice_name(slice);
  });
  if (own == published.end()) {
    return !deleted;
  }
  return version_of(slice) >= version_of(*own) &&
         (deleted || compare_slices(*own, slice) != SliceDifference::kNone);
}

void Publisher::Impl::look_at(bool deleted, const Json& slice) {
  if (is_news(deleted, slice)) {
    due = by_other = true;
    wake.notify_all();
  }
}

void Publisher::Impl::seen(const std::vector<Json>& all) {
  const std::scoped_lock lock(mutex);
  const bool same =
      all.size() == published.size() &&
      std::all_of(all.begin(), all.end(), [&](const Json& slice) { return as_published(slice); });
  if (!same) {
    due = by_other = true;
    wake.notify_all();
  }
}

void Publisher::Impl::seen(const std::string& type, const Json& slice) {
  const std::scoped_lock lock(mutex);
  const bool deleted = type == "DELETED";
  if (!in_round) {
    look_at(deleted, slice);
  } else if (meanwhile.size() < kMostEvents) {
    meanwhile.emplace_back(deleted, slice);
  } else {
    due = by_other = true;
  }
}

Publisher::Publisher(ApiClient& api, PublisherSettings settings, PublisherSources sources)
    : impl_(std::make_unique<Impl>(api, std::move(settings), std::move(sources))) {}

Publisher::~Publisher() = default;

void Publisher::trigger() {
  const std::scoped_lock lock(impl_->mutex);
  impl_->due = true;
  impl_->wake.notify_all();
}

PublisherState Publisher::state() const {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->state;
}

Result<void> remove_slices(ApiClient& api, const std::string& node) {
  return Pool(slice_requests(api, node)).clear();
}

}  // namespace mig::kube
