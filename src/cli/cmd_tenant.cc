// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_leases.h"

namespace mig::cli {
namespace {

class TenantCommand final : public Command {
 public:
  CommandText text() const override {
    return {"tenant",
            "Show tenants: who they are, what they may have and what they use.",
            "list shows each with its use and quota, show NAME all there is to know of one "
            "(default: your own). A tenant sees itself; operators and admins see all. The file is "
            "/etc/migctl/tenants.yaml; without it each user is a tenant of its own, without "
            "limits.",
            {"tenant list", "tenant show team-a", "tenant list --json"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kPermission,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override { return {"list", "show"}; }

  void declare(Options& options) override {
    options.positional({"list|show [NAME]", "", "what to show, and of which tenant"}, words_, true);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    if ((verb != "list" && verb != "show") || words_.size() > (verb == "show" ? 2U : 1U)) {
      return fail(ErrorCode::kUsage,
                  "tenant: list, or show [NAME], is expected",
                  "migctl tenant --help shows how it is used");
    }
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         client::LeaseClient::open(client_options(context), open_node(context)));
    MIG_ASSIGN_OR_RETURN(wire::LeaseAnswer answer, leases->tenants());
    if (verb == "show") {
      MIG_TRY(keep_one(answer));
    }
    if (context.globals().json) {
      context.output().result(wire::tenant_list_document(answer.tenants, answer.source));
    } else if (verb == "show") {
      context.output().result(tenant_text(answer.tenants.front()));
    } else {
      context.output().result(tenants_text(answer, context.output().paint()));
    }
    return 0;
  }

 private:
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
