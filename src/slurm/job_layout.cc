// SPDX-License-Identifier: Apache-2.0
#include "slurm/job_layout.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/file_lock.h"
#include "base/json.h"
#include "base/own_path.h"
#include "base/strings.h"
#include "service/layouts.h"
#include "slurm/conf.h"
#include "slurm/controller.h"
#include "slurm/node_files.h"
#include "store/places.h"

namespace mig::slurm {
namespace {

constexpr std::string_view kFeature = "mig-";
constexpr std::string_view kRefused = "# refused: ";
constexpr const char* kCommand = "slurm prolog";
constexpr std::size_t kMostJobRecord = 64U << 10U;
constexpr std::size_t kMostStateBytes = 4U << 20U;
constexpr std::size_t kLongestWhy = 2000;
constexpr std::size_t kMostChangesAfter = 1000;
constexpr std::chrono::seconds kPatience{60};
// Processes of a job that has ended may need a moment to leave the instance.
constexpr std::chrono::seconds kLeave{30};

struct JobRecord {
  std::string job, layout;
  std::int64_t last_before = 0;  // number of the last change of the machine before the job's
};

std::string job_record_path(const node::Node& node) {
  const std::string path = store::beside_journal(node.places().journal(), "slurm-job");
  return path.substr(0, path.rfind(".db")) + ".json";
}

Result<void> write_job_record(const std::string& path, const JobRecord& record) {
  base::Json json;
  json["version"] = 1;
  json["job"] = record.job;
  json["layout"] = record.layout;
  json["lastBefore"] = record.last_before;
  const std::string text = json.dump(2, ' ', false, base::Json::error_handler_t::replace) + "\n";
  auto written = base::write_file_atomic(path, text, 0600);
  return written ? Result<void>() : std::move(written).error().in("recording the job's layout");
}

Result<std::optional<JobRecord>> read_job_record(const std::string& path) {
  const auto text = base::read_file(path, kMostJobRecord);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return std::optional<JobRecord>();
    }
    return text.error();
  }
  MIG_ASSIGN_OR_RETURN(const base::Json json,
                       base::parse_json(*text, {kMostJobRecord, "the record " + path}));
  base::JsonProblem problem;
  const base::JsonReader reader(json, "", problem);
  JobRecord record;
  record.job = reader.at("job").text();
  record.layout = reader.at("layout").text();
  record.last_before = static_cast<std::int64_t>(reader.at("lastBefore").number());
  if (reader.at("version").number() != 1) {
    problem.report("version", "a record of another version of migctl");
  }
  if (problem.any()) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{}: {}", path, problem.text()));
  }
  return std::optional(std::move(record));
}

Result<void> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Error{base::errno_error("remove", path, errno)};
  }
  return {};
}

std::string state_file(const Settings& settings, const std::string& job) {
  return settings.job_state + "/" + job + ".conf";
}

Result<void> write_state(const Settings& settings, const std::string& job, std::string_view text) {
  MIG_TRY(base::make_own_folders(settings.job_state, 0755));
  return base::write_file_atomic(state_file(settings, job), text, 0644);
}

Result<base::FileLock> lock_of(const node::Node& node) {
  MIG_ASSIGN_OR_RETURN(const std::string folder, node.places().runtime_dir());
  return base::FileLock::acquire(folder + "/slurm-job.lock",
                                 kPatience,
                                 base::system_clock(),
                                 "changing the layout for a Slurm job");
}

Result<std::int64_t> last_change(node::Node& node) {
  MIG_ASSIGN_OR_RETURN(const auto last, node.history(1));
  return last.empty() ? 0 : last.front().id;
}

