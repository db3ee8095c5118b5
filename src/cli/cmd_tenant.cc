// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_leases.h"
#include "service/lease_desk.h"
#include "service/tenants_check.h"

namespace mig::cli {
namespace {

class TenantCommand final : public Command {
 public:
  CommandText text() const override {
    return {"tenant",
            "Show tenants: what they may have and what they use; check their file.",
            "list shows each with its use and quota, show NAME all there is to know of one "
            "(default: your own). A tenant sees itself; operators and admins see all. check FILE "
            "says whether a tenants file is right, whether the system knows everybody in it, and, "
            "to root, what it would change of what the running daemon has. reload has the daemon "
            "read its file again (admins; as SIGHUP): leases keep what they have, and a file that "
            "is not right changes nothing. The file is /etc/migctl/tenants.yaml; without it each "
            "user is a tenant of its own, without limits.",
            {"tenant list",
             "tenant show team-a",
             "tenant list --json",
             "tenant check ./tenants.yaml",
             "tenant reload"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kPermission,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override {
    return {"list", "show", "check", "reload"};
  }

  void declare(Options& options) override {
    options.positional({"list|show [NAME]|check [FILE]|reload",
                        "",
                        "what to do, and of which tenant or with which file"},
                       words_,
                       true);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    const bool named = verb == "show" || verb == "check";
    const auto verbs = first_words();
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end() ||
        words_.size() > (named ? 2U : 1U)) {
      return fail(ErrorCode::kUsage,
                  "tenant: list, show [NAME], check [FILE], or reload is expected",
                  "migctl tenant --help shows how it is used");
    }
    if (verb == "check") {
      return check(context);
    }
    MIG_ASSIGN_OR_RETURN(wire::LeaseAnswer answer,
                         verb == "reload" ? reload(context) : tenants(context));
    if (verb == "show") {
      MIG_TRY(keep_one(answer));
    }
    if (context.globals().json) {
      context.output().result(
          wire::tenant_list_document(answer.tenants, answer.site, answer.source, answer.others));
    } else if (verb == "show") {
      context.output().result(tenant_text(answer.tenants.front()));
    } else {
      context.output().result(tenants_text(answer, context.output().paint()));
    }
    return 0;
  }

 private:
  static Result<wire::LeaseAnswer> tenants(Context& context) {
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         client::LeaseClient::open(client_options(context), open_node(context)));
    return leases->tenants();
  }

  static Result<wire::LeaseAnswer> reload(Context& context) {
    const auto daemon = client::LeaseClient::of_daemon(client_options(context));
    if (daemon == nullptr) {
      return fail(ErrorCode::kNotFound,
                  "no daemon runs that would have to read the tenants file again",
                  "without one every command reads the file itself");
    }
    return daemon->reload();
  }

  // What a file would change of what the daemon has; nullopt: no daemon, or it does not tell.
  static std::optional<std::vector<std::string>> changes(Context& context, const Tenants& next) {
    const auto daemon = client::LeaseClient::of_daemon(client_options(context));
    if (daemon == nullptr) {
      return std::nullopt;
    }
    const auto answer = daemon->tenants();
    if (!answer || !answer->site) {
      return std::nullopt;
    }
    Tenants now = *answer->site;
    for (const TenantUse& use : answer->tenants) {
      now.tenants.push_back(use.tenant);
    }
    return service::tenant_differences(now, next);
  }

  Result<int> check(Context& context) const {
    MIG_ASSIGN_OR_RETURN(const service::CheckedTenants checked,
                         service::check_tenants(words_.size() == 2 ? words_[1] : ""));
    if (!checked.tenants.from_file) {
      return service::no_tenants_file(checked.file);
    }
    for (const Error& error : checked.unknown) {
      context.output().progress(fmt::format("migctl: {}\n", error.message));
    }
    if (!checked.unknown.empty()) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("{}: {} that this system does not know: a reload would be refused",
                              checked.file,
                              base::counted(checked.unknown.size(), "name")),
                  checked.unknown.front().hint);
    }
    const auto lines = changes(context, checked.tenants);
    if (context.globals().json) {
      context.output().result(wire::tenant_check_document(
          checked.file, checked.tenants.tenants.size(), lines, context.source_or_default()));
      return 0;
    }
    std::string text = fmt::format(
        "{} is right: {}\n", checked.file, base::counted(checked.tenants.tenants.size(), "tenant"));
    text += site_text(checked.tenants);
    if (!lines) {
      text += "what it changes is not known: no daemon that tells it\n";
    } else if (lines->empty()) {
      text += "the running daemon has the same\n";
    } else {
      text += "of what the running daemon has it changes:\n";
      for (const std::string& line : *lines) {
        text += "  " + line + "\n";
      }
    }
    context.output().result(text);
    return 0;
  }

  Result<void> keep_one(wire::LeaseAnswer& answer) const {
    auto& all = answer.tenants;
    if (words_.size() < 2 && all.size() == 1) {
      return {};
    }
    if (words_.size() < 2) {
      return fail(ErrorCode::kUsage,
                  fmt::format("tenant show: there are {}; say which", all.size()),
                  "migctl tenant list shows them");
    }
    const std::string& name = words_[1];
    std::vector<std::string> names;
    names.reserve(all.size());
    for (const auto& entry : all) {
      names.push_back(entry.tenant.name);
    }
    std::erase_if(all, [&](const TenantUse& entry) { return entry.tenant.name != name; });
    if (!all.empty()) {
      return {};
    }
    const auto near = base::nearest(name, names);
    return fail(ErrorCode::kNotFound,
                fmt::format("there is no tenant {}, or you may not see it", base::quoted(name)),
                near.empty() ? "migctl tenant list shows those that you may see"
                             : "nearest: " + base::join(near, ", "));
  }

  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_tenant() {
  return std::make_unique<TenantCommand>();
}

}  // namespace mig::cli
