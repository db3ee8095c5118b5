// SPDX-License-Identifier: Apache-2.0
#include "launch/run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/strings.h"
#include "base/unix_time.h"
#include "holders/container.h"
#include "holders/process_facts.h"
#include "launch/cgroup.h"
#include "launch/job_book.h"
#include "launch/job_processes.h"
#include "launch/leftovers.h"
#include "launch/log_keeper.h"
#include "launch/ranks.h"
#include "launch/sandbox.h"
#include "launch/take.h"

namespace mig::launch {
namespace {

constexpr std::size_t kLongestCommand = 500;
constexpr std::chrono::seconds kPatienceWithLog{5};

bool has_terminal() {
  return base::open_file("/dev/tty", O_RDWR).has_value();
}

std::string own_folder() {
  char buffer[4096];
  return ::getcwd(buffer, sizeof buffer) == nullptr ? "" : buffer;
}

// One job from its record to its end. Members in order of initialisation.
class Job {
 public:
  Job(const RunRequest& request, const ReadInventory& read, const RunPlaces& places)
      : request_(request), read_(read), places_(places) {}

  Result<RunResult> run() {
    MIG_TRY(open_record());
    RunRequest asked = request_;
    asked.observer.on_wait = [this](const std::string& why) { waits(why); };
    auto taken = take_instances(asked, read_, places_.claims);
    if (!taken) {
      return not_begun(std::move(taken).error());
    }
    taken_ = *std::move(taken);
    if (auto ready = prepare(); !ready) {
      return not_begun(std::move(ready).error());
    }
    RunResult result;
    for (const TakenInstance& one : taken_.instances) {
      result.instances.push_back(one.instance);
    }
    result.job = row_.id;
    result.end = supervise_all();
    taken_ = {};  // the instances are free, however long the reader of the output takes
    if (keeper_) {
      result.output_lost = keeper_->wait_shown();
    }
    return result;
  }

 private:
  bool logged() const { return request_.command.log || request_.command.detached || several(); }

  bool several() const { return request_.where.every || request_.where.count > 1; }

  void note(const std::string& line) const {
    if (request_.observer.on_note) {
      request_.observer.on_note(line);
    }
  }

  // A background job without a record could not be found again, so it is refused; others go on.
  Result<void> open_record() {
    row_.name = request_.command.name;
    std::vector<std::string> words;
    for (const std::string& word : request_.command.argv) {
      words.push_back(word.find_first_of(" \t\n'\"\\") == std::string::npos && !word.empty()
                          ? word
                          : base::quoted(word, kLongestCommand));
    }
    row_.command = base::join(words, " ").substr(0, kLongestCommand);
    row_.folder = own_folder();
    row_.logged = logged();
    row_.detached = request_.command.detached;
    auto book = JobBook::open(places_.jobs, places_.proc);
    if (book) {
      book_.emplace(*std::move(book));
      MIG_TRY(book_->begin(row_));
      return {};
    }
    if (logged()) {
      return std::move(book).error().in("the job's record");
    }
    note("this job is in no record, `migctl jobs` will not show it: " + book.error().text());
    return {};
  }

  void waits(const std::string& why) {
    row_.note = why;
    save();
    if (request_.observer.on_wait) {
      request_.observer.on_wait(why);
    }
    its_way();
  }

  void its_way() {
    if (std::exchange(told_, true) || !request_.observer.on_its_way) {
      return;
    }
    request_.observer.on_its_way(row_.id);
  }

  Error not_begun(Error error) {
    row_.finished_ms = base::unix_ms();
    row_.note = error.text();
    save();
    return error;
  }

  void save() {
    if (book_) {
      static_cast<void>(book_->update(row_));  // a failure to record does not stop the job
    }
  }

  Result<void> prepare() {
    const auto count = static_cast<std::uint32_t>(taken_.instances.size());
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");  // NOLINT(concurrency-mt-unsafe)
    for (const std::string& warning : warnings_of(request_.command.argv,
                                                  visible == nullptr ? "" : visible,
                                                  count,
                                                  request_.command.together)) {
      note(warning);
    }
    if (const std::string hint = index_hint(request_.command.argv);
        !hint.empty() && !request_.command.index_view && !containers()) {
      note(hint);
    }
    MIG_TRY(confine());
    if (!taken_.place && !containers()) {
      make_own_cgroup();
    }
    row_.confined = !confinements_.empty();
    row_.started_ms = base::unix_ms();
    row_.note.clear();
    own_group_ = request_.command.detached || !has_terminal();
    const std::uint16_t rendezvous = request_.command.together ? free_loopback_port() : 0;
    std::map<GpuIndex, int> ranks_on;
    for (const TakenInstance& taken : taken_.instances) {
      ++ranks_on[taken.instance.gpu];
    }
    MIG_TRY(keep_logs(count));
    for (std::uint32_t rank = 0; rank < count; ++rank) {
      MIG_TRY(prepare_rank(
          {rank, count, row_.id, rendezvous, ranks_on[taken_.instances[rank].instance.gpu] > 1}));
    }
    save();
    return {};
  }

