// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.h"
#include "cli/units.h"
#include "daemon/daemon.h"
#include "node/node.h"

namespace mig::cli {
namespace {

class Serve final : public Command {
 public:
  CommandText text() const override {
    return {"serve",
            "Run the daemon: leases for users who are not root (also installed as migd).",
            "Listens on a UNIX socket that everybody may open; what the answer is depends on who "
            "asks, and that the kernel says. Serves until SIGTERM. It may be killed and started "
            "again at any time: leases and queue are in the store, and clients that wait come "
            "back to their place. Commands that only look are answered by it without loading the "
            "driver (docs/reference/warm.md). Takes systemd's socket and tells it "
            "when it is ready "
            "(integrations/systemd/migd.service). The API: docs/reference/leases.md.",
            {"serve", "serve --tenants ./tenants.yaml --socket /tmp/migd.sock", "--sim lab serve"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kPermission,
             ErrorCode::kConflict,
             ErrorCode::kNoDriver,
             ErrorCode::kIo}};
  }

  void declare(Options& options) override {
    options.text({"--socket",
                  "PATH",
                  "where to listen (default: /run/migctl/migd.sock; a simulated machine: its own)",
                  "MIGCTL_SOCKET"},
                 socket_);
    options.text({"--tenants",
                  "FILE",
                  "who belongs to which tenant (default: /etc/migctl/tenants.yaml)",
                  "MIGCTL_TENANTS"},
                 tenants_);
    options.flag({"--guard-nodes",
                  "",
                  "only who leases an instance (and root) can open its device nodes; without it "
                  "everybody can again"},
                 guard_);
    options.text(
        {"--keep-open",
         "TIME",
         "keep the driver open so long after a reading, for the next: 0s = no warm readings "
         "(default: 10s)"},
        keep_open_);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(context.unattended());
    MIG_TRY(context.inventory());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    node->before_reset({});  // that other process would be this one
    daemon::DaemonOptions options;
    options.socket = socket_;
    options.tenants = tenants_;
    options.guard_nodes = guard_;
    options.version = MIG_VERSION;
    if (!keep_open_.empty()) {
      MIG_ASSIGN_OR_RETURN(options.keep_open, parse_duration("--keep-open", keep_open_));
    }
    options.log = [&](const std::string& line) { context.output().progress(line + "\n"); };
    MIG_TRY(daemon::run_daemon(*node, context.source_or_default(), options));
    return 0;
  }

 private:
  std::string socket_, tenants_, keep_open_;
  bool guard_ = false;
};

}  // namespace

std::unique_ptr<Command> make_serve() {
  return std::make_unique<Serve>();
}

}  // namespace mig::cli
