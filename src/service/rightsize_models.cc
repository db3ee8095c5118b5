// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "advise/rightsize.h"
#include "base/strings.h"
#include "node/node.h"
#include "service/rightsize.h"
#include "service/rightsize_run.h"
#include "service/rightsize_stage.h"

namespace mig::service {
namespace {

using rightsize::How;
using rightsize::Run;
using rightsize::Size;

constexpr double kEnough = 0.8;
constexpr double kWarmUp = 60;

class Models {
 public:
  Models(node::Node& node, const ModelsRequest& request)
      : node_(node), request_(request), sizes_(rightsize::sizes_of(request.places.gpu)) {
    settings_ = {
        &node, &request.places, request.workload, node.simulated(), request.lease, request.stop};
  }

  Result<ModelsReport> run() {
    report_.board = request_.places.gpu.name;
    report_.simulated = node_.simulated();
    MIG_ASSIGN_OR_RETURN(const node::Versions versions, node_.versions());
    report_.driver_version = versions.driver;
    report_.batch = request_.batch;
    report_.precision = request_.precision;
    const auto& places = request_.places.at;
    for (auto place = places.rbegin(); place != places.rend() && !stopped(); ++place) {
      MIG_ASSIGN_OR_RETURN(RightsizeStage stage, RightsizeStage::on(settings_, *place));
      const std::string profile = place->profile.empty() ? whole_profile() : place->profile;
      MIG_TRY(run_all(stage, profile));
      MIG_TRY(stage.end());
    }
    if (places.back().profile.empty() && !stopped()) {
      MIG_TRY(run_limited(places.back()));
    }
    conclude();
    report_.stopped = stopped();
    return std::move(report_);
  }

 private:
  bool stopped() const { return request_.stop != nullptr && *request_.stop; }

  std::string whole_profile() const { return sizes_.empty() ? "" : sizes_.back().profile; }

  // MIG is off: as many multiprocessors as each profile has, by MPS.
  Result<void> run_limited(const RightsizePlace& place) {
    for (std::size_t i = sizes_.size(); i-- > 0 && !stopped();) {
      if (sizes_[i].share.sm >= 1) {
        continue;
      }
      auto stage = RightsizeStage::limited(settings_, place, sizes_[i].sm);
      if (!stage) {
        if (stage.error().code != ErrorCode::kNotSupported) {
          return std::move(stage).error();
        }
        report_.notes.push_back("smaller profiles were not run: " + stage.error().text());
        return {};
      }
      MIG_TRY(run_all(*stage, sizes_[i].profile));
    }
    report_.notes.emplace_back(
        "MIG is off: a profile's row has as many multiprocessors by MPS, with the whole GPU's "
        "memory and bandwidth; whether it fits follows from the peak memory");
    return {};
  }

  Result<void> run_all(const RightsizeStage& stage, const std::string& profile) {
    for (const std::string& model : request_.models) {
      if (stopped()) {
        return {};
      }
      Run run = stage.blank();
      request_.tell(fmt::format("{} on {}", model, run.place));
      MeasureRequest how;
      how.argv = {request_.workload,
                  "train",
                  "--model",
                  model,
                  "--precision",
                  request_.precision,
                  "--batch",
                  std::to_string(request_.batch),
                  "--seconds",
                  fmt::format("{:.2f}", request_.seconds),
                  "--json",
                  "--announce",
                  "--backend",
                  node_.simulated() ? "simulated" : "cuda"};
      how.seconds = 10 * request_.seconds;  // it ends by itself
      how.warm_up = kWarmUp;
      how.stop = request_.stop;
      stage.give(how);
      MIG_ASSIGN_OR_RETURN(Meter meter, stage.meter());
      MIG_TRY(measure(meter, how, run));
      report_.rows.push_back(row_of(model, profile, run));
    }
    return {};
  }

  ModelRow row_of(const std::string& model, const std::string& profile, const Run& run) const {
    ModelRow row;
    row.model = model;
    row.profile = profile;
    row.how = run.how;
    row.peak_memory_mib = run.peak_memory_mib;
    row.out_of_memory = run.out_of_memory;
    row.error = run.error;
    if (run.rate && run.rate->source == rightsize::RateSource::kWorkload) {
      row.samples_per_second = run.rate->per_second * request_.batch;
    }
    if (run.how == How::kInstance) {
      row.fits = run.out_of_memory   ? std::optional(false)
                 : row.error.empty() ? std::optional(true)
                                     : std::nullopt;
      return row;
    }
    const auto size = std::find_if(
        sizes_.begin(), sizes_.end(), [&](const Size& one) { return one.profile == profile; });
    if (size != sizes_.end() && run.peak_memory_mib) {
      row.fits = advise::holds(*size, *run.peak_memory_mib, kRightsizeMemoryMargin);
    }
    return row;
  }

  std::size_t order(const std::string& profile) const {
    return static_cast<std::size_t>(
        std::find_if(sizes_.begin(),
                     sizes_.end(),
                     [&](const Size& size) { return size.profile == profile; }) -
        sizes_.begin());
  }

  std::size_t order_of_model(const std::string& model) const {
    return static_cast<std::size_t>(
        std::find(request_.models.begin(), request_.models.end(), model) - request_.models.begin());
  }

  void conclude() {
    std::stable_sort(report_.rows.begin(), report_.rows.end(), [&](const auto& a, const auto& b) {
      return std::pair(order_of_model(a.model), order(a.profile)) <
             std::pair(order_of_model(b.model), order(b.profile));
    });
    for (const std::string& model : request_.models) {
      conclude(model);
    }
  }

  void conclude(const std::string& model) {
    std::vector<ModelRow*> rows;
    double fastest = 0;
    for (ModelRow& row : report_.rows) {
      if (row.model == model) {
        rows.push_back(&row);
        fastest = std::max(fastest, row.samples_per_second.value_or(0));
      }
    }
    std::string& minimum = report_.minimum[model];
    std::string& enough = report_.enough[model];
    for (ModelRow* row : rows) {
      if (row->samples_per_second && fastest > 0) {
        row->speed = *row->samples_per_second / fastest;
      }
      if (row->fits != true) {
        continue;
      }
      minimum = minimum.empty() ? row->profile : minimum;
      if (enough.empty() && row->speed.value_or(0) >= kEnough) {
        enough = row->profile;
      }
    }
  }

  node::Node& node_;
  const ModelsRequest& request_;
  std::vector<Size> sizes_;
  StageSettings settings_;
  ModelsReport report_;
};

}  // namespace

Result<ModelsReport> rightsize_models(node::Node& node, const ModelsRequest& request) {
  if (request.workload.empty() || request.places.at.empty()) {
    return fail(ErrorCode::kNotFound,
                "the models are mig-workload's, which is not there",
                "name it with --workload");
  }
  Models models(node, request);
  return models.run();
}

}  // namespace mig::service
