// SPDX-License-Identifier: Apache-2.0
#include "cli/top_source.h"

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/file_lock.h"
#include "base/proc_root.h"
#include "cli/driver.h"
#include "client/reading.h"
#include "client/sample.h"
#include "node/node.h"
#include "observe/sampler.h"
#include "service/layouts.h"

namespace mig::cli {
namespace {

using Milliseconds = std::chrono::milliseconds;

constexpr Milliseconds kFirstSample{10'000};  // opening a driver takes seconds on a real machine
constexpr Milliseconds kSecondSample{2500};   // the first with activity
constexpr Milliseconds kEnd{500};

// A sampler in this process, as the daemon has one: it closes the driver for changes of the machine
// (and between two samples, where boards need that), so that watching is in nobody's way.
class OwnSampler {
 public:
  OwnSampler(node::Node& node, bool once) : wanted_(once ? 2 : 1) {
    observe::SamplerOptions options;
    if (const auto session = node.shared_session()) {
      options.library = session->library_path();
    }
    options.proc_root = base::proc_root();
    options.machine.simulated = node.simulated();
    options.machine.simulated_machine = node.machine_name();
    if (const auto lock = node.places().writer_lock()) {
      changing_ = [path = *lock] { return base::FileLock::locked(path).value_or(false); };
    }
    options.changing = changing_;
    options.on_sample = [this](MachineSample sample, const observe::Accounts& /*accounts*/) {
      keep(std::move(sample));
    };
    sampler_ = observe::Sampler::start(std::move(options));
  }

  Result<MachineSample> sample() {
    if (changing_ && changing_()) {
      static_cast<void>(
          sampler_->let_go(static_cast<std::uint32_t>(::getpid()), Milliseconds::zero()));
    }
    if (auto withdrawn = sampler_->check()) {
      keep(*std::move(withdrawn));
    }
    std::unique_lock lock(mutex_);
    kept_.wait_for(lock, kFirstSample, [this] { return latest_.has_value(); });
    if (wanted_ > 1 && latest_ && latest_->withdrawn.empty()) {
      kept_.wait_for(lock, kSecondSample, [this] { return latest_->tick >= wanted_; });
      wanted_ = 1;
    }
    if (!latest_) {
      return fail(ErrorCode::kTimeout, "the driver has not answered for 10 s");
    }
    return *latest_;
  }

  bool end() { return sampler_->stop(kEnd); }

 private:
  void keep(MachineSample sample) {
    const std::lock_guard lock(mutex_);
    latest_ = std::move(sample);
    kept_.notify_all();
  }

  std::uint64_t wanted_;
  std::function<bool()> changing_;
  std::mutex mutex_;
  std::condition_variable kept_;
  std::optional<MachineSample> latest_;
  std::unique_ptr<observe::Sampler> sampler_;  // last: its thread uses the others
};

Result<std::vector<top::DesiredGpu>> desired_layouts(const client::Options& options) {
  auto node = client::warm_node(options, wire::MachinePart::kAll);
  if (!node) {
    MIG_ASSIGN_OR_RETURN(node, node::Node::open(options.choice));
  }
  MIG_ASSIGN_OR_RETURN(const Plan plan, node->plan_last_good());
  std::vector<top::DesiredGpu> out;
  for (const GpuPlan& gpu : plan.gpus) {
    out.push_back({gpu.uuid, gpu.after});
  }
  return out;
}

// As `migctl plan` does, by the daemon's reading where there is one.
Result<Plan> plan_of(const client::Options& options,
                     const std::string& file,
                     const std::optional<std::string>& config) {
  if (file == "-") {
    return fail(ErrorCode::kUsage, "standard input is the terminal", "name a file");
  }
  MIG_ASSIGN_OR_RETURN(const Spec spec, service::read_layouts(file));
  auto node = client::warm_node(options, wire::MachinePart::kAll);
  if (!node) {
    MIG_ASSIGN_OR_RETURN(node, node::Node::open(options.choice));
  }
  node->answers_from(node::Age::of_command());
  MIG_ASSIGN_OR_RETURN(const Inventory inventory, node->inventory());
  MIG_ASSIGN_OR_RETURN(const DesiredLayout desired,
                       service::resolve_layout(spec, config, inventory));
  return node->plan(desired);
}

bool nothing_to_end() {
  return true;
}

}  // namespace

Result<TopSource> top_source(Context& context, bool once) {
  client::Options options = client_options(context);
  options.on_note = {};  // standard error is the same terminal
  const auto desired = [options] { return desired_layouts(options); };
  const auto plan = [options](const std::string& file, const std::optional<std::string>& config) {
    return plan_of(options, file, config);
  };
  if (!options.direct && client::Readings(options).find() && client::sample(options)) {
    return TopSource{{[options] { return client::sample(options); }, plan, desired, "migd"},
                     nothing_to_end};
  }
  MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
  MIG_TRY(context.versions());
  const auto sampler = std::make_shared<OwnSampler>(*node, once);
  node->rest();
  return TopSource{{[sampler] { return sampler->sample(); }, plan, desired, "driver"},
                   [sampler] { return sampler->end(); }};
}

}  // namespace mig::cli
