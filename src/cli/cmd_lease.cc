// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_inventory.h"
#include "cli/render_leases.h"
#include "cli/units.h"
#include "client/leased_run.h"

namespace mig::cli {
namespace {

class LeaseCommand final : public Command {
 public:
  CommandText text() const override {
    return {"lease",
            "Take, give back and list leases of MIG instances.",
            "acquire prints the UUID of an instance that is yours until its holder ends: the "
            "process --pid (default: the shell or program that calls), the unit --unit, or the "
            "time --for. All that is asked must hold; of several the smallest is taken. With "
            "--wait it stands in a queue: higher priority first, then the tenant that used least, "
            "then who came first. release ID gives back, list shows leases, queue who waits for "
            "what and why. Others than root go through the daemon (migctl serve), which knows "
            "them by the kernel's word and keeps to /etc/migctl/tenants.yaml. A leased instance "
            "is busy: no change of layout destroys it.",
            {"lease acquire --profile 2g.10gb",
             "lease acquire --memory 12GiB --sms 30 --wait 10m --for 2h --name a",
             "lease acquire --slot train-a --shared 4 --unit jupyter.service",
             "lease acquire --profile 3g.20gb --create --wait 30m",
             "lease list",
             "lease queue --json",
             "lease release 12"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNothingMatched,
             ErrorCode::kNotFound,
             ErrorCode::kPermission,
             ErrorCode::kInUse,
             ErrorCode::kNoCapacity,
             ErrorCode::kConflict,
             ErrorCode::kTimeout,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override {
    return {"acquire", "release", "list", "queue"};
  }

  void declare(Options& options) override {
    options.positional(
        {"acquire|release|list|queue [ID]", "", "what to do; release: which lease"}, words_, true);
    options.text({"-p,--profile", "PROFILE", "1g.5gb, 1c.3g.20gb: of the compute instance"},
                 profile_);
    options.text({"--memory", "SIZE", "at least so much memory: 12GiB, 10GB, 900MiB"}, memory_);
    options.number({"--sms", "N", "at least so many SMs"}, sms_);
    options.text({"--slot", "NAME", "the instance at this named place; see migctl slot"}, slot_);
    options.text({"--uuid", "UUID", "this instance: MIG-..."}, uuid_);
    options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu_);
    options.number({"--count", "N", "so many instances at once, or none (default: 1)"}, count_);
    options.number({"--shared", "N", "shared by up to N leases that say so (default: exclusive)"},
                   shared_);
    options.number({"--pid", "PID", "ends with this process (default: the caller of migctl)"},
                   pid_);
    options.text({"--unit", "UNIT", "ends with this systemd unit: jupyter.service"}, unit_);
    options.text({"--for,--time", "TIME", "ends after so long at the latest: 45m, 1h30m"}, limit_);
    options.text({"--user", "USER", "for this user, by name or number (admins only)"}, user_);
    options.text({"--name", "NAME", "a name for the job, for people"}, name_);
    options.text({"--priority", "N", "-100 to 100, higher first (default: 0)"}, priority_);
    options.text({"--wait", "TIME", "wait so long for one to come free (default: 0s)"}, wait_);
    options.flag({"--create", "", "make the instance from free slices when there is none"},
                 create_);
    options.flag(
        {"--preempt", "", "end leases of lower priority, where the tenants file gives that right"},
        preempt_);
    options.text(
        {"--grace", "TIME", "what this lease's own job gets when it has to end (default: 30s)"},
        grace_);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    const bool acquires = verb == "acquire";
    const bool releases = verb == "release";
    if (!acquires && !releases && verb != "list" && verb != "queue") {
      return fail(
          ErrorCode::kUsage,
          fmt::format("lease: {} is none of acquire, release, list, queue", base::quoted(verb)),
          "migctl lease --help shows how it is used");
    }
    if (words_.size() != (releases ? 2U : 1U)) {
      return fail(ErrorCode::kUsage,
                  releases ? std::string("lease release: one ID is expected")
                           : fmt::format("lease {}: nothing may follow", verb),
                  "migctl lease list shows the ids");
    }
    lease::LeaseRequest request;
    if (acquires) {
      MIG_TRY(fill(request));
    }
    std::optional<std::uint64_t> id;
    if (releases) {
      id = base::parse_decimal(words_[1], INT64_MAX);
      if (!id) {
        return fail(ErrorCode::kUsage,
                    fmt::format("lease release: {} is no id of a lease", base::quoted(words_[1])),
                    "migctl lease list shows the ids");
      }
    }
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         client::LeaseClient::open(client_options(context), open_node(context)));
    if (acquires) {
      return acquire(context, *leases, std::move(request));
    }
    if (releases) {
      return release(context, *leases, static_cast<std::int64_t>(*id));
    }
    return verb == "list" ? list(context, *leases) : queue(context, *leases);
  }

 private:
  Result<void> fill(lease::LeaseRequest& request) const {
    MIG_TRY(fill_need(request.need));
    request.count = count_.value_or(1);
    request.shared = shared_.value_or(1);
    if (pid_ && !unit_.empty()) {
      return fail(ErrorCode::kUsage, "lease acquire: --pid and --unit exclude each other");
    }
    if (!limit_.empty()) {
      MIG_ASSIGN_OR_RETURN(const auto limit, parse_duration("--for", limit_));
      request.limit_ms = limit.count();
    }
    if (!unit_.empty()) {
      request.holder = lease::LeaseHolder::of_unit(unit_);
    } else if (pid_ || limit_.empty()) {
      // 0: the program that calls, which is found where the leases are kept.
      request.holder = lease::LeaseHolder::process(pid_.value_or(0), 0);
    }
    request.job = name_;
    request.user = user_;
    if (!user_.empty() && !pid_ && unit_.empty() && limit_.empty()) {
      return fail(ErrorCode::kUsage,
                  "lease acquire: with --user nothing says when it ends",
                  "bind it to a process (--pid), a unit (--unit) or a time (--for 2h)");
    }
    MIG_ASSIGN_OR_RETURN(request.priority, parse_priority(priority_));
    if (!wait_.empty()) {
      MIG_ASSIGN_OR_RETURN(const auto wait, parse_duration("--wait", wait_));
      request.wait_ms = wait.count();
    }
    if (!grace_.empty()) {
      MIG_ASSIGN_OR_RETURN(const auto grace, parse_duration("--grace", grace_));
      request.grace_ms = grace.count();
    }
    request.create = create_;
    request.preempt = preempt_;
    if (preempt_ && wait_.empty()) {
      return fail(ErrorCode::kUsage,
                  "lease acquire: --preempt needs --wait: who is asked to go gets time for it",
                  "--preempt --wait 2m");
    }
    return {};
  }

  Result<void> fill_need(lease::Need& need) const {
    if (!profile_.empty()) {
      MIG_ASSIGN_OR_RETURN(need.profile, ProfileName::parse(profile_));
    }
    if (!memory_.empty()) {
      MIG_ASSIGN_OR_RETURN(need.min_memory_mib, parse_memory("--memory", memory_));
    }
    need.min_sm = sms_;
    need.slot = slot_;
    need.uuid = uuid_;
    need.gpu_uuid = gpu_;
    if (!slot_.empty() && !uuid_.empty()) {
      return fail(ErrorCode::kUsage, "lease acquire: --slot and --uuid exclude each other");
    }
    return {};
  }

  Result<int> acquire(Context& context,
                      client::LeaseClient& client,
                      lease::LeaseRequest request) const {
    Output& output = context.output();
    const auto on_wait = [&](const lease::QueueEntry& entry) {
      output.progress(fmt::format("migctl: place {}: {}\n", entry.position, entry.reason));
    };
    if (const std::string note = client::near_miss_note(client, request); !note.empty()) {
      output.progress("migctl: " + note + "\n");
    }
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer,
                         client.acquire(std::move(request), on_wait));
    if (context.globals().json) {
      output.result(wire::lease_grant_document(answer.leases, answer.source));
      return 0;
    }
    const std::string mark = simulated_mark(answer.source);
    for (const lease::Lease& lease : answer.leases) {
      output.result(lease.instance.uuid + "\n");
      output.progress(fmt::format("migctl: {}lease {}: {} on GPU {} gi={} ci={}, ends {}\n",
                                  mark.empty() ? "" : mark + ": ",
                                  lease.id,
                                  lease.instance.profile.str(),
                                  lease.instance.gpu.value,
                                  lease.instance.gpu_instance.value,
                                  lease.instance.compute_instance.value,
                                  ends_text(lease)));
    }
    return 0;
  }

