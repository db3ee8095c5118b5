// SPDX-License-Identifier: Apache-2.0
#include "base/clock.h"
#include "cli/as_user.h"
#include "cli/commands.h"
#include "cli/render_jobs.h"
#include "node/node.h"
#include "service/jobs.h"

namespace mig::cli {
namespace {

class JobsCommand final : public Command {
 public:
  CommandText text() const override {
    return {"jobs",
            "List your jobs: what runs on which instance, since when, and how others ended.",
            "A job is what one `migctl run` started. Those that wait or run; with --all also what "
            "has ended, the last 1000. Each user sees its own, on each machine, and root "
            "anybody's with --user; `migctl lease list` tells who holds the instances.",
            {"jobs", "jobs --all --json", "jobs --user alice"},
            {ErrorCode::kNotFound,
             ErrorCode::kNoDriver,
             ErrorCode::kIo,
             ErrorCode::kPermission,
             ErrorCode::kConflict}};
  }

  void declare(Options& options) override {
    options.flag({"-a,--all", "", "also those that have ended"}, every_);
    options.text({"--user", "USER", "jobs of this user, for root"}, user_);
  }

  Result<int> run(Context& context) override {
    MIG_TRY(become_user(user_));
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.machine());
    MIG_ASSIGN_OR_RETURN(const std::vector<Job> jobs, service::list_jobs(*node, every_));
    const wire::Source source = context.source_or_default();
    Output& output = context.output();
    if (context.globals().json) {
      output.result(wire::job_list_document(jobs, source));
      return 0;
    }
    const auto now = base::system_clock().wall();
    output.result(jobs_text(jobs,
                            std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
                            user_,
                            source,
                            output.paint()));
    return 0;
  }

 private:
  std::string user_;
  bool every_ = false;
};

}  // namespace

std::unique_ptr<Command> make_jobs() {
  return std::make_unique<JobsCommand>();
}

}  // namespace mig::cli
