// SPDX-License-Identifier: Apache-2.0
#include "cli/run_options.h"

#include <fmt/core.h>

#include "base/strings.h"
#include "cli/driver.h"
#include "cli/units.h"

namespace mig::cli {
namespace {

constexpr std::uint32_t kMostRanks = 256;
constexpr std::size_t kLongestName = 100;

Error needs(const char* what, const char* why, const char* hint) {
  return Error{ErrorCode::kUsage, fmt::format("run: {}: {}", what, why), hint, {}, {}};
}

}  // namespace

void RunOptions::declare(Options& options) {
  declare_instance(options);
  declare_job(options);
  if (job_ == Job::kProgram) {
    declare_program(options);
  }
}

// What an engine has its own words for, or which makes no sense for a container.
void RunOptions::declare_program(Options& options) {
  options.text({"--ranks",
                "torch",
                "with --count, --all: one PyTorch training (RANK, WORLD_SIZE, MASTER_ADDR ...)"},
               ranks_);
  options.text({"--restart", "POLICY", "no, on-failure[:N], always (default: no)"}, restart_);
  options.flag(
      {"--linger",
       "",
       "what the command leaves behind keeps the lease, up to its limit; else it is ended"},
      linger);
  options.text({"--devices",
                "auto|own|all",
                "only its instance's device nodes can be opened: where possible (auto), or it does "
                "not start (own); or no such limit (all)"},
               devices_);
  options.text({"--compat",
                "uuid|index",
                "how the command sees its instance: by its UUID, or (for programs that refuse one) "
                "as device 0, for CUDA and NVML the only one; needs the sandbox of --devices own"},
               compat_);
}

void RunOptions::declare_instance(Options& options) {
  options.text({"-p,--profile", "PROFILE", "1g.5gb, 1c.3g.20gb: of the compute instance"},
               profile_);
  options.text({"--slot", "NAME", "the instance at this named place; see migctl slot"}, slot);
  options.text({"--uuid", "UUID", "this instance: MIG-..."}, uuid_);
  options.text({"-i,--gpu", "GPU", "on this GPU: index, UUID or PCI bus id"}, gpu);
  options.number({"--gi", "N", "this GPU instance (with --gpu)"}, gpu_instance_);
  options.number({"--ci", "N", "this compute instance (with --gi)"}, compute_instance_);
  options.text(
      {"--memory", "SIZE", "at least so much memory: 12GiB, 10GB, 900MiB; smallest that fits"},
      memory_);
  options.number({"--sms", "N", "at least so many SMs; smallest that fits"}, sms_);
  options.number({"--count", "N", "once on each of N instances, 1 to 256; see $MIGCTL_RANK"},
                 count_);
  options.flag({"--all", "", "once on every instance that matches"}, every_);
  options.flag({"--create", "", "make the instance from free slices when there is none"}, create_);
  options.number({"--shared", "N", "beside up to N-1 others that say so (default: alone)"},
                 shared_);
  options.text({"--wait", "TIME", "wait so long for one to come free: 45s, 10m (default: 0s)"},
               wait);
  options.text({"--priority", "N", "in the queue: -100 to 100, higher first (default: 0)"},
               priority);
  options.flag({"--preempt", "", "ask jobs of lower priority to go (with --wait)"}, preempt);
}

void RunOptions::declare_job(Options& options) {
  options.text({"--name",
                "NAME",
                job_ == Job::kProgram ? "for jobs, logs and stop; $MIGCTL_JOB_NAME for the command"
                                      : "for jobs, logs and stop, and of the container"},
               name_);
  options.flag({"-d,--detach", "", "in the background; prints the job's number"}, detach);
  options.flag({"--log", "", "keep the output for migctl logs (with -d, --count, --all: always)"},
               log_);
  options.text({"--time,--for,--timeout", "TIME", "end it after so long: 1h30m; exit code 124"},
               time_);
  options.text({"--grace", "TIME", "from SIGTERM to SIGKILL when it is ended (default: 10s)"},
               grace_);
}

Result<void> RunOptions::fill(service::RunRequest& request) const {
  MIG_TRY(fill_selection(request));
  MIG_TRY(fill_job(request));
  request.where.create = create_;
  request.where.shared = shared_.value_or(1);
  if (preempt && wait.empty()) {
    return needs(
        "--preempt needs --wait", "who is asked to go gets time for it", "--preempt --wait 2m");
  }
  return {};
}

Result<void> RunOptions::fill_selection(service::RunRequest& request) const {
  auto& selection = request.where.selection;
  if (!profile_.empty()) {
    MIG_ASSIGN_OR_RETURN(selection.profile, ProfileName::parse(profile_));
  }
  selection.uuid = uuid_;
  if (!slot.empty() && !uuid_.empty()) {
    return fail(ErrorCode::kUsage, "run: --slot and --uuid exclude each other");
  }
  if (gpu_instance_) {
    selection.gpu_instance = GpuInstanceId{*gpu_instance_};
  }
  if (compute_instance_) {
    selection.compute_instance = ComputeInstanceId{*compute_instance_};
  }
  if (compute_instance_ && !gpu_instance_) {
    return fail(ErrorCode::kUsage, "run: --ci needs --gi");
  }
  if (gpu_instance_ && gpu.empty()) {
    return fail(ErrorCode::kUsage, "run: --gi needs --gpu: ids repeat on each GPU");
  }
  if (!memory_.empty()) {
    MIG_ASSIGN_OR_RETURN(selection.min_memory_mib, parse_memory("--memory", memory_));
  }
  selection.min_sm = sms_;
  if (every_ && count_) {
    return fail(ErrorCode::kUsage, "run: --all and --count exclude each other");
  }
  if (count_ && (*count_ < 1 || *count_ > kMostRanks)) {
    return fail(ErrorCode::kUsage, fmt::format("--count takes 1 to {}", kMostRanks));
  }
  request.where.count = count_.value_or(1);
  request.where.every = every_;
  return {};
}

Result<void> RunOptions::fill_job(service::RunRequest& request) const {
  request.command.name = name_;
  if (name_.size() > kLongestName || name_.find_first_not_of("0123456789") == std::string::npos) {
    if (!name_.empty()) {
      return needs("--name cannot be taken",
                   "it has more than 100 bytes, or is a number, which would name a job by its id",
                   "--name train-a");
    }
  }
  if (!wait.empty()) {
    MIG_ASSIGN_OR_RETURN(request.where.wait, parse_duration("--wait", wait));
  }
  if (!time_.empty()) {
    MIG_ASSIGN_OR_RETURN(request.limits.timeout, parse_duration("--time", time_));
    if (request.limits.timeout->count() == 0) {
      return fail(ErrorCode::kUsage, "--time is 0: the command would never run");
    }
  }
  if (!grace_.empty()) {
    MIG_ASSIGN_OR_RETURN(request.limits.grace, parse_duration("--grace", grace_));
  }
  MIG_ASSIGN_OR_RETURN(request.command.restart, service::RestartPolicy::parse(restart_));
  request.command.log = log_;
  request.command.detached = detach;
  if (devices_ == "own") {
    request.command.devices = service::Devices::kOwn;
  } else if (devices_ == "all") {
    request.command.devices = service::Devices::kAll;
  }
  if (compat_ == "index") {
    if (devices_ == "all") {
      return needs("--compat index excludes --devices all",
                   "where every instance can be opened, index 0 is whichever is first",
                   "--devices own");
    }
    request.command.index_view = service::IndexView{compat_library_dir(), ""};
  }
  request.command.together = ranks_ == "torch";
  if (request.command.together && request.where.count < 2 && !every_) {
    return needs("--ranks needs --count or --all", "one command has no ranks", "--count 2");
  }
  if (!name_.empty()) {
    request.command.environment.emplace_back("MIGCTL_JOB_NAME", name_);
  }
  return {};
}

}  // namespace mig::cli
