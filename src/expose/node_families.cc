// SPDX-License-Identifier: Apache-2.0
// Families of the node: who collected, how it went, layout changes, the queue.
#include <array>

#include "expose/parts.h"

namespace mig::expose {
namespace {

// States in which a change ends; all are written, so that the first failure is an increase.
constexpr std::array<ChangeState, 4> kEnded{
    ChangeState::kApplied, ChangeState::kRolledBack, ChangeState::kStuck, ChangeState::kRecovered};

void add_collectors(Families& out, const MachineSample& sample, const LabelMaker& labels) {
  for (const CollectorHealth& collector : sample.collectors) {
    const Labels own = labels.ended(Labels().add("collector", collector.name));
    out.add("mig_collector_success",
            Type::kGauge,
            "1: this part of the last tick was read; 0: it was not, and its readings are absent.",
            own,
            collector.success ? 1 : 0);
    out.add("mig_collector_duration_seconds",
            Type::kGauge,
            "Time that this part of the last tick took.",
            own,
            collector.duration_seconds);
    out.add("mig_collector_last_success_timestamp_seconds",
            Type::kGauge,
            "Unix time of this part's last success.",
            own,
            collector.last_success_ms ? std::optional(seconds(*collector.last_success_ms))
                                      : std::nullopt);
  }
}

void add_changes(Families& out, const NodeFigures& figures, const LabelMaker& labels) {
  for (const ChangeState state : kEnded) {
    const auto count = figures.changes.find(state);
    out.add("mig_layout_changes_total",
            Type::kCounter,
            "Layout changes that have ended, by result.",
            labels.ended(Labels().add("result", mig::name_of(state))),
            count == figures.changes.end() ? 0 : static_cast<double>(count->second));
  }
  out.add("mig_layout_last_change_duration_seconds",
          Type::kGauge,
          "Duration of the last layout change that has ended.",
          labels.ended({}),
          figures.last_change_seconds);
  out.add("mig_layout_open_change_duration_seconds",
          Type::kGauge,
          "Time since the beginning of the layout change that is under way.",
          labels.ended({}),
          figures.open_change_seconds);
}

void add_queue(Families& out, const NodeFigures& figures, const LabelMaker& labels) {
  for (const NodeFigures::Waiting& waiting : figures.waiting) {
    const Labels own =
        labels.ended(Labels().add("tenant", waiting.tenant).add("profile", waiting.profile));
    out.add("mig_queue_requests",
            Type::kGauge,
            "Requests for instances that wait, by tenant and profile.",
            own,
            static_cast<double>(waiting.requests));
    out.add("mig_queue_oldest_request_timestamp_seconds",
            Type::kGauge,
            "Unix time since when the oldest of them waits.",
            own,
            seconds(waiting.since_ms));
  }
}

}  // namespace

void add_node(Families& out, const MachineSample& sample, const NodeFigures& figures) {
  const LabelMaker labels(sample.simulated);
  Labels build;
  build.add("version", figures.version);
  out.add("mig_exporter_info", Type::kInfo, "This program.", labels.ended(build), 1);
  Labels node;
  node.add("hostname", sample.hostname)
      .add("driver_version", sample.driver_version)
      .add("nvml_version", sample.nvml_version);
  if (sample.simulated) {
    node.add("simulated_machine", sample.simulated_machine);
  }
  out.add("mig_node_info", Type::kInfo, "The machine and its driver.", labels.ended(node), 1);
  out.add("mig_node_simulated",
          Type::kGauge,
          "1: the GPUs are simulated, and so is every figure here.",
          labels.ended({}),
          sample.simulated ? 1 : 0);
  Labels why;
  out.add("mig_readings_withdrawn",
          Type::kGauge,
          "1: the driver does not answer or is closed for a change; readings are absent meanwhile.",
          labels.ended({}),
          sample.withdrawn.empty() ? 0 : 1);
  if (!sample.withdrawn.empty()) {
    out.add("mig_readings_withdrawn_info",
            Type::kInfo,
            "Why readings are withdrawn.",
            labels.ended(why.add("reason", sample.withdrawn)),
            1);
  }
  out.add("mig_sampler_ticks_total",
          Type::kCounter,
          "Ticks of the sampler since it started.",
          labels.ended({}),
          static_cast<double>(sample.tick));
  out.add("mig_sampler_last_tick_timestamp_seconds",
          Type::kGauge,
          "Unix time of the end of the tick that this page shows.",
          labels.ended({}),
          seconds(sample.time_ms));
  out.add("mig_sampler_interval_seconds",
          Type::kGauge,
          "Interval that the ratios of this tick are of.",
          labels.ended({}),
          sample.interval_seconds);
  out.add("mig_gpus",
          Type::kGauge,
          "GPUs that are read.",
          labels.ended({}),
          sample.withdrawn.empty() ? std::optional(static_cast<double>(sample.gpus.size()))
                                   : std::nullopt);
  add_collectors(out, sample, labels);
  add_changes(out, figures, labels);
  add_queue(out, figures, labels);
}

}  // namespace mig::expose
