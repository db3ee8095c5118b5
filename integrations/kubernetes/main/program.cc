// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/program.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/core.h>

#include "client/instances.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/watch.h"
#include "kubernetes/claims/engine.h"
#include "kubernetes/main/device_side.h"
#include "kubernetes/main/dra_side.h"
#include "kubernetes/main/log.h"
#include "kubernetes/main/machine_watch.h"
#include "kubernetes/main/status_socket.h"
#include "kubernetes/main/stop.h"
#include "kubernetes/node_config/node_config.h"
#include "kubernetes/plugin/node_lock.h"
#include "kubernetes/plugin/socket_place.h"

namespace mig::kube {
namespace {

constexpr std::chrono::milliseconds kGrace{4500};
constexpr std::chrono::milliseconds kLook{1000};
constexpr mode_t kPrivate = 077;

std::string status_path(const Settings& settings) {
  return settings.state_dir + "/status.sock";
}

// What is true of the whole program, for check.
class Readiness {
 public:
  void set(const std::string& topic, const std::string& trouble) {
    const std::lock_guard lock(mutex_);
    if (trouble.empty()) {
      troubles_.erase(topic);
    } else {
      troubles_[topic] = trouble;
    }
  }

  void watch(std::function<std::string()> side) {
    const std::lock_guard lock(mutex_);
    side_ = std::move(side);
  }

  std::string trouble() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [topic, trouble] : troubles_) {
      return fmt::format("{}: {}", topic, trouble);
    }
    return side_ ? side_() : "it is starting";
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> troubles_;
  std::function<std::string()> side_;
};

class Program {
 public:
  Program(const Settings& settings, Log& log, Stop& stop)
      : settings_(settings), log_(log), stop_(stop) {}

  Result<void> run() {
    MIG_TRY(socket_folder(settings_.state_dir));
    MIG_ASSIGN_OR_RETURN(const base::FileLock lock,
                         node_lock(fmt::format("{}/{}", settings_.plugins_dir, kDriverName)));
    MIG_ASSIGN_OR_RETURN(const auto status, StatusSocket::start(status_path(settings_), [this] {
                           return ready_.trouble();
                         }));
    MIG_TRY(open_api());  // what is wrong with its settings is told at once
    MIG_ASSIGN_OR_RETURN(engine_,
                         ClaimEngine::open({.checkpoint = settings_.state_dir + "/claims.json",
                                            .migd_socket = settings_.migd_socket,
                                            .version = MIG_VERSION}));
    const client::Instances migd(settings_.migd_socket);
    const bool there = wait_for("migd", [&]() -> Result<void> {
      MIG_TRY(migd.inventory(MIG_VERSION));
      return {};
    });
    if (!there) {
      return {};
    }
    std::string mode = settings_.mode;
    if (mode == "auto") {
      mode = choose_mode();
    }
    if (stop_.asked()) {
      return {};
    }
    log_.say(
        Weight::kInfo,
        fmt::format("mig-kubelet {} serves node {} by {}", MIG_VERSION, settings_.node_name, mode));
    MIG_TRY(mode == "dra" ? start_dra() : start_devices());
    start_watches();
    start_node_config();
    while (!stop_.wait(kLook)) {
    }
    log_.say(Weight::kInfo, "ends: pods that run are not affected");
    end();
    return {};
  }

 private:
  // Tries each second until it works; false: the end was asked for.
  bool wait_for(const std::string& topic, const std::function<Result<void>()>& attempt) {
    while (!stop_.asked()) {
      const auto done = attempt();
      tell(topic, done ? "" : done.error().text());
      if (done) {
        return true;
      }
      (void)stop_.wait(kLook);
    }
    return false;
  }

  void tell(const std::string& topic, const std::string& trouble) {
    log_.state(topic, trouble);
    ready_.set(topic, trouble);
  }

  bool needs_api() const { return settings_.mode != "device-plugin" || settings_.node_config; }

  Result<void> open_api() {
    if (!needs_api()) {
      return {};
    }
    MIG_ASSIGN_OR_RETURN(ApiConfig config, api_config(settings_.kubeconfig));
    for (const auto& warning : config.warnings) {
      log_.say(Weight::kWarning, warning);
    }
    MIG_ASSIGN_OR_RETURN(api_, ApiClient::open(std::move(config)));
    return {};
  }

  // Dynamic resource allocation where the API server has it in the version that we use.
  std::string choose_mode() {
    std::string mode;
    (void)wait_for("API server", [&]() -> Result<void> {
      const auto group = api_->get("/apis/resource.k8s.io/v1");
      if (!group && group.error().code != ErrorCode::kNotFound) {
        return group.error();
      }
      mode = group ? "dra" : "device-plugin";
      return {};
    });
    return mode;
  }