  static Result<int> release(Context& context, client::LeaseClient& client, std::int64_t id) {
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer, client.release(id));
    if (context.globals().json && !answer.leases.empty()) {
      context.output().result(wire::lease_released_document(answer.leases.front(), answer.source));
    }
    return 0;
  }

  static Result<int> list(Context& context, client::LeaseClient& client) {
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer, client.list());
    context.output().result(context.globals().json
                                ? wire::lease_list_document(
                                      answer.leases, answer.unleased, answer.source, answer.others)
                                : leases_text(answer, context.output().paint()));
    return 0;
  }

  static Result<int> queue(Context& context, client::LeaseClient& client) {
    MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer answer, client.queue());
    context.output().result(context.globals().json ? wire::lease_queue_document(
                                                         answer.queue, answer.source, answer.others)
                                                   : queue_text(answer, context.output().paint()));
    return 0;
  }

  std::vector<std::string> words_;
  std::string profile_, memory_, slot_, uuid_, gpu_, unit_, limit_, name_, priority_, wait_, grace_,
      user_;
  std::optional<std::uint32_t> sms_, count_, shared_, pid_;
  bool create_ = false;
  bool preempt_ = false;
};

}  // namespace

std::unique_ptr<Command> make_lease() {
  return std::make_unique<LeaseCommand>();
}

}  // namespace mig::cli
