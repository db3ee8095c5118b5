// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <fmt/core.h>

#include "cli/commands.h"
#include "launch/job_book.h"
#include "launch/job_log.h"
#include "node/node.h"

namespace mig::cli {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{100};

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
    options.flag({"-f,--follow", "", "go on until the job has ended"}, follow_);
    options.number({"--rank", "N", "of a job on several instances: only this one"}, rank_);
    options.number({"-n,--lines", "N", "only the last N lines (of each rank)"}, lines_);
  }

  Result<int> run(Context& context) override {
    if (words_.size() != 1) {
      return fail(ErrorCode::kUsage, "logs takes one job", "migctl jobs --all lists them");
    }
    MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
    MIG_ASSIGN_OR_RETURN(launch::JobBook book, launch::JobBook::open(node->jobs_dir()));
    MIG_ASSIGN_OR_RETURN(const launch::JobView job, book.find(words_.front(), false));
    MIG_ASSIGN_OR_RETURN(std::vector<launch::LogTail> tails, tails_of(book, job));
    bool live = follow_ && job.live();
    for (;;) {
      // Reads once more after the end: output written before it must not be lost.
      if (!show(context, tails) && live) {
        std::this_thread::sleep_for(kBetweenLooks);
        MIG_ASSIGN_OR_RETURN(const launch::JobView now,
                             book.find(std::to_string(job.row.id), false));
        live = now.live();
      } else if (!live && !show(context, tails)) {
        break;
      }
    }
    for (launch::LogTail& tail : tails) {
      context.output().result(tail.flush());
    }
    return 0;
  }

 private:
  Result<std::vector<launch::LogTail>> tails_of(const launch::JobBook& book,
                                                const launch::JobView& job) const {
    if (!job.row.logged) {
      return fail(ErrorCode::kNothingMatched,
                  fmt::format("job {} wrote to where it was started, nothing was kept", job.row.id),
                  "start it with --log or --detach");
    }
    const std::size_t count = job.row.ranks.size();
    if (rank_ && *rank_ >= count) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("job {} has no rank {}", job.row.id, *rank_),
                  count == 0 ? "it has not begun" : fmt::format("it has 0 to {}", count - 1));
    }
    std::vector<launch::LogTail> tails;
    for (std::size_t rank = 0; rank < count; ++rank) {
      if (rank_ && rank != *rank_) {
        continue;
      }
      const std::string path = book.log_path(job.row.id, static_cast<std::int64_t>(rank));
      std::int64_t skip = 0;
      if (lines_) {
        MIG_ASSIGN_OR_RETURN(skip, launch::start_of_last_lines(path, *lines_));
      }
      tails.emplace_back(path, count > 1 && !rank_ ? fmt::format("[{}] ", rank) : "", skip);
    }
    return tails;
  }

  // False: no new output.
  static bool show(Context& context, std::vector<launch::LogTail>& tails) {
    bool any = false;
    for (launch::LogTail& tail : tails) {
      const std::string text = tail.read();
      any = any || !text.empty();
      context.output().result(text);
    }
    return any;
  }

  std::vector<std::string> words_;
  bool follow_ = false;
  std::optional<std::uint32_t> rank_, lines_;
};

}  // namespace

std::unique_ptr<Command> make_logs() {
  return std::make_unique<Logs>();
}

}  // namespace mig::cli
