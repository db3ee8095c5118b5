// SPDX-License-Identifier: Apache-2.0
#include "service/jobs.h"

#include <cstddef>
#include <thread>
#include <utility>

#include <fmt/core.h>

#include "launch/job_book.h"
#include "launch/job_log.h"

namespace mig::service {
namespace {

constexpr std::chrono::milliseconds kBetweenOutputLooks{100};

Result<std::vector<launch::LogTail>> tails_of(const launch::JobBook& book,
                                              const Job& job,
                                              const JobOutputChoice& choice) {
  if (!job.row.logged) {
    return fail(ErrorCode::kNothingMatched,
                fmt::format("job {} wrote to where it was started, nothing was kept", job.row.id),
                "start it with --log or --detach");
  }
  const std::size_t count = job.row.ranks.size();
  if (choice.rank && *choice.rank >= count) {
    return fail(ErrorCode::kNotFound,
                fmt::format("job {} has no rank {}", job.row.id, *choice.rank),
                count == 0 ? "it has not begun" : fmt::format("it has 0 to {}", count - 1));
  }
  std::vector<launch::LogTail> tails;
  for (std::size_t rank = 0; rank < count; ++rank) {
    if (choice.rank && rank != *choice.rank) {
      continue;
    }
    const std::string path = book.log_path(job.row.id, static_cast<std::int64_t>(rank));
    std::int64_t skip = 0;
    if (choice.lines) {
      MIG_ASSIGN_OR_RETURN(skip, launch::start_of_last_lines(path, *choice.lines));
    }
    tails.emplace_back(path, count > 1 && !choice.rank ? fmt::format("[{}] ", rank) : "", skip);
    if (!choice.follow) {
      tails.back().stop_here();  // however fast the job goes on writing
    }
  }
  return tails;
}

// False: no new output.
bool print_new(std::vector<launch::LogTail>& tails,
               const std::function<void(const std::string&)>& print) {
  bool any = false;
  for (launch::LogTail& tail : tails) {
    const std::string text = tail.read();
    any = any || !text.empty();
    print(text);
  }
  return any;
}

Result<void> stop_one(launch::JobBook& book,
                      const Job& job,
                      std::chrono::milliseconds grace,
                      const StopObserver& observer) {
  MIG_TRY(book.stop(job, grace, [&] {
    if (observer.on_kill) {
      observer.on_kill(job);
    }
  }));
  if (observer.on_end) {
    observer.on_end(job);
  }
  return {};
}

}  // namespace

Result<std::vector<Job>> list_jobs(const node::Node& node, bool ended) {
  MIG_ASSIGN_OR_RETURN(launch::JobBook book, launch::JobBook::open(node.places().jobs()));
  MIG_ASSIGN_OR_RETURN(std::vector<Job> jobs, book.list());
  if (!ended) {
    std::erase_if(jobs, [](const Job& job) { return !job.live(); });
  }
  return jobs;
}

Result<void> stop_jobs(const node::Node& node,
                       const std::vector<std::string>& words,
                       std::chrono::milliseconds grace,
                       const StopObserver& observer) {
  MIG_ASSIGN_OR_RETURN(launch::JobBook book, launch::JobBook::open(node.places().jobs()));
  std::vector<Job> jobs;
  for (const std::string& word : words) {
    MIG_ASSIGN_OR_RETURN(Job job, book.find(word, true));
    jobs.push_back(std::move(job));
  }
  std::optional<Error> failure;
  for (const Job& job : jobs) {
    auto stopped = stop_one(book, job, grace, observer);
    if (stopped) {
      continue;
    }
    if (!failure) {
      failure = std::move(stopped).error();
    } else if (observer.on_failure) {
      observer.on_failure(stopped.error());
    }
  }
  if (failure) {
    return *std::move(failure);
  }
  return {};
}

Result<void> read_job_output(const node::Node& node,
                             const std::string& word,
                             const JobOutputChoice& choice,
                             const std::function<void(const std::string& text)>& print) {
  MIG_ASSIGN_OR_RETURN(launch::JobBook book, launch::JobBook::open(node.places().jobs()));
  MIG_ASSIGN_OR_RETURN(const Job job, book.find(word, false));
  MIG_ASSIGN_OR_RETURN(std::vector<launch::LogTail> tails, tails_of(book, job, choice));
  bool live = choice.follow && job.live();
  for (;;) {
    // Reads once more after the end: output written before it must not be lost.
    if (!print_new(tails, print) && live) {
      std::this_thread::sleep_for(kBetweenOutputLooks);
      MIG_ASSIGN_OR_RETURN(const Job now, book.find(std::to_string(job.row.id), false));
      live = now.live();
    } else if (!live && !print_new(tails, print)) {
      break;
    }
  }
  for (launch::LogTail& tail : tails) {
    print(tail.flush());
  }
  return {};
}

}  // namespace mig::service