// The job's own change, if it was carried out and nobody has changed the machine since.
Result<std::optional<std::int64_t>> change_of(node::Node& node, const JobRecord& record) {
  MIG_ASSIGN_OR_RETURN(const auto changes, node.history(kMostChangesAfter));
  for (const ChangeRecord& change : changes) {  // the newest first
    if (change.id <= record.last_before) {
      break;
    }
    if (change.state != ChangeState::kApplied || change.steps == 0) {
      continue;
    }
    if (change.command == kCommand && change.reason == "job " + record.job) {
      return std::optional(change.id);
    }
    return std::optional<std::int64_t>();
  }
  return std::optional<std::int64_t>();
}

// What must be so once no job has a layout: gres.conf names the nodes that the machine's instances
// have. Where only UUIDs are others, the map in its comments is written anew, of which Slurm need
// not be told.
Result<void> fit_files(const Settings& settings, node::Node& node) {
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory(node::Age::fresh()));
  MIG_ASSIGN_OR_RETURN(const Files files, files_of_machine(settings, node, now));
  MIG_ASSIGN_OR_RETURN(const std::vector<Device> said, devices_of_files(settings));
  const auto plain = [](std::vector<Device> devices) {
    for (Device& device : devices) {
      device.uuid.clear();
    }
    return devices;
  };
  if (plain(said) != plain(files.devices)) {
    return fail(ErrorCode::kConflict,
                fmt::format("the machine has other instances than {} says: {}",
                            settings.gres_conf,
                            base::join(device_differences(said, files.devices), "; ")),
                "migctl slurm apply with the node's layout puts both right");
  }
  if (said == files.devices) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const NodeFiles before, read_node_files(settings));
  MIG_ASSIGN_OR_RETURN(const NodeFiles next, fitted(before, files));
  return write_node_files(before, next);
}

// A program of Slurm's has no --evict that the hint could name: what is there now is nobody's, and
// the node is drained by then.
Error still_held(Error error, const Settings& settings) {
  if (error.code == ErrorCode::kTimeout || error.code == ErrorCode::kInUse) {
    error.hint = fmt::format(
        "end what runs there (migctl holders tells it), then: migctl slurm recover; scontrol "
        "update NodeName={} State=RESUME",
        settings.node);
  }
  return error;
}

// Under the lock.
Result<void> put_back(const Settings& settings,
                      node::Node& node,
                      const JobRecord& record,
                      service::ChangeObserver& observer) {
  MIG_ASSIGN_OR_RETURN(const auto open, node.interrupted());
  if (open) {
    const std::shared_ptr<void> guarded = observer.guard();
    MIG_ASSIGN_OR_RETURN(const auto recovery, node.recover([&] { observer.alive(); }));
    if (recovery.result.outcome == node::Outcome::kStuck) {
      return fail(ErrorCode::kStuck,
                  fmt::format("the layout of job {} was cut short, and is stuck", record.job),
                  "migctl recover says why");
    }
  }
  MIG_ASSIGN_OR_RETURN(const auto change, change_of(node, record));
  if (change) {
    service::ChangeOptions options;
    options.command = "slurm epilog";
    options.reason = "job " + record.job;
    options.wait = kLeave;
    const auto done = service::change(node, service::wish_undo(change), options, observer);
    if (!done) {
      return still_held(done.error(), settings);
    }
    if (done->result && !service::went_well(*done->result)) {
      Error error = done->result->failure.value_or(Error{ErrorCode::kRolledBack, "", {}, {}, {}});
      return std::move(error).in("putting the node's own layout back");
    }
  }
  MIG_TRY(remove_file(state_file(settings, record.job)));
  MIG_TRY(remove_file(job_record_path(node)));
  return fit_files(settings, node);
}

Result<void> holds_all(const Settings& settings, const JobWords& job, const std::string& layout) {
  MIG_ASSIGN_OR_RETURN(const std::vector<Device> all, devices_of_files(settings));
  std::vector<std::uint32_t> has = job.devices;
  std::sort(has.begin(), has.end());
  has.erase(std::unique(has.begin(), has.end()), has.end());
  if (has.size() == all.size() && !all.empty()) {
    return {};
  }
  return fail(
      ErrorCode::kInvalidInput,
      fmt::format("the feature {}{} is for a job that has all {} of node {}; this one has {}",
                  kFeature,
                  layout,
                  base::counted(all.size(), "GPU"),
                  settings.node,
                  has.size()),
      fmt::format("--gres=gpu:{}", all.size()));
}

