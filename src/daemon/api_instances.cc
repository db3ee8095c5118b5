// SPDX-License-Identifier: Apache-2.0
#include "daemon/api_instances.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "wire/instances.h"
#include "wire/machine.h"

namespace mig::daemon {
namespace {

// While another program changes the machine.
constexpr std::chrono::milliseconds kBetweenTries{50};

constexpr std::size_t kLongestWord = 180;

bool has_instance(const Inventory& now, const std::string& uuid) {
  const std::vector<Instance> all = instances_of(now);
  return std::any_of(
      all.begin(), all.end(), [&](const Instance& instance) { return instance.uuid == uuid; });
}

}  // namespace

void InstancesApi::add_to(http::Router& router) {
  using http::Reply;
  using http::Request;
  router.add("POST", "/v1/instances", {}, [this](const Request& request, const Reply& reply) {
    create(request, reply);
  });
  router.add("DELETE",
             "/v1/instances/{uuid}",
             {"key"},
             [this](const Request& request, const Reply& reply) { destroy(request, reply); });
  router.add("GET", "/v1/machine", {"version"}, [this](const Request& request, const Reply& reply) {
    machine(request, reply);
  });
}

std::string InstancesApi::key_of(const http::Request& request, const std::string& key) {
  return fmt::format("{}:{}", api_.peer_of(request).identity.uid, key);
}

std::string InstancesApi::command(const http::Request& request, const char* what) {
  return fmt::format("{} by {}{}",
                     what,
                     service::user_text(api_.peer_of(request).identity.uid),
                     request.token.empty() ? "" : ", with a token");
}

lease::LeaseRequest InstancesApi::lease_for(const PlacedRequest& asked, const std::string& key) {
  lease::LeaseRequest request;
  request.holder = lease::LeaseHolder::external(asked.key);
  request.job = asked.lease_job.value_or("");
  request.key = key;
  return request;
}

void InstancesApi::run(const std::shared_ptr<const Change>& change) {
  const auto again = std::make_shared<bool>(false);
  api_.on_driver(
      change->what,
      [once = change->once, again](node::Node& node) {
        Result<std::string> result = once(node, *again);
        if (*again) {
          node.forget();
        }
        return result;
      },
      [this, change, again](Result<std::string> result) {
        const bool given_up = (change->withdrawn && *change->withdrawn) ||
                              std::chrono::steady_clock::now() >= change->latest;
        if (result || !*again || given_up ||
            !api_.later(kBetweenTries, [this, change] { run(change); })) {
          change->done(std::move(result));
        }
      },
      std::nullopt);
}

std::shared_ptr<const bool> InstancesApi::begin_creation(const std::string& key) {
  // One that nobody else has is of a creation that is over.
  std::erase_if(creating_, [](const auto& one) { return one.second.use_count() == 1; });
  std::shared_ptr<bool>& withdrawn = creating_[key];
  withdrawn = withdrawn ? withdrawn : std::make_shared<bool>(false);
  return withdrawn;
}

void InstancesApi::withdraw_creations(const std::string& key) {
  if (const auto found = creating_.find(key); found != creating_.end()) {
    *found->second = true;
    creating_.erase(found);
  }
}

void InstancesApi::create(const http::Request& request, const http::Reply& reply) {
  const auto tenant = api_.at_least(request, Role::kAdmin, "an instance at a chosen placement");
  if (!tenant) {
    return reply(refused(tenant.error()));
  }
  auto asked = wire::parse_placed_request(request.body);
  if (!asked) {
    return reply(refused(asked.error()));
  }
  const service::Peer& peer = api_.peer_of(request);
  const std::string key = key_of(request, asked->key);
  // What the lease would be refused for in any case is refused before anything is made.
  if (asked->lease_job) {
    if (const auto may = desk_.may_lease(lease_for(*asked, key), peer); !may) {
      return reply(refused(may.error()));
    }
  }
  const MadeFor made_for{peer.identity.uid, tenant->name, 0, 0, key};
  const auto placed = std::make_shared<service::Placed>();
  run(Change{fmt::format("creating {} on {} at slot {}",
                         asked->profile.str(),
                         base::printable(asked->gpu_uuid),
                         asked->start),
             [placed, asked = *asked, made_for, command = command(request, "POST /v1/instances")](
                 node::Node& node, bool& again) -> Result<std::string> {
               MIG_ASSIGN_OR_RETURN(*placed,
                                    service::place_instance(node, asked, made_for, command, again));
               return std::string();
             },
             [this, request, reply, placed, asked = *asked](const Result<std::string>& done) {
               if (!done) {
                 return reply(refused(done.error()));
               }
               finish(request, asked, *placed, reply);
             },
             begin_creation(key)});
}

void InstancesApi::finish(const http::Request& request,
                          const PlacedRequest& asked,
                          service::Placed placed,
                          const http::Reply& reply) {
  if (asked.lease_job) {
    const std::string key = key_of(request, asked.key);
    const auto exists = [&](const std::string& uuid) { return has_instance(*placed.now, uuid); };
    lease::LeaseRequest wanted = lease_for(asked, key);
    wanted.need.uuid = placed.placed.instance.uuid;
    auto granted = desk_.grant_at_once(
        std::move(wanted), api_.peer_of(request), placed.placed.instance, placed.who, exists);
    if (!granted) {
      return undo(placed, key, std::move(granted).error(), reply);
    }
    placed.placed.lease = granted->id;
  }
  reply({200, wire::placed_instance_document(placed.placed, source_)});
  api_.soon(false);
}

void InstancesApi::undo(const service::Placed& placed,
                        const std::string& key,
                        Error why,
                        const http::Reply& reply) {
  if (!placed.fresh) {
    return reply(refused(why));
  }
  const std::string uuid = placed.placed.instance.uuid;
  run(Change{"destroying what could not be leased",
             [uuid, key](node::Node& node, bool& again) -> Result<std::string> {
               MIG_TRY(service::destroy_placed(
                   node, uuid, key, "DELETE /v1/instances: could not be leased", again));
               return std::string();
             },
             [this, reply, uuid, why = std::move(why)](const Result<std::string>& done) mutable {
               if (!done) {
                 why.message += fmt::format("; {} stays: {}", uuid, done.error().text());
               }
               reply(refused(why));
             }});
}

void InstancesApi::destroy(const http::Request& request, const http::Reply& reply) {
  const auto tenant = api_.at_least(request, Role::kAdmin, "destroying an instance");
  if (!tenant) {
    return reply(refused(tenant.error()));
  }
  const std::string uuid = request.values.at("uuid");
  const std::string* given = http::value_of(request, "key");
  if (uuid.size() > kLongestWord || (given != nullptr && given->size() > kLongestWord)) {
    return reply(
        refused(Error{ErrorCode::kTooLarge,
                      fmt::format("a UUID and a key have at most {} characters", kLongestWord),
                      {},
                      {},
                      {}}));
  }
  const auto key =
      given == nullptr ? std::nullopt : std::optional<std::string>(key_of(request, *given));
  if (key) {
    withdraw_creations(*key);
  }
  run(Change{"destroying " + base::printable(uuid),
             [uuid, key, command = command(request, "DELETE /v1/instances"), source = source_](
                 node::Node& node, bool& again) -> Result<std::string> {
               MIG_TRY(service::destroy_placed(node, uuid, key, command, again));
               return wire::destroyed_instance_document(uuid, source);
             },
             [this, reply](const Result<std::string>& document) {
               reply(document ? http::Response{200, *document} : refused(document.error()));
               api_.soon(false);
             }});
}

// All of the machine, profiles and placements too, for a program of this version that shares
// neither this one's namespaces nor its user: process ids are as seen here.
void InstancesApi::machine(const http::Request& request, const http::Reply& reply) {
  const auto tenant = api_.at_least(request, Role::kOperator, "the whole machine");
  if (!tenant) {
    return reply(refused(tenant.error()));
  }
  const std::string* version = http::value_of(request, "version");
  if (version == nullptr || *version != version_) {
    return reply(
        refused(Error{ErrorCode::kConflict,
                      fmt::format("the daemon is migctl {}, the program that asks is {}",
                                  version_,
                                  version == nullptr ? "of no version" : base::printable(*version)),
                      "use the same version of both; GET /v1/inventory is for all",
                      {},
                      {}}));
  }
  api_.on_driver(
      "reading the machine",
      [](node::Node& node) -> Result<std::string> {
        MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory(node::Age::fresh()));
        return wire::machine_document(now, wire::MachinePart::kAll);
      },
      [this, reply](const Result<std::string>& document) {
        reply(document ? http::Response{200, *document} : refused(document.error()));
      });
}

}  // namespace mig::daemon
