// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/round.h"

#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/strings.h"
#include "kubernetes/node_config/names.h"
#include "kubernetes/node_config/wanted_config.h"

namespace mig::kube {
namespace {

using base::Json;

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(base::system_clock().wall()).count();
}

std::string config_map_name(const NodeConfigSettings& settings) {
  return settings.name_space + "/" + settings.config_map;
}

std::string in_words(const Error& error) {
  return error.hint.empty() ? error.text() : fmt::format("{}. {}", error.text(), error.hint);
}

}  // namespace

Round::Round(ApiClient& api, const NodeConfigSettings& settings, NodeConfigHooks hooks)
    : api_(api),
      settings_(settings),
      hooks_(std::move(hooks)),
      node_path_("/api/v1/nodes/" + percent_encoded(settings.node)) {}

void Round::log(const std::string& line) const {
  if (hooks_.log) {
    hooks_.log(line);
  }
}

Result<Round::Sight> Round::sight() {
  Sight out;
  out.now_s = seconds_now();
  MIG_ASSIGN_OR_RETURN(const Json node, api_.get(node_path_));
  out.seen.node = node_view(node);
  out.seen.node.drain = out.seen.node.drain || settings_.drain;
  out.seen.verified = verified_;
  if (out.seen.node.wanted.empty()) {
    return out;
  }
  const auto config_map = api_.get(fmt::format("/api/v1/namespaces/{}/configmaps/{}",
                                               percent_encoded(settings_.name_space),
                                               percent_encoded(settings_.config_map)));
  if (!config_map && config_map.error().code != ErrorCode::kNotFound) {
    return config_map.error();
  }
  const std::string name = config_map_name(settings_);
  if (config_map) {
    Result<std::string> text = config_text(*config_map, name);
    out.text = text.value_or("");
    out.config =
        text ? check_config(out.text, out.seen.node.wanted, name) : Result<void>(text.error());
  } else {
    out.config = fail(ErrorCode::kNotFound,
                      fmt::format("there is no ConfigMap {}", name),
                      "the label's layouts are read from its key config.yaml");
  }
  out.seen.wish = wish_of(out.seen.node.wanted, out.text, out.seen.node.drain);
  MIG_ASSIGN_OR_RETURN(const Json managers,
                       api_.list("/api/v1/pods",
                                 fmt::format("labelSelector={}&fieldSelector={}",
                                             percent_encoded(kMigManagerPods),
                                             percent_encoded("spec.nodeName=" + settings_.node))));
  out.seen.mig_manager = !managers.at("items").empty();
  return out;
}

Round::After Round::look() {
  const Result<Sight> sight = this->sight();
  if (!sight) {
    if (std::exchange(trouble_, sight.error().text()) != trouble_) {
      log(trouble_);
    }
    return After::kLater;
  }
  trouble_.clear();
  const Next next = next_of(sight->seen);
  if (next != Next::kRefuse) {
    refused_.clear();
  }
  switch (next) {
    case Next::kClear:
      return clear(*sight);
    case Next::kRefuse:
      return refuse(*sight);
    case Next::kBegin:
      return begin(*sight);
    case Next::kGoOn:
      return go_on(*sight);
    case Next::kVerify:
      return verify(*sight);
    case Next::kRest:
      break;
  }
  withhold({});
  return keep_labels(*sight);
}

Result<void> Round::patch_node(const Json& patch) {
  MIG_TRY(api_.patch(node_path_, patch));
  return {};
}

Round::After Round::clear(const Sight& /*sight*/) {
  withhold({});
  verified_ = false;
  const auto done = patch_node(clear_patch());
  log(done ? "the label nvidia.com/mig.config is gone: nothing is changed" : done.error().text());
  return done ? After::kAtOnce : After::kLater;
}

Round::After Round::refuse(const Sight& sight) {
  withhold({});
  const std::string why = refusal_of(sight.seen);
  if (std::exchange(refused_, why) != why) {
    event(sight, "MigConfigRefused", why, true);
  }
  return After::kAtRest;
}

Round::After Round::begin(const Sight& sight) {
  const NodeView& node = sight.seen.node;
  verified_ = false;
  const auto written = patch_node(note_patch({kPending, sight.seen.wish, "planning", sight.now_s}));
  if (!written) {
    log(written.error().text());
    return After::kLater;
  }
  event(sight, "MigConfigPending", fmt::format("config {} is being applied", node.wanted), false);
  return After::kAtOnce;
}

Elapsed Round::elapsed(const Sight& sight) const {
  const NodeView& node = sight.seen.node;
  // A clock that was set back does not make a flow endless: from the future counts as expired.
  const std::int64_t since = sight.now_s - node.since_s;
  return {since < 0 ? settings_.limits.whole_s : since, node.drain};
}

client::WantedLayout Round::wanted(const Sight& sight) const {
  const std::string& config = sight.seen.node.wanted;
  return {sight.text, config, fmt::format("node label {}={}", kConfigLabel, config)};
}

Round::After Round::go_on(const Sight& sight) {
  if (!sight.config) {
    return finish(sight, kFailed, in_words(sight.config.error()));
  }
  const Result<Plan> plan = hooks_.plan(wanted(sight));
  if (!plan) {
    return judged(sight, judge(plan.error(), elapsed(sight), settings_.limits));
  }
  return act(sight, *plan);
}

