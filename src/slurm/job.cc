// SPDX-License-Identifier: Apache-2.0
#include "slurm/job.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/own_path.h"
#include "base/strings.h"
#include "slurm/conf.h"

namespace mig::slurm {
namespace {

constexpr std::size_t kMostGresBytes = 4U << 20U;
constexpr std::size_t kMostJobFile = 4096;
constexpr std::size_t kMostDevices = 1024;
constexpr std::chrono::seconds kFilePatience{20};
constexpr std::size_t kMostFiles = 1024;

std::string job_name(const std::string& id) {
  return "slurm-" + id;
}

Result<std::vector<Device>> devices_of_job(const Settings& settings,
                                           const JobWords& job,
                                           const std::vector<Device>& all) {
  std::vector<Device> out;
  for (const std::uint32_t index : job.devices) {
    const auto found = std::find_if(
        all.begin(), all.end(), [&](const Device& device) { return device.index == index; });
    if (found == all.end()) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("{} does not know device {} of job {}: {} are there",
                              settings.gres_conf,
                              index,
                              job.id,
                              all.size()),
                  "migctl slurm check says what differs");
    }
    out.push_back(*found);
  }
  return out;
}

// "0.3" of GPU 0, GPU instance 3; "0" of a whole GPU.
std::string job_file(const Settings& settings, const Device& device) {
  return device.gpu_instance
             ? fmt::format(
                   "{}/{}.{}", settings.hpc_jobs, device.gpu.value, device.gpu_instance->value)
             : fmt::format("{}/{}", settings.hpc_jobs, device.gpu.value);
}

Result<base::FileLock> job_files_lock(const Settings& settings) {
  return base::FileLock::acquire(
      settings.hpc_jobs + "/.lock", kFilePatience, base::system_clock(), "changing files of jobs");
}

enum class InFile { kAlone, kToo, kNot };

// With the job alone, with it too, or without it; a file that names no job goes.
Result<void> change_job_file(const std::string& path, const std::string& id, InFile how) {
  const auto text = base::read_file(path, kMostJobFile);
  std::vector<std::string> ids;
  for (std::string& line : base::split(text ? *text : "", '\n')) {
    if (how != InFile::kAlone && !line.empty() && line != id) {
      ids.push_back(std::move(line));
    }
  }
  if (how != InFile::kNot) {
    ids.push_back(id);
  }
  if (ids.empty()) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return Error{base::errno_error("remove", path, errno)};
    }
    return {};
  }
  return base::write_file_atomic(path, base::join(ids, "\n") + "\n");
}

Result<void> add_job_files(const Settings& settings,
                           const std::vector<Device>& all,
                           const std::vector<Device>& devices,
                           const std::string& id) {
  if (settings.hpc_jobs.empty()) {
    return {};
  }
  MIG_TRY(base::make_own_folders(settings.hpc_jobs, 0755));
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, job_files_lock(settings));
  for (const Device& device : devices) {
    // Of several compute instances each may have a job; else who stands there has ended.
    const auto parts = std::count_if(all.begin(), all.end(), [&](const Device& other) {
      return other.gpu == device.gpu && other.gpu_instance == device.gpu_instance;
    });
    MIG_TRY(
        change_job_file(job_file(settings, device), id, parts > 1 ? InFile::kToo : InFile::kAlone));
  }
  return {};
}

Result<void> remove_job_files(const Settings& settings, const std::string& id) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (settings.hpc_jobs.empty() || !fs::is_directory(settings.hpc_jobs, error)) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, job_files_lock(settings));
  std::size_t seen = 0;
  for (fs::directory_iterator at(settings.hpc_jobs, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with('.') || !at->is_regular_file(error) || ++seen > kMostFiles) {
      continue;
    }
    const auto text = base::read_file(at->path().string(), kMostJobFile);
    const auto lines = base::split(text ? *text : "", '\n');
    if (std::find(lines.begin(), lines.end(), id) != lines.end()) {
      MIG_TRY(change_job_file(at->path().string(), id, InFile::kNot));
    }
  }
  return {};
}

// Leases that Slurm's jobs had on the instance are over: Slurm gives it to one job at a time.
// Another job of this number was requeued.
Result<void> free_for(client::LeaseClient& leases, const Device& device) {
  MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer now, leases.list());
  for (const lease::Lease& lease : now.leases) {
    if (lease.instance.uuid != device.uuid || !lease.ending.empty()) {
      continue;
    }
    if (!lease.job.starts_with("slurm-")) {
      return fail(ErrorCode::kInUse,
                  fmt::format("{} is leased outside of Slurm: lease {} of {}{}",
                              device.uuid,
                              lease.id,
                              lease.tenant,
                              lease.job.empty() ? "" : " (" + base::printable(lease.job) + ")"),
                  "a node of Slurm hands out its instances alone: migctl lease release");
    }
    MIG_TRY(leases.release(lease.id));
  }
  return {};
}

lease::LeaseRequest request_for(const Settings& settings,
                                const JobWords& job,
                                const Device& device) {
  lease::LeaseRequest request;
  request.need.uuid = device.uuid;
  request.user = job.uid;
  request.job = job_name(job.id);
  request.limit_ms = settings.lease_time.count();
  request.holder = lease::LeaseHolder::time();
  return request;
}

Result<void> lease_all(const Settings& settings,
                       const JobWords& job,
                       const std::vector<Device>& devices,
                       const OpenLeases& open) {
  MIG_ASSIGN_OR_RETURN(const auto leases, open());
  for (const Device& device : devices) {
    if (device.gpu_instance) {
      MIG_TRY(free_for(*leases, device));
      MIG_TRY(leases->acquire(request_for(settings, job, device), {}));
    }
  }
  return {};
}

