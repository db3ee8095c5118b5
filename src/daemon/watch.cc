// SPDX-License-Identifier: Apache-2.0
#include "daemon/watch.h"

#include <unistd.h>

#include <climits>
#include <utility>

#include <fmt/format.h>

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "base/process_start.h"
#include "base/strings.h"
#include "daemon/api.h"
#include "observe/leases.h"
#include "wire/sample.h"

namespace mig::daemon {
namespace {

// A client that asks the daemon to let go waits a second.
constexpr std::chrono::milliseconds kLetGoPatience{800};
// Documents of one sample that are kept: one for each tenant that asks.
constexpr std::size_t kMostDocuments = 64;

constexpr std::chrono::seconds kTenantsKept{60};
constexpr std::int64_t kMostRows = 20'000;
constexpr std::int64_t kUsualRows = 5000;
constexpr std::int64_t kMsPerSecond = 1000;

struct HistoryAsked {
  store::HistoryQuery query;
  bool csv = false;
};

Error wrong_parameter(const std::string& name, const std::string& text, const std::string& hint) {
  return Error{ErrorCode::kUsage,
               fmt::format("the query parameter {} is {}", name, base::quoted(text)),
               hint,
               {},
               {}};
}

Result<std::int64_t> number_or(const http::Request& request,
                               const std::string& name,
                               std::int64_t otherwise,
                               std::int64_t most) {
  const std::string* text = http::value_of(request, name);
  if (text == nullptr) {
    return otherwise;
  }
  const auto number = base::parse_decimal(*text, static_cast<std::uint64_t>(most));
  if (!number) {
    return wrong_parameter(
        name, *text, fmt::format("a number from 0 to {} is expected, in plain decimal", most));
  }
  return static_cast<std::int64_t>(*number);
}

Result<HistoryAsked> history_query(const http::Request& request) {
  HistoryAsked out;
  const std::string* period = http::value_of(request, "period");
  const std::string word = period == nullptr ? "minute" : *period;
  if (word != "tick" && word != "minute" && word != "hour") {
    return wrong_parameter("period", word, "tick, minute or hour is expected");
  }
  out.query.period_s = word == "tick" ? 1 : word == "minute" ? 60 : 3600;
  constexpr std::int64_t kFarFuture = INT64_MAX / 2;
  MIG_ASSIGN_OR_RETURN(const std::int64_t from, number_or(request, "fromMs", 0, kFarFuture));
  MIG_ASSIGN_OR_RETURN(const std::int64_t until,
                       number_or(request, "untilMs", kFarFuture, kFarFuture));
  out.query.from_s = from / kMsPerSecond;
  out.query.until_s = (until + kMsPerSecond - 1) / kMsPerSecond;
  MIG_ASSIGN_OR_RETURN(out.query.limit, number_or(request, "limit", kUsualRows, kMostRows));
  if (const std::string* gpu = http::value_of(request, "gpu")) {
    out.query.gpu_uuid = *gpu;
  }
  if (http::value_of(request, "gpuInstance") != nullptr) {
    MIG_ASSIGN_OR_RETURN(out.query.gpu_instance, number_or(request, "gpuInstance", 0, UINT32_MAX));
  }
  const std::string* format = http::value_of(request, "format");
  if (format != nullptr && *format != "json" && *format != "csv") {
    return wrong_parameter("format", *format, "json or csv is expected");
  }
  out.csv = format != nullptr && *format == "csv";
  return out;
}

bool locked(const std::string& lock) {
  return base::FileLock::locked(lock).value_or(false);
}

}  // namespace

Watch::Watch(Api& api, service::LeaseDesk& desk, wire::Source source, WatchSettings settings)
    : api_(api), desk_(desk), source_(std::move(source)), settings_(std::move(settings)) {
  MachineSample first;
  first.simulated = source_.simulated;
  first.simulated_machine = source_.machine;
  first.withdrawn =
      settings_.off ? "the daemon does not sample (serve --sample off)" : "there is no reading yet";
  first.resting = true;
  latest_ = std::make_shared<const MachineSample>(std::move(first));
}

void Watch::add_to(http::Router& router) {
  router.add(
      "GET", "/v1/sample", {}, [this](const http::Request& request, const http::Reply& reply) {
        const auto text = document(request);
        reply(text ? http::Response{200, *text}
                   : http::refusal(text.error(), error_writer(source_)));
      });
  router.add(
      "GET",
      "/v1/history",
      {"period", "fromMs", "untilMs", "gpu", "gpuInstance", "limit", "format"},
      [this](const http::Request& request, const http::Reply& reply) { history(request, reply); });
}

void Watch::open_recorder(const node::Node& node) {
  recording_.name = "history";
  auto recorder = observe::Recorder::open(store::beside_journal(node.places().journal(), "watch"),
                                          base::boot_id(base::proc_root()));
  if (recorder) {
    recorder_ = *std::move(recorder);
  } else {
    recording_.error = recorder.error().text();
  }
}

void Watch::start(node::Node& node, const Post& post) {
  if (settings_.off) {
    return;
  }
  post_ = post;
  open_recorder(node);
  drift_.emplace(node.places().journal());
  layouts_.emplace(store::beside_journal(node.places().journal(), "layouts"));
  observe::SamplerOptions options;
  if (const auto session = node.shared_session()) {
    options.library = session->library_path();
  }
  options.interval = settings_.interval;
  options.dcgm = settings_.dcgm;
  options.proc_root = base::proc_root();
  options.machine = *latest_;
  if (recorder_) {
    options.accounts = recorder_->before();
  }
  if (const auto lock = node.places().writer_lock()) {
    options.changing = [path = *lock] { return locked(path); };
  }
  options.on_sample = [this](MachineSample sample, observe::Accounts accounts) {
    if (recorder_) {
      recorder_->keep(std::move(accounts));
    }
    post_([this, shared = std::make_shared<MachineSample>(std::move(sample))] {
      publish(std::move(*shared));
    });
  };
  sampler_ = observe::Sampler::start(std::move(options));
  node.before_reset([this] { let_go(static_cast<std::uint32_t>(::getpid())); });
  node.after_change("the sampler", [this](const node::AfterChange& change) -> Result<void> {
    sampler_->layout_changed(observe::vanished_instances(change.before, change.after));
    return {};
  });
}

void Watch::add_tenants(MachineSample& sample) {
  const auto now = std::chrono::steady_clock::now();
  if (now - tenants_read_ > kTenantsKept) {
    tenants_.clear();
    tenants_read_ = now;
  }
  for (GpuSample& gpu : sample.gpus) {
    for (ProcessSample& process : gpu.processes) {
      if (!process.uid) {
        continue;
      }
      auto known = tenants_.find(*process.uid);
      if (known == tenants_.end()) {
        const service::Peer peer = service::peer_of_user(*process.uid);
        known = tenants_.emplace(*process.uid, desk_.tenant_of(peer).name).first;
      }
      process.tenant = known->second;
    }
  }
}

void Watch::publish(MachineSample sample) {
  CollectorHealth joined;
  joined.name = "leases";
  joined.error = sample.withdrawn;
  if (sample.withdrawn.empty()) {
    if (const auto leases = desk_.list(service::Peer())) {
      observe::add_leases(sample, *leases);
      joined.success = true;
    } else {
      joined.error = leases.error().text();
    }
    if (const auto noted = drift_->note(sample); !noted) {
      joined.success = false;
      joined.error = noted.error().text();
    }
    add_tenants(sample);
  }
  if (joined.success) {
    joined.last_success_ms = sample.time_ms;
  }
  sample.collectors.push_back(std::move(joined));
  const Result<void> kept = layouts_ ? layouts_->note(sample) : Result<void>();
  if (recorder_) {
    recording_.error = kept ? recorder_->problem() : kept.error().text();
    recording_.success = recording_.error.empty();
    recording_.last_success_ms =
        recording_.success ? std::optional(sample.time_ms) : recording_.last_success_ms;
  }
  sample.collectors.push_back(recording_);
  latest_ = std::make_shared<const MachineSample>(std::move(sample));
  documents_.clear();
  if (recorder_ && latest_->withdrawn.empty()) {
    recorder_->record(latest_);
  }
  for (const auto& listener : listeners_) {
    listener(latest_);
  }
}

Result<std::string> Watch::document(const http::Request& request) {
  const service::Peer& peer = api_.peer_of(request);
  MIG_TRY(api_.may_look(peer));
  const Tenant tenant = desk_.tenant_of(peer);
  const std::string key = tenant.role >= Role::kOperator ? "" : tenant.name;
  if (const auto found = documents_.find(key); found != documents_.end()) {
    return found->second;
  }
  std::string text =
      wire::sample_document(key.empty() ? *latest_ : observe::seen_by(*latest_, key));
  if (documents_.size() < kMostDocuments) {
    documents_.emplace(key, text);
  }
  return text;
}

// The reply comes from the recorder's thread, by way of the daemon's. A tenant's own name is told,
// others' are not.
void Watch::history(const http::Request& request, const http::Reply& reply) {
  const auto refuse = [this, reply](const Error& error) {
    reply(http::refusal(error, error_writer(source_)));
  };
  const service::Peer& peer = api_.peer_of(request);
  if (const auto allowed = api_.may_look(peer); !allowed) {
    return refuse(allowed.error());
  }
  const auto asked = history_query(request);
  if (!asked) {
    return refuse(asked.error());
  }
  if (!recorder_) {
    return refuse(Error{ErrorCode::kNotSupported,
                        settings_.off ? "the daemon does not sample (serve --sample off)"
                                      : "there is no history: " + recording_.error,
                        {},
                        {},
                        {}});
  }
  const Tenant tenant = desk_.tenant_of(peer);
  const std::string own = tenant.role >= Role::kOperator ? "" : tenant.name;
  recorder_->history(
      asked->query, [this, reply, refuse, own, csv = asked->csv](observe::Recorder::Rows rows) {
        post_([this, reply, refuse, own, csv, rows = std::move(rows)]() mutable {
          if (!rows) {
            return refuse(rows.error());
          }
          for (SampleRow& row : *rows) {
            if (!own.empty() && row.tenant != own) {
              row.tenant.clear();
              row.job.clear();
            }
          }
          if (csv) {
            return reply({200, wire::sample_history_csv(*rows, source_), "text/csv", {}});
          }
          reply({200, wire::sample_history_document(*rows, source_)});
        });
      });
}

void Watch::check() {
  if (!sampler_) {
    return;
  }
  if (auto withdrawn = sampler_->check()) {
    publish(*std::move(withdrawn));
  }
}

std::string Watch::dcgm_trouble() const {
  for (const CollectorHealth& collector : latest_->collectors) {
    if (collector.name == "dcgm" && latest_->withdrawn.empty()) {
      return collector.error;
    }
  }
  return {};
}

void Watch::let_go(std::uint32_t pid) {
  if (sampler_) {
    static_cast<void>(sampler_->let_go(pid, kLetGoPatience));
  }
}

bool Watch::stop(std::chrono::milliseconds patience) {
  const bool ended = !sampler_ || sampler_->stop(patience);
  if (recorder_) {
    recorder_->stop();
  }
  return ended;
}

}  // namespace mig::daemon