Result<void> change_for(node::Node& node,
                        const Settings& settings,
                        const JobRecord& record,
                        service::ChangeObserver& observer) {
  MIG_TRY(base::only_trusted_write(settings.job_layouts));
  MIG_ASSIGN_OR_RETURN(const Spec spec, service::read_layouts(settings.job_layouts));
  const auto wish = [&](const Inventory& now) -> Result<DesiredLayout> {
    MIG_ASSIGN_OR_RETURN(DesiredLayout wanted, service::resolve_layout(spec, record.layout, now));
    if (!service::differences(now, wanted, true).empty()) {
      return fail(
          ErrorCode::kNotSupported,
          fmt::format("the layout {} changes MIG modes, which a job's may not", record.layout),
          "a layout with MIG on where it is on; modes are changed by migctl slurm apply");
    }
    return wanted;
  };
  service::ChangeOptions options;
  options.command = kCommand;
  options.reason = "job " + record.job;
  options.allow_reset = false;
  MIG_ASSIGN_OR_RETURN(const service::Changed done,
                       service::change(node, service::wish_layout(wish), options, observer));
  if (!done.result || service::went_well(*done.result)) {
    return {};
  }
  Error error = done.result->failure.value_or(Error{ErrorCode::kRolledBack, "", {}, {}, {}});
  if (done.result->outcome == node::Outcome::kStuck) {
    error.code = ErrorCode::kStuck;
  }
  return error;
}

}  // namespace

Result<std::optional<std::string>> layout_asked(std::string_view constraints) {
  std::optional<std::string> found;
  std::size_t begin = 0;
  while (begin < constraints.size()) {
    const std::size_t end =
        std::min(constraints.find_first_of("&|,[]()*", begin), constraints.size());
    const std::string_view word = constraints.substr(begin, end - begin);
    begin = end + 1;
    if (!word.starts_with(kFeature) || word.size() == kFeature.size()) {
      continue;
    }
    if (found || constraints.find_first_of("|[") != std::string_view::npos) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("--constraint={} leaves open which layout the job wants",
                              base::quoted(std::string(constraints))),
                  "name one, and no alternatives: --constraint=mig-NAME");
    }
    found = std::string(word.substr(kFeature.size()));
  }
  return found;
}

Result<std::optional<std::string>> job_with_layout(const node::Node& node) {
  MIG_ASSIGN_OR_RETURN(const auto record, read_job_record(job_record_path(node)));
  return record ? std::optional(record->job) : std::nullopt;
}

Result<std::vector<Device>> begin_job_layout(const Settings& settings,
                                             node::Node& node,
                                             const JobWords& job,
                                             const std::string& layout,
                                             service::ChangeObserver& observer) {
  MIG_TRY(holds_all(settings, job, layout));
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, lock_of(node));
  const std::string path = job_record_path(node);
  JobRecord record{job.id, layout, 0};
  MIG_ASSIGN_OR_RETURN(record.last_before, last_change(node));
  MIG_TRY(base::remove_temporaries(path));
  MIG_TRY(write_job_record(path, record));
  auto changed = change_for(node, settings, record, observer);
  if (!changed) {
    Error error = std::move(changed).error();
    // Rolled back: nothing of it is there. Stuck: who runs next recovers first.
    if (error.code != ErrorCode::kStuck) {
      MIG_TRY(remove_file(path));
    }
    return std::move(error).in(fmt::format("layout {} for job {}", layout, job.id));
  }
  MIG_ASSIGN_OR_RETURN(const Inventory now, node.inventory(node::Age::fresh()));
  MIG_ASSIGN_OR_RETURN(const Files files, files_of_machine(settings, node, now));
  MIG_TRY(write_state(settings, job.id, files.gres_conf));
  return files.devices;
}

