// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/publish/health.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/unix_time.h"

namespace mig::kube {
namespace {

using base::Json;
using base::JsonProblem;
using base::JsonReader;

constexpr std::size_t kMostBytes = 4U << 20U;
constexpr std::size_t kMostPending = 10'000;
constexpr std::size_t kMostSeen = 10'000;
constexpr std::uint64_t kVersion = 2;
constexpr std::size_t kMostClearances = 1000;
constexpr unsigned kOnlyOwner = 0600;
constexpr const char* kAnnotation = "mig.migctl.dev/health-cleared";

std::optional<std::int64_t> time_of(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    return std::nullopt;
  }
  constexpr std::int64_t kMsPerSecond = 1000;
  return static_cast<std::int64_t>(::timegm(&parts)) * kMsPerSecond;
}

std::string key_of(const XidNews& news) {
  return fmt::format("{}/{}/{}",
                     news.gpu_uuid,
                     news.gpu_instance ? std::to_string(*news.gpu_instance) : "",
                     news.xid);
}

// A whole number from 0 to `most`.
std::optional<std::uint64_t> number(const Json* value, std::uint64_t most) {
  if (value == nullptr || !value->is_number_integer() ||
      (!value->is_number_unsigned() && value->get<std::int64_t>() < 0)) {
    return std::nullopt;
  }
  const auto amount = value->get<std::uint64_t>();
  return amount <= most ? std::optional(amount) : std::nullopt;
}

const Json* member(const Json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return !object.is_object() || found == object.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<Clearance>> parse_clearances(const std::string& annotation) {
  std::vector<Clearance> all;
  for (const std::string& word : base::split(annotation, ',')) {
    const std::size_t equal = word.find('=');
    const bool named = equal != std::string::npos;
    const auto until = time_of(named ? word.substr(equal + 1) : word);
    if (!until || (named && equal == 0) || all.size() == kMostClearances) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("annotation {} of the node: {} is neither a time nor DEVICE=TIME",
                              kAnnotation,
                              base::quoted(word)),
                  "a time is written 2026-11-29T23:00:00Z");
    }
    all.push_back({named ? word.substr(0, equal) : std::string(), *until});
  }
  return all;
}

std::vector<XidNews> xids_of(const MachineSample& sample) {
  std::vector<XidNews> all;
  for (const GpuSample& gpu : sample.gpus) {
    for (const XidCount& xid : gpu.xids) {
      XidNews news{gpu.uuid, std::nullopt, xid.xid, xid.last_ms};
      if (xid.gpu_instance) {
        news.gpu_instance = xid.gpu_instance->value;
      }
      all.push_back(std::move(news));
    }
  }
  std::sort(all.begin(), all.end(), [](const XidNews& a, const XidNews& b) {
    return a.time_ms < b.time_ms;
  });
  return all;
}

Result<std::unique_ptr<Health>> Health::open(HealthSettings settings) {
  std::unique_ptr<Health> health(new Health(std::move(settings)));
  const std::string& path = health->settings_.state_file;
  auto text = base::read_file(path, kMostBytes);
  if (!text && text.error().code == ErrorCode::kNotFound) {
    return health;
  }
  MIG_TRY(text);
  MIG_ASSIGN_OR_RETURN(const Json json, base::parse_json(*text, {kMostBytes, path}));
  JsonProblem problem;
  const JsonReader reader(json, "", problem);
  reader.only({"version", "bootId", "seen", "records"});
  const std::uint64_t version = reader.at("version").number();
  const std::string boot = reader.at("bootId").text();
  std::map<std::string, std::int64_t> seen;
  for (const JsonReader& one : reader.at("seen").elements()) {
    one.only({"xid", "lastMs"});
    seen[one.at("xid").text()] = one.at("lastMs").clamped(0, 1LL << 53);
  }
  reader.at("records");
  if (!problem.any() && version != kVersion) {
    problem.report("version", fmt::format("{} is expected", kVersion));
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: {}", path, problem.text()),
                "remove the file: devices then count as healthy until the next Xid");
  }
  if (boot == health->settings_.boot_id) {
    auto book = HealthBook::parse(json["records"]);
    if (!book) {
      return Error(std::move(book).error().in(path));
    }
    health->book_ = *std::move(book);
    health->seen_ = std::move(seen);
  }
  return health;
}