Result<void> release_all(const JobWords& job, const OpenLeases& open) {
  MIG_ASSIGN_OR_RETURN(const auto leases, open());
  MIG_ASSIGN_OR_RETURN(const wire::LeaseAnswer now, leases->list());
  for (const lease::Lease& lease : now.leases) {
    if (lease.job == job_name(job.id) && lease.ending.empty()) {
      MIG_TRY(leases->release(lease.id));
    }
  }
  return {};
}

std::uint32_t number_of(const std::string& text, std::uint32_t otherwise) {
  return static_cast<std::uint32_t>(base::parse_decimal(text, UINT32_MAX).value_or(otherwise));
}

// True for what a task with the right to a node gets: a driver that is not there is no refusal.
bool may_open_node(const std::string& path) {
  const base::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  return fd.valid() || (errno != EPERM && errno != EACCES && errno != ENOENT);
}

}  // namespace

Result<std::vector<Device>> devices_of_files(const Settings& settings) {
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(settings.gres_conf, kMostGresBytes));
  MIG_ASSIGN_OR_RETURN(const auto block, block_of(text, settings.gres_conf, settings.node));
  if (!block) {
    return fail(
        ErrorCode::kNotFound,
        fmt::format("{} has no part of migctl for node {}", settings.gres_conf, settings.node),
        "migctl slurm apply writes it");
  }
  return devices_in(*block, settings.gres_conf);
}

Variables slurm_variables() {
  Variables out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (text.starts_with("SLURM") && equals != std::string::npos) {
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return out;
}

Result<JobWords> parse_job(const Variables& variables) {
  const auto value = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  JobWords job;
  job.id = value("SLURM_JOB_ID");
  job.uid = value("SLURM_JOB_UID");
  const auto digits = [](const std::string& text) {
    return base::parse_decimal(text, UINT32_MAX).has_value();
  };
  if (!digits(job.id) || (!job.uid.empty() && !digits(job.uid))) {
    return fail(ErrorCode::kUsage,
                "this is no program of a Slurm job: SLURM_JOB_ID or SLURM_JOB_UID is no number",
                "slurmd runs it: Prolog=, Epilog= and TaskProlog= in slurm.conf");
  }
  job.constraints = value("SLURM_JOB_CONSTRAINTS");
  job.local_task = number_of(value("SLURM_LOCALID"), 0);
  // "7", "2(x3),1": alike on the nodes of a step; the node's own place in the list is not told.
  const std::string tasks = value("SLURM_STEP_TASKS_PER_NODE");
  job.local_tasks = number_of(tasks.substr(0, tasks.find_first_of("(,")), 1);
  std::string list = value("SLURM_STEP_GPUS");
  list = list.empty() ? value("SLURM_JOB_GPUS") : list;
  for (const std::string& word :
       list.empty() ? std::vector<std::string>() : base::split(list, ',')) {
    const auto index = base::parse_decimal(word, UINT32_MAX);
    if (!index || job.devices.size() >= kMostDevices) {
      return fail(
          ErrorCode::kInvalidInput,
          fmt::format("Slurm names the devices {}: numbers are expected", base::quoted(list)));
    }
    job.devices.push_back(static_cast<std::uint32_t>(*index));
  }
  return job;
}

Result<std::vector<std::string>> prolog(const Settings& settings,
                                        const JobWords& job,
                                        const std::vector<Device>& all,
                                        const OpenLeases& leases) {
  std::vector<std::string> notes;
  if (job.devices.empty()) {
    return notes;
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Device> devices, devices_of_job(settings, job, all));
  if (settings.lease != "off") {
    if (auto leased = lease_all(settings, job, devices, leases); !leased) {
      const bool bars = settings.lease == "require" || leased.error().code == ErrorCode::kInUse;
      static_cast<void>(release_all(job, leases));
      if (bars) {
        return std::move(leased).error();
      }
      notes.push_back("without a lease: " + leased.error().text());
    }
  }
  if (const auto added = add_job_files(settings, all, devices, job.id); !added) {
    notes.push_back("no hpc_job files: " + added.error().text());
  }
  return notes;
}

Result<void> epilog(const Settings& settings, const JobWords& job, const OpenLeases& leases) {
  auto files = remove_job_files(settings, job.id);
  if (settings.lease != "off") {
    MIG_TRY(release_all(job, leases));
  }
  return files;
}

std::vector<Device> devices_of_task(const std::vector<Device>& all,
                                    const std::vector<std::uint32_t>& named,
                                    const std::function<bool(const std::string&)>& may_open) {
  std::vector<Device> open, both;
  for (const Device& device : all) {
    if (std::all_of(device.files.begin(), device.files.end(), may_open)) {
      open.push_back(device);
      if (std::find(named.begin(), named.end(), device.index) != named.end()) {
        both.push_back(device);
      }
    }
  }
  return both.empty() && open.size() < all.size() ? open : both;
}

Result<std::string> task_prolog(const Settings& settings, const JobWords& job) {
  if (job.devices.empty()) {
    return std::string();
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Device> all, devices_of_files(settings));
  const std::vector<Device> mine = devices_of_task(all, job.devices, may_open_node);
  if (mine.empty()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("job {} may open the nodes of none of its devices", job.id),
                "migctl slurm check says whether gres.conf is of this machine's layout");
  }
  std::vector<std::string> uuids;
  uuids.reserve(mine.size());
  for (const Device& device : mine) {
    uuids.push_back(device.uuid);
  }
  const std::string list = base::join(uuids, ",");
  return fmt::format("export CUDA_VISIBLE_DEVICES={0}\nexport NVIDIA_VISIBLE_DEVICES={0}\n", list);
}

}  // namespace mig::slurm
