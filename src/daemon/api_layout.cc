// SPDX-License-Identifier: Apache-2.0
#include "daemon/api_layout.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "service/change.h"
#include "service/driver_code.h"
#include "service/layouts.h"
#include "wire/layout_request.h"

namespace mig::daemon {
namespace {

// The name of what a client sends, in messages.
constexpr const char* kLayoutFile = "layout";

Result<Plan> planned(node::Node& node, const wire::LayoutRequest& asked) {
  MIG_ASSIGN_OR_RETURN(const Spec spec, service::parse_layouts(asked.layout, kLayoutFile));
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory(node::Age::fresh()));
  MIG_ASSIGN_OR_RETURN(const DesiredLayout desired,
                       service::resolve_layout(spec, asked.config, now));
  return node.plan(desired);
}

// The plan as it would be made now, where it is the one that was shown.
Result<Plan> as_shown(node::Node& node, const wire::LayoutRequest& asked) {
  MIG_ASSIGN_OR_RETURN(Plan plan, planned(node, asked));
  const wire::ShownPlan now = wire::shown_plan(plan);
  if (now.generation != asked.shown->generation || now.steps != asked.shown->steps) {
    return fail(ErrorCode::kConflict,
                "the machine has changed since the plan was made: another one would be carried out",
                "plan again, and look at it");
  }
  return plan;
}

Result<std::string> carried_out(node::Node& node,
                                const wire::LayoutRequest& asked,
                                const std::string& command,
                                const wire::Source& source) {
  service::Wish wish;
  wish.plan = [&asked](node::Node& on, bool /*around*/) { return as_shown(on, asked); };
  wish.saved_plan = true;
  service::ChangeOptions options;
  options.command = command;
  options.reason = asked.reason;
  service::ChangeObserver silent;
  MIG_ASSIGN_OR_RETURN(const service::Changed changed,
                       service::change(node, wish, options, silent));
  const node::ApplyResult result = changed.result.value_or(node::ApplyResult{});
  const std::string code = result.failure ? service::nvml_name(*result.failure) : std::string();
  return wire::apply_document(changed.plan, result, code, source);
}

}  // namespace

void LayoutApi::add_to(http::Router& router) {
  using http::Reply;
  using http::Request;
  router.add("GET", "/v1/me", {}, [this](const Request& request, const Reply& reply) {
    me(request, reply);
  });
  router.add("POST", "/v1/plan", {}, [this](const Request& request, const Reply& reply) {
    plan(request, reply);
  });
  router.add("POST", "/v1/apply", {}, [this](const Request& request, const Reply& reply) {
    apply(request, reply);
  });
}

void LayoutApi::me(const http::Request& request, const http::Reply& reply) {
  const auto tenant = api_.reader(request);
  if (!tenant) {
    return reply(refused(tenant.error()));
  }
  const service::Peer& peer = api_.peer_of(request);
  wire::Caller caller;
  caller.uid = peer.identity.uid;
  caller.user = peer.identity.user;
  caller.tenant = tenant->name;
  caller.role = name_of(tenant->role);
  caller.by_token = !request.token.empty();
  reply({200, wire::caller_document(caller, source_)});
}

void LayoutApi::plan(const http::Request& request, const http::Reply& reply) {
  // A plan names processes and leases of others.
  if (const auto tenant = api_.at_least(request, Role::kOperator, "a plan of the machine");
      !tenant) {
    return reply(refused(tenant.error()));
  }
  auto asked = wire::parse_layout_request(request.body, false);
  if (!asked) {
    return reply(refused(asked.error()));
  }
  api_.on_driver(
      "planning a layout",
      [asked = *std::move(asked), source = source_](node::Node& node) -> Result<std::string> {
        MIG_ASSIGN_OR_RETURN(const Plan plan, planned(node, asked));
        return wire::plan_document(plan, source);
      },
      [this, reply](const Result<std::string>& document) {
        reply(document ? http::Response{200, *document} : refused(document.error()));
      });
}

void LayoutApi::apply(const http::Request& request, const http::Reply& reply) {
  const auto tenant = api_.at_least(request, Role::kAdmin, "a change of the layout");
  if (!tenant) {
    return reply(refused(tenant.error()));
  }
  auto asked = wire::parse_layout_request(request.body, true);
  if (!asked) {
    return reply(refused(asked.error()));
  }
  if (applying_) {
    return reply(refused(Error{ErrorCode::kConflict,
                               "another change through the daemon is under way",
                               "try again when it is done",
                               {},
                               {}}));
  }
  applying_ = true;
  const std::string who = service::user_text(api_.peer_of(request).identity.uid);
  const std::string command =
      fmt::format("POST /v1/apply by {}{}", who, request.token.empty() ? "" : ", with a token");
  api_.on_driver(
      "changing the layout",
      [asked = *std::move(asked), command, source = source_](node::Node& node) {
        return carried_out(node, asked, command, source);
      },
      [this, reply](const Result<std::string>& document) {
        applying_ = false;
        reply(document ? http::Response{200, *document} : refused(document.error()));
      },
      std::nullopt);
}

}  // namespace mig::daemon
