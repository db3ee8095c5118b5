// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "cli/as_user.h"
#include "cli/commands.h"
#include "node/node.h"
#include "service/jobs.h"

namespace mig::cli {
namespace {

class Logs final : public Command {
 public:
  CommandText text() const override {
    return {"logs",
            "Show what a job wrote to its standard output and error.",
            "Jobs in the background, on several instances, or started with --log keep their "
            "output; others write to the terminal they were started from. Of a log beyond 64 MiB "
            "the newer part is shown, the older lies beside it (FILE.1; `migctl jobs --all --json` "
            "tells FILE).",
            {"logs 12", "logs train-a -f", "logs train-a --rank 3 -n 50"},
            {ErrorCode::kNotFound,
             ErrorCode::kNothingMatched,
             ErrorCode::kNoDriver,
             ErrorCode::kIo,
             ErrorCode::kPermission,
             ErrorCode::kConflict}};
  }

  void declare(Options& options) override {
    options.positional(
        {"JOB", "", "number or name; of several with a name the newest"}, words_, true);
    options.flag({"-f,--follow", "", "go on until the job has ended"}, choice_.follow);
    options.number({"--rank", "N", "of a job on several instances: only this one"}, choice_.rank);
    options.number({"-n,--lines", "N", "only the last N lines (of each rank)"}, choice_.lines);
    options.text({"--user", "USER", "of this user, for root"}, user_);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(become_user(user_));
    if (words_.size() != 1) {
      return fail(ErrorCode::kUsage, "logs takes one job", "migctl jobs --all lists them");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    Output& output = context.output();
    MIG_TRY(service::read_job_output(
        *node, words_.front(), choice_, [&](const std::string& text) { output.raw(text); }));
    return 0;
  }

 private:
  std::string user_;
  std::vector<std::string> words_;
  service::JobOutputChoice choice_;
};

}  // namespace

std::unique_ptr<Command> make_logs() {
  return std::make_unique<Logs>();
}

}  // namespace mig::cli
