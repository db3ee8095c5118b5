// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_free.h"
#include "client/lease_client.h"

namespace mig::cli {
namespace {

class FreeCommand final : public Command {
 public:
  CommandText text() const override {
    return {"free",
            "Show what is free for you, when more will be, and how many wait.",
            "One line a profile: how many instances of it are free and how many there are, when "
            "the next comes free as far as time limits tell, how many more fit into free slices "
            "(each profile for itself), and how many requests in the queue could take one. -l "
            "shows each instance. For everybody, through the daemon: who has what is told of "
            "one's own leases only, except to operators and admins.",
            {"free", "free -l", "free --json"},
            {ErrorCode::kPermission, ErrorCode::kNoDriver, ErrorCode::kIo, ErrorCode::kConflict}};
  }

  void declare(Options& options) override {
    options.flag({"-l,--long", "", "each instance too"}, each_);
  }

  Result<int> run(Context& context) override {
    MIG_ASSIGN_OR_RETURN(const auto leases,
                         client::LeaseClient::open(client_options(context), open_node(context)));
    MIG_ASSIGN_OR_RETURN(const wire::FreeAnswer answer, leases->free());
    Output& output = context.output();
    output.result(context.globals().json ? wire::free_document(answer.report, answer.source)
                                         : free_text(answer, each_, output.paint()));
    return 0;
  }

 private:
  bool each_ = false;
};

}  // namespace

std::unique_ptr<Command> make_free() {
  return std::make_unique<FreeCommand>();
}

}  // namespace mig::cli
