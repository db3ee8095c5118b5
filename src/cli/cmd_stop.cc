// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "cli/as_user.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/units.h"
#include "node/node.h"
#include "service/jobs.h"

namespace mig::cli {
namespace {

class Stop final : public Command {
 public:
  CommandText text() const override {
    return {"stop",
            "End jobs: SIGTERM, and SIGKILL when the grace is over.",
            "The job's command, and all that it started, get SIGTERM and time to save their work; "
            "the command is not started again, whatever its --restart says. Its instances are free "
            "when it has ended. Ends when the jobs have ended; the exit code is that of the first "
            "that could not be stopped, and the message says which processes still run.",
            {"stop 12", "stop train-a train-b --grace 2m", "stop 12 --user alice"},
            {ErrorCode::kNotFound,
             ErrorCode::kTimeout,
             ErrorCode::kNoDriver,
             ErrorCode::kIo,
             ErrorCode::kPermission,
             ErrorCode::kConflict}};
  }

  void declare(Options& options) override {
    options.positional({"JOB", "", "numbers or names"}, words_, true);
    options.text({"--grace", "TIME", "from SIGTERM to SIGKILL (default: 10s)"}, grace_);
    options.text({"--user", "USER", "a job of this user, for root"}, user_);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(become_user(user_));
    std::chrono::milliseconds grace{10'000};
    if (!grace_.empty()) {
      MIG_ASSIGN_OR_RETURN(grace, parse_duration("--grace", grace_));
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_TRY(service::stop_jobs(*node, words_, grace, observer(context.output())));
    return 0;
  }

 private:
  std::string user_;

  static service::StopObserver observer(Output& output) {
    return {
        [&output](const Job& job) {
          output.progress(
              fmt::format("migctl: job {} did not end on SIGTERM, killing it\n", job.row.id));
        },
        [&output](const Job& job) {
          output.progress(fmt::format("migctl: job {}{} has ended\n",
                                      job.row.id,
                                      job.row.name.empty() ? "" : " (" + job.row.name + ")"));
        },
        [&output](const Error& error) { output.message(error_text(error, output.err_paint())); }};
  }

  std::vector<std::string> words_;
  std::string grace_;
};

}  // namespace

std::unique_ptr<Command> make_stop() {
  return std::make_unique<Stop>();
}

}  // namespace mig::cli