  Result<void> keep_logs(std::uint32_t count) {
    if (!logged()) {
      return {};
    }
    book_->limit_logs();
    std::vector<LogStream> streams;
    for (std::uint32_t rank = 0; rank < count; ++rank) {
      streams.push_back(
          {book_->log_path(row_.id, rank), several() ? fmt::format("[{}] ", rank) : ""});
    }
    const int show = request_.command.detached ? -1 : request_.observer.show;
    MIG_ASSIGN_OR_RETURN(LogKeeper keeper, LogKeeper::start(std::move(streams), show));
    keeper_.emplace(std::move(keeper));
    return {};
  }

  void make_own_cgroup() {
    cgroup_ = JobCgroup::make(fmt::format("migctl-job-{}-{}", ::getuid(), ::getpid()));
    row_.cgroup = cgroup_ ? cgroup_->path() : "";
  }

  // Has the new process placed in its lease's cgroup or, where there is none, in one of our own.
  Result<void> announce(std::size_t rank, int pid) {
    MIG_ASSIGN_OR_RETURN(std::string path, taken_.place(rank, pid));
    if (holders::is_containers_cgroup(path)) {
      return {};  // the container's, not its client's
    }
    if (path.empty()) {
      if (!cgroup_) {
        make_own_cgroup();
      }
      if (cgroup_) {
        cgroup_->add(pid);
      } else if (!leftovers_) {
        leftovers_.emplace(places_.proc, pid);
      }
      return {};
    }
    if (rank == 0) {
      row_.cgroup = path;
      save();
    }
    lease_cgroups_.insert(std::move(path));
    return {};
  }

  Result<void> prepare_rank(const RankFacts& facts) {
    const TakenInstance& taken = taken_.instances[facts.rank];
    ChildRequest child;
    child.argv = request_.command.argv;
    child.environment = request_.command.environment;
    for (auto& pair : rank_environment(taken.instance, facts)) {
      child.environment.push_back(std::move(pair));
    }
    if (const auto& view = request_.command.index_view) {
      // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread (run.h)
      show_as_index(child.environment, taken.instance, *view, std::getenv("LD_LIBRARY_PATH"));
    }
    if (row_.supervisor_pid != 0) {
      child.environment.emplace_back(kJobMark, job_mark(row_));
    }
    if (containers()) {
      MIG_ASSIGN_OR_RETURN(child.argv, container_command(facts, child.environment));
    }
    child.own_group = own_group_;
    child.null_input = request_.command.detached || several();
    if (taken.claim) {
      child.inherit_fd = taken.claim->fd();
    }
    if (cgroup_) {
      child.cgroup_fd = cgroup_->folder_fd();
    }
    if (taken_.place) {
      child.announce = [this, rank = facts.rank](int pid) { return announce(rank, pid); };
    }
    if (!confinements_.empty()) {
      child.confinement = &confinements_[facts.rank];
    }
    if (keeper_) {
      child.output_fd = keeper_->fd(facts.rank);
    }
    children_.push_back(std::move(child));

    store::JobRankRow row;
    row.rank = facts.rank;
    row.instance = taken.instance;
    row.own_group = own_group_;
    row_.ranks.push_back(std::move(row));
    return {};
  }

  Containers* containers() const { return request_.command.containers.get(); }

  // The client's words, once the lease has a cgroup for what it starts.
  Result<std::vector<std::string>> container_command(const RankFacts& facts,
                                                     const Environment& environment) {
    Containers::Place place{taken_.instances[facts.rank].instance,
                            facts.rank,
                            facts.count,
                            places_.jobs,
                            "",
                            row_.id,
                            0,
                            "",
                            environment};
    if (taken_.leased) {
      place.lease = taken_.leased->ids.at(facts.rank);
      place.tenant = taken_.leased->tenant;
      if (const auto& cgroups = containers()->engine().cgroups) {
        MIG_ASSIGN_OR_RETURN(place.cgroup, taken_.leased->containers(facts.rank, *cgroups));
      }
    }
    return containers()->command_for(place);
  }

  Result<void> confine() {
    std::string why_not;
    MIG_ASSIGN_OR_RETURN(
        confinements_, sandboxes_of(request_.command, taken_.instances, places_.devices, why_not));
    if (!why_not.empty()) {
      note(why_not);
    }
    return {};
  }