Result<void> end_job_layout(const Settings& settings,
                            node::Node& node,
                            const std::string& job,
                            service::ChangeObserver& observer) {
  const std::string state = state_file(settings, job);
  const auto text = base::read_file(state, kMostStateBytes);
  if (text && text->starts_with(kRefused)) {
    MIG_TRY(remove_file(state));
  }
  // Slurm runs a job's epilog after its prolog has ended, however that was.
  MIG_TRY(base::remove_temporaries(state));
  MIG_ASSIGN_OR_RETURN(const auto there, read_job_record(job_record_path(node)));
  if (!there) {
    return {};
  }
  MIG_ASSIGN_OR_RETURN(const base::FileLock lock, lock_of(node));
  MIG_ASSIGN_OR_RETURN(const auto record, read_job_record(job_record_path(node)));
  if (!record || record->job != job) {
    return {};
  }
  return put_back(settings, node, *record, observer);
}

Result<std::optional<std::string>> end_left_layout(const Settings& settings,
                                                   node::Node& node,
                                                   const OpenLeases& leases,
                                                   service::ChangeObserver& observer) {
  MIG_ASSIGN_OR_RETURN(auto job, job_with_layout(node));
  if (!job) {
    return job;
  }
  MIG_ASSIGN_OR_RETURN(const auto running, Controller(settings).running());
  const bool runs = std::any_of(
      running.begin(), running.end(), [&](const QueuedJob& one) { return one.number == *job; });
  if (runs) {
    return fail(ErrorCode::kInUse,
                fmt::format("job {} has a layout of its own on node {}", *job, settings.node),
                "it is put back when the job ends: scontrol show job " + *job);
  }
  observer.note(fmt::format("putting back the layout of before job {}, which is over", *job));
  JobWords over;
  over.id = *job;
  MIG_TRY(epilog(settings, over, leases));
  MIG_TRY(end_job_layout(settings, node, *job, observer));
  return job;
}

Result<void> refuse_job(const Settings& settings, const JobWords& job, const Error& why) {
  std::string text =
      base::printable(why.hint.empty() ? why.text() : why.text() + " (" + why.hint + ")");
  text.resize(std::min(text.size(), kLongestWhy));
  return write_state(settings, job.id, std::string(kRefused) + text + "\n");
}

Result<std::optional<TaskWords>> task_of_layout(const Settings& settings, const JobWords& job) {
  const std::string path = state_file(settings, job.id);
  const auto text = base::read_file(path, kMostStateBytes);
  if (!text) {
    if (text.error().code == ErrorCode::kNotFound) {
      return std::optional<TaskWords>();
    }
    return text.error();
  }
  if (text->starts_with(kRefused)) {
    return std::optional(TaskWords{"print migctl: " + text->substr(kRefused.size()), true});
  }
  MIG_ASSIGN_OR_RETURN(const auto block, block_of(*text, path, settings.node));
  if (!block) {
    return fail(ErrorCode::kInvalidInput, fmt::format("{} has no devices", path));
  }
  MIG_ASSIGN_OR_RETURN(const std::vector<Device> devices, devices_in(*block, path));
  if (devices.empty()) {
    return std::optional(TaskWords{});
  }
  // CUDA uses one instance a process: each task of several gets its own, as long as there are some.
  std::vector<std::string> uuids;
  if (job.local_tasks > 1) {
    uuids.push_back(devices.at(job.local_task % devices.size()).uuid);
  } else {
    for (const Device& device : devices) {
      uuids.push_back(device.uuid);
    }
  }
  return std::optional(
      TaskWords{fmt::format("export CUDA_VISIBLE_DEVICES={0}\nexport NVIDIA_VISIBLE_DEVICES={0}\n",
                            base::join(uuids, ",")),
                false});
}

}  // namespace mig::slurm