bool Health::note(const Json& event) {
  constexpr std::uint64_t kLatest = 1ULL << 53U;
  const Json* type = member(event, "type");
  const Json* gpu = member(event, "gpuUuid");
  const auto xid = number(member(event, "xid"), std::numeric_limits<std::uint32_t>::max());
  if (type == nullptr || *type != "xid" || gpu == nullptr || !gpu->is_string() || !xid) {
    return false;
  }
  XidNews news{gpu->get<std::string>(), std::nullopt, *xid, 0};
  if (const auto instance =
          number(member(event, "gpuInstance"), std::numeric_limits<std::uint32_t>::max())) {
    news.gpu_instance = static_cast<std::uint32_t>(*instance);
  }
  news.time_ms = static_cast<std::int64_t>(number(member(event, "timeMs"), kLatest).value_or(0));
  note(std::vector{news});
  return true;
}

void Health::note(const std::vector<XidNews>& news) {
  const std::scoped_lock lock(mutex_);
  for (const XidNews& one : news) {
    if (pending_.size() < kMostPending) {
      pending_.push_back(one);
    }
  }
}

std::map<std::string, std::vector<Taint>> Health::taints(const Inventory& now) {
  const std::scoped_lock lock(mutex_);
  bool changed = book_.settle(now);
  for (const XidNews& news : std::exchange(pending_, {})) {
    changed = look_at(news, now) || changed;
  }
  if (changed || !trouble_.empty()) {
    keep();
  }
  return book_.taints(now, settings_.effect, settings_.ignored);
}

// An Xid comes by its event and again in a sample: it must not come back after it was cleared. One
// that is older than the last of its kind is told late, unless that one is of a time that is still
// to come: then the clock was set back.
bool Health::look_at(const XidNews& news, const Inventory& now) {
  const auto [last, first] = seen_.try_emplace(key_of(news), news.time_ms);
  if (!first) {
    const bool late =
        news.time_ms < last->second && last->second <= base::unix_ms(*settings_.clock);
    if (news.time_ms == last->second || late) {
      return false;
    }
    last->second = news.time_ms;
  }
  if (seen_.size() > kMostSeen) {
    seen_.erase(std::min_element(seen_.begin(), seen_.end(), [](const auto& a, const auto& b) {
      return a.second < b.second;
    }));
  }
  book_.note(news, now);
  return true;
}

bool Health::clear(const std::string& device, std::int64_t until_ms) {
  const std::scoped_lock lock(mutex_);
  const bool cleared = book_.clear(device, until_ms);
  if (cleared) {
    keep();
  }
  return cleared;
}

bool Health::clear_by(const Json& node) {
  const Json* metadata = member(node, "metadata");
  const Json* annotations = metadata == nullptr ? nullptr : member(*metadata, "annotations");
  const Json* text = annotations == nullptr ? nullptr : member(*annotations, kAnnotation);
  const bool given = text != nullptr && text->is_string();
  const auto clearances =
      given ? parse_clearances(text->get<std::string>()) : std::vector<Clearance>();
  {
    const std::scoped_lock lock(mutex_);
    annotation_trouble_ = clearances ? "" : clearances.error().text();
  }
  if (!clearances) {
    return false;
  }
  bool any = false;
  for (const Clearance& one : *clearances) {
    any = clear(one.device, one.until_ms) || any;
  }
  return any;
}

std::vector<HealthRecord> Health::records() const {
  const std::scoped_lock lock(mutex_);
  return book_.records();
}

std::string Health::trouble() const {
  const std::scoped_lock lock(mutex_);
  return trouble_.empty() ? annotation_trouble_ : trouble_;
}

// Under the lock.
void Health::keep() {
  Json seen = Json::array();
  for (const auto& [xid, last_ms] : seen_) {
    seen.push_back({{"xid", xid}, {"lastMs", last_ms}});
  }
  const Json json = {{"version", kVersion},
                     {"bootId", settings_.boot_id},
                     {"seen", std::move(seen)},
                     {"records", book_.json()}};
  const auto written =
      base::write_file_atomic(settings_.state_file,
                              json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n",
                              kOnlyOwner);
  trouble_ = written ? "" : written.error().text();
}

}  // namespace mig::kube