  JobEnd supervise_all() {
    if (request_.observer.on_start) {
      for (std::uint32_t rank = 0; rank < taken_.instances.size(); ++rank) {
        request_.observer.on_start(taken_.instances[rank].instance, rank);
      }
    }
    SuperviseRequest job;
    job.ranks = std::move(children_);
    job.restart = request_.command.restart;
    job.timeout = time_of_job(taken_, request_.limits);
    job.grace = grace_of_job(taken_, request_.limits);
    job.end_together = request_.command.together;
    job.on_started = [this](std::size_t rank, int pid) { started(rank, pid); };
    job.on_ended = [this](std::size_t rank, const RankEnd& end, auto again_in) {
      ended(rank, end, again_in);
    };
    job.ask_rest = [this] {
      if (containers()) {
        containers()->stop(grace_of_job(taken_, request_.limits));
      }
      signal_rest(SIGTERM);
    };
    job.kill_rest = [this] {
      if (containers()) {
        containers()->kill();
      }
      if (cgroup_) {
        cgroup_->kill();
      }
      for (const std::string& path : lease_cgroups_) {
        JobCgroup::kill_all(path);
      }
      signal_rest(SIGKILL);
    };
    if (keeper_) {
      job.woken = [this] { keeper_->look(); };
    }
    JobEnd end = supervise(job);
    if (containers() && containers()->settle(end.stopped) && taken_.leased) {
      taken_.leased->leave();
      note("the container goes on without its client; its lease ends with it");
    }
    end_leftovers();
    if (keeper_) {
      keeper_->commands_ended(kPatienceWithLog);
    }
    row_.finished_ms = base::unix_ms();
    row_.exit_code = end.exit_code();
    if (end.timed_out) {
      note(fmt::format("the job's time was over: {} s",
                       std::chrono::duration_cast<std::chrono::seconds>(*job.timeout).count()));
    }
    if (end.timed_out) {
      row_.note = "its time was over";
    }
    save();
    return end;
  }

  // Who keeps the leases ends what is in a lease's cgroup; the rest is ours.
  void end_leftovers() const {
    if (!taken_.lease) {
      return;  // no lease, or one that lingers
    }
    if (leftovers_) {
      leftovers_->end(request_.limits.grace);
    } else if (cgroup_) {
      cgroup_->end(request_.limits.grace);
    }
  }

  // To what left the process groups of the commands, also where there is no cgroup.
  void signal_rest(int signal) const {
    for (const JobProcess& process : processes_of_job(row_, places_.proc)) {
      const bool commands =
          std::any_of(row_.ranks.begin(), row_.ranks.end(), [&](const store::JobRankRow& rank) {
            return rank.pid == static_cast<std::int64_t>(process.pid) ||
                   (rank.own_group && rank.pid == process.group);
          });
      if (!commands || signal == SIGKILL) {
        static_cast<void>(signal_job_process(process, signal, places_.proc));
      }
    }
  }

  void started(std::size_t rank, int pid) {
    const TakenInstance& taken = taken_.instances[rank];
    if (taken.claim) {
      taken.claim->set_holder(pid);
    }
    store::JobRankRow& row = row_.ranks[rank];
    row.pid = pid;
    row.start_ticks = static_cast<std::int64_t>(
        holders::start_of(places_.proc, static_cast<std::uint32_t>(pid)).value_or(0));
    save_rank(row);
    tell_running(rank);
  }

  void ended(std::size_t rank,
             const RankEnd& end,
             std::optional<std::chrono::milliseconds> again_in) {
    store::JobRankRow& row = row_.ranks[rank];
    row.pid = row.start_ticks = 0;
    row.exit_code = end.exit_code;
    row.restarts = end.restarts + (again_in ? 1 : 0);
    row.note = end.start_failure ? end.start_failure->text() : "";
    save_rank(row);
    if (again_in) {
      note(fmt::format("{}the command ended with {}; it starts again in {} s (restart {})",
                       several() ? fmt::format("rank {}: ", rank) : "",
                       end.exit_code,
                       again_in->count() / 1000,
                       row.restarts));
    } else if (!end.start_failure) {
      tell_running(rank);  // it may have ended before the others started
    }
  }

  void save_rank(const store::JobRankRow& row) {
    if (book_) {
      static_cast<void>(book_->update_rank(row_.id, row));
    }
  }

  // Reports once, when all commands have started.
  void tell_running(std::size_t rank) {
    begun_.resize(taken_.instances.size());
    begun_[rank] = true;
    if (std::all_of(begun_.begin(), begun_.end(), [](bool begun) { return begun; })) {
      its_way();
    }
  }

  const RunRequest& request_;
  const ReadInventory& read_;
  const RunPlaces& places_;
  std::optional<JobBook> book_;
  store::JobRow row_;
  Taken taken_;
  std::unique_ptr<JobCgroup> cgroup_;
  std::set<std::string> lease_cgroups_;    // paths
  std::optional<Leftovers> leftovers_;     // without any cgroup
  std::vector<Confinement> confinements_;  // one per rank; empty: no sandbox
  std::optional<LogKeeper> keeper_;        // with a log
  std::vector<ChildRequest> children_;
  std::vector<bool> begun_;
  bool own_group_ = false, told_ = false;
};

}  // namespace

Result<RunResult> run_job(const RunRequest& request,
                          const ReadInventory& read,
                          const RunPlaces& places) {
  if (request.command.argv.empty() || request.command.argv.front().empty()) {
    return fail(ErrorCode::kUsage, "no command to run is given", "it stands after --");
  }
  return Job(request, read, places).run();
}

JobOutcome RunResult::outcome() const {
  JobOutcome out;
  out.job = job;
  out.exit_code = end.exit_code();
  out.timed_out = end.timed_out;
  for (std::size_t rank = 0; rank < instances.size(); ++rank) {
    out.ranks.push_back({instances[rank], end.ranks[rank].exit_code, end.ranks[rank].restarts});
  }
  return out;
}

}  // namespace mig::launch