Round::After Round::act(const Sight& sight, const Plan& plan) {
  if (!plan.empty()) {
    withhold(vanishing_of(plan));
  }
  const Result<InTheWay> in_the_way = kube::in_the_way(api_, settings_.node, plan, hooks_.pod_of);
  if (!in_the_way) {
    return judged(sight, judge(in_the_way.error(), elapsed(sight), settings_.limits));
  }
  Judgement judgement = judge(plan, *in_the_way, elapsed(sight), settings_.limits);
  if (judgement.verdict == Verdict::kApply) {
    return apply(sight, plan);
  }
  if (judgement.verdict == Verdict::kEvict) {
    const std::string refused = evict(*in_the_way);
    judgement.message += refused.empty() ? "" : ": " + refused;
  }
  return judged(sight, judgement);
}

// A pod that was created in the meantime stands in the way of the daemon's own plan, or its claim
// does: nothing is harmed, and the next plan shows it.
Round::After Round::apply(const Sight& sight, const Plan& plan) {
  const auto answer = hooks_.apply(wanted(sight), plan);
  if (!answer) {
    return judged(sight, judge(answer.error(), elapsed(sight), settings_.limits));
  }
  if (answer->failure) {
    // Also "applied", but for a reset or a reboot of the GPU, which are the administrator's.
    return finish(
        sight, kFailed, fmt::format("{}: {}", answer->outcome, in_words(*answer->failure)));
  }
  // What was done is read back: a success is an empty plan.
  const auto left = hooks_.plan(wanted(sight));
  return left && left->empty() ? finish(sight, kSuccess, "applied") : After::kLater;
}

Round::After Round::judged(const Sight& sight, const Judgement& judgement) {
  switch (judgement.verdict) {
    case Verdict::kDone:
      return finish(sight, kSuccess, "applied");
    case Verdict::kFail:
      return finish(sight, kFailed, judgement.message);
    case Verdict::kApply:
    case Verdict::kEvict:
    case Verdict::kWait:
      break;
  }
  tell(sight, judgement.message);
  return After::kLater;
}

// Asks for all of them; returns why some stay for now.
std::string Round::evict(const InTheWay& in_the_way) {
  std::vector<std::string> refused;
  for (const PodRef& pod : in_the_way.pods) {
    if (pod.leaving) {
      continue;
    }
    if (const auto gone = api_.evict(pod.name_space, pod.name, pod.uid); !gone) {
      refused.push_back(gone.error().text());
    }
  }
  return base::join(refused, "; ");
}

Round::After Round::verify(const Sight& sight) {
  if (!sight.config) {
    verified_ = true;  // what was applied stays
    return After::kAtOnce;
  }
  const Result<Plan> plan = hooks_.plan(wanted(sight));
  if (!plan) {
    log(plan.error().text());
    return After::kLater;
  }
  verified_ = plan->empty();
  return verified_ ? After::kAtOnce : begin(sight);
}

// One patch: the state and the labels of what the node has now are never seen apart.
Round::After Round::finish(const Sight& sight, const char* state, const std::string& message) {
  const bool success = state == std::string_view(kSuccess);
  Json patch = note_patch({state, sight.seen.wish, message, sight.now_s});
  if (success && settings_.labels && hooks_.inventory) {
    if (const auto now = hooks_.inventory()) {
      add_labels(sight.seen.node, gfd_labels(*now, settings_.strategy), patch);
    }
  }
  if (const auto written = patch_node(patch); !written) {
    log(written.error().text());
    return After::kLater;
  }
  verified_ = success;
  withhold({});
  event(sight,
        success ? "MigConfigSuccess" : "MigConfigFailed",
        fmt::format("config {}: {}", sight.seen.node.wanted, message),
        !success);
  return After::kAtRest;
}

// After changes by others too: claims make and remove instances all day.
Round::After Round::keep_labels(const Sight& sight) {
  if (!settings_.labels || !hooks_.inventory) {
    return After::kAtRest;
  }
  const auto now = hooks_.inventory();
  if (!now) {
    return After::kAtRest;  // migd's return nudges
  }
  Json patch;
  if (!add_labels(sight.seen.node, gfd_labels(*now, settings_.strategy), patch)) {
    return After::kAtRest;
  }
  const auto written = patch_node(patch);
  if (!written) {
    log(written.error().text());
  }
  return written ? After::kAtRest : After::kLater;
}

void Round::tell(const Sight& sight, const std::string& words) {
  const std::string message = note_text(words);
  if (sight.seen.node.message == message) {
    return;
  }
  const auto written =
      patch_node({{"metadata", {{"annotations", {{kMessageAnnotation, message}}}}}});
  if (!written) {
    log(written.error().text());
    return;
  }
  event(sight, "MigConfigWaiting", message, false);
}

void Round::event(const Sight& sight,
                  const char* reason,
                  const std::string& message,
                  bool warning) {
  log(fmt::format("{}: {}", reason, message));
  const auto made = api_.create("/api/v1/namespaces/default/events",
                                node_event(sight.seen.node, reason, message, warning, sight.now_s));
  if (!made) {
    log(made.error().text());
  }
}

void Round::withhold(const std::vector<Vanishing>& places) {
  if (hooks_.withhold && places != withheld_) {
    hooks_.withhold(places);
  }
  withheld_ = places;
}

}  // namespace mig::kube
