// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <chrono>
#include <cstdlib>

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/units.h"
#include "daemon/daemon.h"
#include "node/node.h"
#include "service/daemon_file.h"

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
    options.optional_text(
        {"--guard-nodes",
         "auto|on|off",
         "only who leases an instance (and root) can open its device nodes: where "
         "that can be had (auto, the default), or no start (on); off: everybody "
         "can again"},
        guard_,
        "on");
    options.list(
        {"--listen",
         "ADDRESS:PORT",
         "also serve HTTP there: 127.0.0.1:9400; with TLS where other machines reach it, or "
         "it says https:// (repeatable)",
         "MIGCTL_LISTEN"},
        listen_);
    options.list({"--host",
                  "NAME",
                  "a host name under which clients of --listen reach this machine (repeatable)"},
                 hosts_);
    options.text({"--tls-cert", "FILE", "certificate of --listen, PEM, with its chain"}, tls_cert_);
    options.text({"--tls-key", "FILE", "its key"}, tls_key_);
    options.text({"--tokens",
                  "FILE",
                  "tokens of clients of --listen (default: beside the journal; see migctl token)"},
                 tokens_);
    options.text(
        {"--config",
         "FILE",
         "what the command line does not say (default: /etc/migctl/migd.yaml, for root on a "
         "real machine; docs/reference/api.md)",
         "MIGCTL_CONFIG"},
        config_);
    options.text(
        {"--keep-open",
         "TIME",
         "keep the driver open so long after a reading, for the next: 0s = no warm readings "
         "(default: 10s)"},
        keep_open_);
    declare_sampling(options);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(context.unattended());
    MIG_TRY(context.inventory());
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    node->before_reset({});  // that other process would be this one
    const bool usual = !context.source_or_default().simulated && ::geteuid() == 0;
    MIG_ASSIGN_OR_RETURN(daemon::DaemonOptions options, options_by(usual));
    options.again = [this, usual] { return options_by(usual); };
    options.abandon = [] { std::_Exit(error_info(ErrorCode::kTimeout).exit_code); };
    options.log = [&](const std::string& line) { context.output().progress(line + "\n"); };
    MIG_TRY(daemon::run_daemon(*node, context.source_or_default(), options));
    return 0;
  }

 private:
  void declare_sampling(Options& options) {
    options.text(
        {"--sample",
         "TIME|off",
         "read activity, memory, power and energy so often (100ms to 60s). Default: 1s, and "
         "where a board's MIG mode cannot change while somebody has the driver open (before "
         "Hopper) 10s with the driver closed in between"},
        sample_);
    options.text({"--dcgm",
                  "off|legacy|4.9",
                  "add DCGM's names to /metrics, as dcgm-exporter writes them up to 4.8 or from "
                  "4.9 on (default: off; a scraper may ask for them: /metrics?dcgm=legacy)"},
                 dcgm_);
    options.text({"--dcgm-activity",
                  "off|auto|require",
                  "activity of instances on boards whose driver counts none (before Hopper), by a "
                  "running DCGM host engine and NVIDIA's libdcgm.so.4: where both are (auto), or "
                  "it is trouble that one is not (require); default: off"},
                 dcgm_activity_);
    options.text({"--dcgm-engine",
                  "ADDRESS",
                  "where it listens on this machine: 127.0.0.1:5555 (the default), or the path of "
                  "its UNIX socket"},
                 dcgm_engine_);
    options.text({"--hpc-jobs",
                  "DIR",
                  "files GPU or GPU.GI there name the batch jobs, for the label hpc_job of DCGM's "
                  "names, as for dcgm-exporter"},
                 hpc_jobs_);
  }

  // What the command line says, else the file. `usual`: the usual file too.
  Result<daemon::DaemonOptions> options_by(bool usual) const {
    config::DaemonFile file;
    if (usual || !config_.empty()) {
      MIG_ASSIGN_OR_RETURN(file, service::read_daemon_file(config_));
    }
    const auto first = [](const auto& said, const auto& other) {
      return said.empty() ? other : said;
    };
    daemon::DaemonOptions options;
    options.socket = first(socket_, file.socket);
    options.tenants = first(tenants_, file.tenants);
    options.web = {first(listen_, file.listen),
                   first(hosts_, file.hosts),
                   first(tls_cert_, file.tls_certificate),
                   first(tls_key_, file.tls_key),
                   first(tokens_, file.tokens)};
    MIG_ASSIGN_OR_RETURN(options.guard_nodes, guard_mode(first(guard_, file.guard_nodes)));
    options.version = MIG_VERSION;
    if (!keep_open_.empty()) {
      MIG_ASSIGN_OR_RETURN(options.keep_open, parse_duration("--keep-open", keep_open_));
    } else if (file.keep_open_ms) {
      options.keep_open = std::chrono::milliseconds(*file.keep_open_ms);
    }
    MIG_ASSIGN_OR_RETURN(options.sample, sample_settings(file));
    options.hpc_jobs = first(hpc_jobs_, file.hpc_jobs);
    if (const std::string word = first(dcgm_, file.dcgm); !word.empty()) {
      MIG_ASSIGN_OR_RETURN(options.dcgm, daemon::dcgm_dialect("--dcgm", word));
    }
    return options;
  }

  Result<daemon::WatchSettings> sample_settings(const config::DaemonFile& file) const {
    daemon::WatchSettings settings;
    MIG_ASSIGN_OR_RETURN(
        settings.dcgm,
        observe::dcgm_settings(dcgm_activity_.empty() ? file.dcgm_activity : dcgm_activity_,
                               dcgm_engine_.empty() ? file.dcgm_engine : dcgm_engine_));
    if (sample_.empty()) {
      settings.off = file.sample_off;
      if (file.sample_ms) {
        settings.interval = std::chrono::milliseconds(*file.sample_ms);
      }
      return settings;
    }
    settings.off = sample_ == "off";
    if (settings.off) {
      return settings;
    }
    constexpr std::chrono::milliseconds kShortest{config::kShortestSampleMs};
    constexpr std::chrono::milliseconds kLongest{config::kLongestSampleMs};
    MIG_ASSIGN_OR_RETURN(settings.interval, parse_duration("--sample", sample_));
    if (*settings.interval < kShortest || *settings.interval > kLongest) {
      return fail(ErrorCode::kUsage,
                  fmt::format("--sample {}: from 100ms to 60s, or off", base::quoted(sample_)));
    }
    return settings;
  }

  static Result<service::GuardMode> guard_mode(const std::string& word) {
    if (word.empty() || word == "auto") {
      return service::GuardMode::kAuto;
    }
    if (word == "on" || word == "off") {
      return word == "on" ? service::GuardMode::kOn : service::GuardMode::kOff;
    }
    return fail(ErrorCode::kUsage,
                fmt::format("--guard-nodes={} is none of auto, on, off", base::quoted(word)));
  }

  std::string config_, socket_, tenants_, keep_open_, tls_cert_, tls_key_, tokens_, guard_;
  std::string sample_, dcgm_, dcgm_activity_, dcgm_engine_, hpc_jobs_;
  std::vector<std::string> listen_, hosts_;
};

}  // namespace

std::unique_ptr<Command> make_serve() {
  return std::make_unique<Serve>();
}

}  // namespace mig::cli