  Result<void> start_dra() {
    MIG_ASSIGN_OR_RETURN(dra_, DraSide::start(settings_, *engine_, *api_, log_, stop_));
    ready_.watch([this] { return dra_->trouble(); });
    return {};
  }

  Result<void> start_devices() {
    MIG_ASSIGN_OR_RETURN(devices_, DeviceSide::start(settings_, log_, stop_));
    ready_.watch([this] { return devices_->trouble(); });
    if (api_) {
      devices_->watch_node(*api_);
    }
    return {};
  }

  void start_watches() {
    if (devices_) {
      machine_ = std::make_unique<MachineWatch>(
          settings_.migd_socket,
          MIG_VERSION,
          MachineHandlers{
              .on_reading = [this](const auto& state) { devices_->see(state); },
              .on_state = [this](const std::string& trouble) { tell("migd", trouble); }});
    }
    events_ = std::make_unique<DaemonEvents>(
        settings_.migd_socket,
        DaemonEvents::Handlers{
            .on_event =
                [this](const base::Json& event) {
                  if (dra_) {
                    dra_->event(event);
                  } else {
                    devices_->event(event);
                    machine_->wake();
                  }
                  nudge();
                },
            .on_reset =
                [this] {
                  if (dra_) {
                    dra_->reset();
                  } else {
                    devices_->reset();
                    machine_->wake();
                  }
                  nudge();
                },
            .on_state = [this](const std::string& trouble) { tell("migd's events", trouble); }});
  }

  void start_node_config() {
    if (!settings_.node_config) {
      return;
    }
    NodeConfigSettings settings;
    settings.node = settings_.node_name;
    settings.name_space = settings_.name_space;
    settings.config_map = settings_.config_map;
    settings.strategy = parse_strategy(settings_.mig_strategy).value_or(MigStrategy::kMixed);
    NodeConfigHooks hooks;
    use_daemon(hooks, settings_.migd_socket);
    hooks.inventory = [socket = settings_.migd_socket] {
      return client::Instances(socket).inventory(MIG_VERSION);
    };
    hooks.pod_of = pod_of_process();
    hooks.withhold = [this](const std::vector<Vanishing>& places) {
      if (dra_) {
        dra_->withhold(places);
      }
    };
    hooks.log = [this](const std::string& line) { log_.say(Weight::kInfo, line); };
    auto made = std::make_unique<NodeConfig>(*api_, std::move(settings), std::move(hooks));
    const std::lock_guard lock(mutex_);
    node_config_ = std::move(made);
  }

  void nudge() {
    const std::lock_guard lock(mutex_);
    if (node_config_) {
      node_config_->nudge();
    }
  }

  // In the reverse order: who calls ends before who is called.
  void end() {
    ready_.watch([] { return std::string("it ends"); });
    events_.reset();
    node_config_.reset();
    machine_.reset();
    devices_.reset();
    dra_.reset();
    api_.reset();
  }

  const Settings& settings_;
  Log& log_;
  Stop& stop_;
  Readiness ready_;
  std::unique_ptr<ClaimEngine> engine_;
  std::unique_ptr<ApiClient> api_;
  std::unique_ptr<DraSide> dra_;
  std::unique_ptr<DeviceSide> devices_;
  std::unique_ptr<MachineWatch> machine_;
  std::mutex mutex_;  // of node_config_ while it is made
  std::unique_ptr<NodeConfig> node_config_;
  std::unique_ptr<DaemonEvents> events_;
};

}  // namespace

int serve(const Settings& settings) {
  ::umask(kPrivate);
  block_signals();
  Log log(settings.json_log);
  Stop stop;
  const std::jthread signals([&stop] { wait_for_signal(stop, kGrace); });
  Result<void> done;
  {
    Program program(settings, log, stop);
    done = program.run();
    stop.ask();  // before the end of what waits for it
  }
  if (done) {
    return 0;
  }
  log.say(Weight::kError,
          done.error().hint.empty() ? done.error().text()
                                    : done.error().text() + " (" + done.error().hint + ")");
  return error_info(done.error().code).exit_code;
}

int check(const Settings& settings) {
  const auto trouble = ask_status(status_path(settings));
  if (!trouble) {
    fmt::print(stderr, "mig-kubelet: {}\n", trouble.error().text());
    return error_info(trouble.error().code).exit_code;
  }
  if (settings.ready && !trouble->empty()) {
    fmt::print(stderr, "mig-kubelet: not ready: {}\n", *trouble);
    return error_info(ErrorCode::kNotApplied).exit_code;
  }
  fmt::print("{}\n", trouble->empty() ? "ready" : "alive, not ready: " + *trouble);
  return 0;
}

}  // namespace mig::kube
