// SPDX-License-Identifier: Apache-2.0
#include <chrono>

#include "base/units.h"
#include "cli/commands.h"
#include "cli/driver.h"
#include "cli/render_checkup.h"
#include "client/daemon_state.h"
#include "doctor/examine.h"
#include "wire/checkup.h"

namespace mig::cli {
namespace {

constexpr std::chrono::minutes kLongestLimit{10};

class Doctor final : public Command {
 public:
  CommandText text() const override {
    return {
        "doctor",
        "Say what is wrong with the machine, why, and what mends it.",
        "Looks at driver, GPUs, instances, device nodes, CDI files, kernel log, control groups, "
        "and migctl's own records and daemon; changes nothing. Each check has a verdict: ok, "
        "note, warning, problem, or - (not here: the reason). A check that does not end in its "
        "time, as with a driver that hangs, is a problem too. The exit code is 22 when a check "
        "says warning or problem. Without root it looks at what it may. What each check means: "
        "docs/reference/doctor.md; from a symptom to its check: docs/howto/troubleshoot.md.",
        {"doctor", "doctor --json", "doctor --check mig-pending,holders", "doctor --list"},
        {ErrorCode::kNotFound, ErrorCode::kIo, ErrorCode::kFindings}};
  }

  void declare(Options& options) override {
    options.list({"--check", "ID", "only these checks (default: all)"}, only_);
    options.flag({"--list", "", "print the checks, and make none"}, list_);
    options.flag({"--evidence", "", "print what was read for checks that are ok too"}, evidence_);
    options.text({"--limit", "TIME", "time of each check (default: 20s)"}, limit_);
  }

  Result<int> run(Context& context) override {
    if (list_) {
      const auto checks = doctor::check_names();
      context.output().result(context.globals().json
                                  ? wire::check_list_document(checks)
                                  : render_checks(checks, context.output().paint()));
      return 0;
    }
    MIG_ASSIGN_OR_RETURN(const doctor::Settings settings, settings_for(context));
    MIG_ASSIGN_OR_RETURN(const doctor::Examined examined, doctor::examine(settings));
    const wire::Source source{examined.machine.simulated(), examined.machine.name()};
    context.set_source(source);
    context.output().result(
        context.globals().json
            ? wire::checkup_document(examined.checkup, source)
            : render_checkup(examined.checkup, source, evidence_, context.output().paint()));
    return examined.checkup.trouble() ? error_info(ErrorCode::kFindings).exit_code : 0;
  }

 private:
  Result<doctor::Settings> settings_for(Context& context) const {
    if (!context.globals().nvml_library.empty() && !context.globals().simulated.empty()) {
      return fail(ErrorCode::kUsage, "--nvml-library and --sim exclude each other");
    }
    doctor::Settings settings = doctor::settings_for(driver_choice(context.globals()));
    settings.only = only_;
    if (!limit_.empty()) {
      const auto limit = base::parse_time(limit_, kLongestLimit);
      if (!limit || limit->count() == 0) {
        return fail(ErrorCode::kUsage,
                    "--limit " + limit_ + " is no time of at most 10 minutes",
                    "write 20s or 1m");
      }
      settings.limit = *limit;
    }
    const client::Options options = client_options(context);
    settings.look_at_daemon = [options](std::chrono::milliseconds limit) {
      const client::DaemonState state = client::daemon_state(options, limit);
      return doctor::DaemonLook{
          state.socket, state.listens, state.answers, state.other_version, state.told};
    };
    return settings;
  }

  std::vector<std::string> only_;
  std::string limit_;
  bool list_ = false;
  bool evidence_ = false;
};

}  // namespace

std::unique_ptr<Command> make_doctor() {
  return std::make_unique<Doctor>();
}

}  // namespace mig::cli
