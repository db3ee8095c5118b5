// SPDX-License-Identifier: Apache-2.0
#include "compose/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "compose/merge.h"
#include "compose/past.h"
#include "compose/resolve.h"
#include "compose/sharing.h"
#include "compose/wishes.h"

namespace mig::compose {
namespace {

using config::ComposeDevice;
using config::ComposeForm;
using config::ComposeRequest;
using config::ComposeService;

class Checker {
 public:
  Checker(const Project& project, const Machine& machine) : project_(project), machine_(machine) {}

  ComposeReport run() {
    for (const config::ComposeFile& file : project_.files) {
      report_.files.push_back(file.file);
      if (file.includes) {
        say(*file.includes,
            "",
            "not-read",
            Verdict::kNote,
            "",
            "include: those files are not read",
            {machine_.program + " compose check FILE... with them"});
      }
    }
    const std::vector<ComposeService> services = merged_services(project_.files);
    report_.services = static_cast<std::uint32_t>(services.size());
    for (const ComposeService& service : services) {
      check_service(service);
    }
    for (const auto& [uuid, uses] : uses_) {
      find_shared(machine_, uuid, uses, report_.findings);
    }
    std::stable_sort(report_.findings.begin(), report_.findings.end(), before);
    return std::move(report_);
  }

 private:
  static bool before(const ComposeFinding& a, const ComposeFinding& b) {
    return std::tie(a.where.file, a.where.line, a.where.column) <
           std::tie(b.where.file, b.where.line, b.where.column);
  }

  ComposeFinding& say(const SourcePosition& where,
                      const std::string& service,
                      std::string rule,
                      Verdict verdict,
                      const std::string& reference,
                      std::string found,
                      std::vector<std::string> mend = {}) {
    report_.findings.push_back({where,
                                service,
                                std::move(rule),
                                verdict,
                                reference,
                                std::move(found),
                                std::move(mend),
                                ""});
    return report_.findings.back();
  }

  void check_service(const ComposeService& service) {
    given_.clear();
    unsure_ = false;
    for (const ComposeRequest& request : service.requests) {
      check_request(service, request);
    }
    for (const ComposeDevice& device : service.devices) {
      check_device(service, device);
    }
    check_marks(service);
    check_wish(service);
  }

  void check_request(const ComposeService& service, const ComposeRequest& request) {
    const auto complain = [&](const char* rule,
                              Verdict verdict,
                              std::string found,
                              std::string mend) {
      say(request.position, service.name, rule, verdict, "", std::move(found), {std::move(mend)});
    };
    if (!request.has_capabilities) {
      complain("no-capabilities",
               Verdict::kProblem,
               "a device request without capabilities is refused by Compose",
               request.driver == "cdi" ? "write capabilities: []" : "write capabilities: [gpu]");
    }
    if (request.bare_number) {
      complain("bare-number",
               Verdict::kProblem,
               "an id without quotes is a number, which Compose refuses",
               "write it in quotes");
    }
    if (!request.has_ids &&
        (request.gpu || request.driver == "nvidia" || request.driver == "cdi")) {
      unsure_ = true;
      complain("unnamed",
               Verdict::kWarning,
               "names no instance: it can get another's, or all of them",
               "name instances in device_ids");
    }
  }

  void check_device(const ComposeService& service, const ComposeDevice& device) {
    if (device.unknown) {
      unsure_ = true;
      say(device.position,
          service.name,
          "variable",
          Verdict::kNote,
          device.text,
          fmt::format("cannot be judged: {} is not set here", base::printable(*device.unknown)),
          {"set it as Compose will have it; a .env file is not read here"});
      return;
    }
    if (device.form == ComposeForm::kDevices && !config::is_cdi_name(device.text)) {
      unsure_ = true;
      say(device.position,
          service.name,
          "node",
          Verdict::kWarning,
          device.text,
          "a device node by its path: its number can be another instance's after a change",
          {"name the instance as a CDI device, and leave nodes away"});
      return;
    }
    if (device.form == ComposeForm::kVisible || device.form == ComposeForm::kCuda) {
      check_variable(service, device);
    } else if (config::is_cdi_name(device.text)) {
      check_cdi(service, device);
    } else if (device.driver == "cdi") {
      say(device.position,
          service.name,
          "no-cdi-name",
          Verdict::kProblem,
          device.text,
          "driver cdi takes names of CDI devices only",
          {fmt::format("write {}={}", machine_.kind, lasting(device.text))});
    } else {
      check_id(service, device);
    }
  }

  // "train-a" for whatever names its instance.
  std::string lasting(const std::string& name) const {
    const Meaning meaning = resolve(machine_, name, true);
    const cdi::Device* device = lasting_name(machine_, meaning.uuid);
    return meaning.kind == Meaning::Kind::kInstance && device != nullptr ? device->name : "NAME";
  }

  void check_variable(const ComposeService& service, const ComposeDevice& device) {
    const bool cuda = device.form == ComposeForm::kCuda;
    const bool uuid = device.text.starts_with("MIG-") || device.text.starts_with("GPU-");
    if (device.text.empty() || device.text == "void" || device.text == "none" || (cuda && !uuid)) {
      return;  // nothing is asked for; an index of CUDA counts inside of the container
    }
    if (config::is_cdi_name(device.text)) {
      check_cdi(service, device);
      return;
    }
    if (!cuda && !service.nvidia_runtime) {
      say(device.position,
          service.name,
          "no-runtime",
          Verdict::kNote,
          device.text,
          "NVIDIA_VISIBLE_DEVICES is read by NVIDIA's runtime only, which this service does not "
          "name",
          {"runtime: nvidia, unless it is the default; or a CDI device instead"});
    }
    check_id(service, device);
  }

  void check_id(const ComposeService& service, const ComposeDevice& device) {
    const Meaning meaning = resolve(machine_, device.text, false);
    const bool by_name =
        meaning.naming == cdi::Naming::kOrdinal || meaning.naming == cdi::Naming::kSlot;
    if (meaning.kind == Meaning::Kind::kInstance && by_name) {
      say(device.position,
          service.name,
          "name-for-driver",
          Verdict::kProblem,
          device.text,
          "the driver nvidia knows indices and UUIDs; a name is CDI's",
          {fmt::format("driver: cdi, capabilities: [], device_ids: [\"{}={}\"]",
                       machine_.kind,
                       device.text),
           "or write " + meaning.uuid});
      return;
    }
    judge(service, device, meaning);
  }

  void check_cdi(const ComposeService& service, const ComposeDevice& device) {
    const std::size_t equal = device.text.find('=');
    const std::string kind = device.text.substr(0, equal), name = device.text.substr(equal + 1);
    const auto in_files = machine_.in_files.find(device.text);
    const bool short_form = device.form == ComposeForm::kDevices;
    if ((device.form == ComposeForm::kReservation || device.form == ComposeForm::kGpus) &&
        device.driver != "cdi") {
      say(device.position,
          service.name,
          "driver",
          Verdict::kProblem,
          device.text,
          "the name of a CDI device needs driver: cdi",
          {"driver: cdi, capabilities: []"});
      return;
    }
    if (kind != machine_.kind) {
      check_other_kind(service, device, in_files == machine_.in_files.end());
      return;
    }
    const Meaning meaning = resolve(machine_, name, true);
    if (short_form && name.find(':') != std::string::npos) {
      say(device.position,
          service.name,
          "colon",
          Verdict::kProblem,
          device.text,
          "Compose splits the short form at the colon: the start fails",
          meaning.kind == Meaning::Kind::kInstance
              ? std::vector<std::string>{"write " + to_write(machine_, meaning.uuid, true)}
              : meaning.mend);
      return;
    }
    if (meaning.kind != Meaning::Kind::kNothing && in_files == machine_.in_files.end()) {
      say(device.position,
          service.name,
          "no-cdi-device",
          Verdict::kProblem,
          device.text,
          machine_.kept.empty() ? "no CDI file has it: migctl keeps none"
                                : "no CDI file has it, though the instance is there",
          {machine_.program + " cdi generate"});
      return;
    }
    if (in_files != machine_.in_files.end()) {
      check_files(service, device, in_files->second);
    }
    judge(service, device, meaning);
  }

  void check_other_kind(const ComposeService& service, const ComposeDevice& device, bool missing) {
    unsure_ = true;
    if (missing) {
      say(device.position,
          service.name,
          "no-cdi-device",
          device.text.starts_with("nvidia.com/") ? Verdict::kProblem : Verdict::kWarning,
          device.text,
          fmt::format("no CDI file has it; migctl's devices are of kind {}", machine_.kind),
          {machine_.program + " cdi list shows them"});
    } else {
      say(device.position,
          service.name,
          "foreign",
          Verdict::kNote,
          device.text,
          "a device of " + base::printable(machine_.in_files.at(device.text).front()) +
              ", which migctl does not keep: not judged");
    }
  }

  void check_files(const ComposeService& service,
                   const ComposeDevice& device,
                   const std::vector<std::string>& files) {
    const bool ours = std::find(files.begin(), files.end(), machine_.kept) != files.end();
    if (!ours || files.size() > 1) {
      say(device.position,
          service.name,
          "foreign",
          Verdict::kWarning,
          device.text,
          fmt::format(
              "{} has it{}: nobody rewrites that when instances change",
              base::printable(files.front() == machine_.kept ? files.back() : files.front()),
              ours ? " too" : ", not migctl's"),
          {machine_.program + " cdi check"});
    }
  }

  void judge(const ComposeService& service, const ComposeDevice& device, const Meaning& meaning) {
    switch (meaning.kind) {
      case Meaning::Kind::kNothing:
        unsure_ = true;
        say(device.position,
            service.name,
            meaning.rule,
            Verdict::kProblem,
            device.text,
            meaning.why,
            meaning.mend);
        break;
      case Meaning::Kind::kAll:
        unsure_ = true;
        say(device.position,
            service.name,
            "all",
            Verdict::kWarning,
            device.text,
            "every instance, of other services and users too",
            {"name the instance that is meant"});
        break;
      case Meaning::Kind::kInstance:
        judge_instance(service, device, meaning);
        break;
      case Meaning::Kind::kGpu:
        say(device.position,
            service.name,
            "ok",
            Verdict::kOk,
            device.text,
            "a whole GPU, without MIG")
            .uuid = meaning.uuid;
        break;
    }
  }

  void judge_instance(const ComposeService& service,
                      const ComposeDevice& device,
                      const Meaning& meaning) {
    const auto now = placed(machine_.now, meaning.uuid);
    if (!now) {
      return;
    }
    given_.insert(meaning.uuid);
    if (device.form != ComposeForm::kCuda) {
      uses_[meaning.uuid].push_back({&service, device.position, device.text});
    }
    const auto written = project_.written.find(device.position.file);
    const bool moves =
        meaning.naming == cdi::Naming::kIndex || meaning.naming == cdi::Naming::kUuid;
    if (written != project_.written.end() && moves) {
      const bool by_index = meaning.naming == cdi::Naming::kIndex;
      const auto was = meant_at(machine_.past,
                                written->second,
                                now->instance.gpu_uuid,
                                meaning.uuid,
                                by_index ? now->device_index : std::nullopt);
      if (was && text_of(*was) != now->str()) {
        say(device.position,
            service.name,
            "moved",
            Verdict::kProblem,
            device.text,
            fmt::format(
                "was {} when the file was written, and is {} now", text_of(*was), now->str()),
            mend_of_moved(*was, device))
            .uuid = meaning.uuid;
        return;
      }
    }
    ComposeFinding& fine = say(device.position,
                               service.name,
                               "ok",
                               Verdict::kOk,
                               device.text,
                               fmt::format("{} ({})", now->str(), meaning.uuid));
    fine.uuid = meaning.uuid;
    if (!now->lease.empty()) {
      say(device.position,
          service.name,
          "leased",
          Verdict::kNote,
          device.text,
          base::printable(now->lease) + " has the instance: a container beside it shares it");
    }
  }

  std::vector<std::string> mend_of_moved(const PastInstance& was,
                                         const ComposeDevice& device) const {
    const bool cdi = config::is_cdi_name(device.text);
    if (const auto there = at_place_of(was, machine_.now)) {
      return {fmt::format(
          "write {} for {}", to_write(machine_, there->instance.uuid, cdi), text_of(was))};
    }
    return {fmt::format(
        "{} is not there any more: write the file again, by names that last ({} compose "
        "render)",
        text_of(was),
        machine_.program)};
  }

  void check_marks(const ComposeService& service) {
    if (service.nvidia_runtime) {
      say(*service.nvidia_runtime,
          service.name,
          "runtime",
          Verdict::kNote,
          "runtime: nvidia",
          "NVIDIA's older way, which needs its runtime in Docker",
          {"a CDI device needs no runtime of its own"});
    }
    if (service.privileged) {
      say(*service.privileged,
          service.name,
          "privileged",
          Verdict::kWarning,
          "privileged: true",
          "sees the device nodes of every instance, whatever it is given",
          {"leave it away, or give the capabilities that are needed (cap_add)"});
    }
    if (service.extends) {
      unsure_ = true;
      say(*service.extends,
          service.name,
          "not-read",
          Verdict::kNote,
          "",
          "extends: what the service takes from there is not read");
    }
  }

  void check_wish(const ComposeService& service) {
    if (!service.wish || unsure_) {
      return;
    }
    const std::string wish = service.wish->str();
    if (given_.empty()) {
      if (has_problem(service.name)) {
        return;
      }
      say(service.wish->position,
          service.name,
          "not-given",
          Verdict::kProblem,
          "",
          fmt::format("asks for {} and is given no device", wish),
          {fmt::format("{} compose render {} -o compose.override.yaml",
                       machine_.program,
                       base::printable(service.wish->position.file))});
      return;
    }
    for (const std::string& uuid : given_) {
      const std::string why = why_not(machine_, *service.wish, uuid);
      if (!why.empty()) {
        say(service.wish->position,
            service.name,
            "mismatch",
            Verdict::kProblem,
            "",
            fmt::format("asks for {} and is given {}", wish, why),
            {fmt::format("{} compose render", machine_.program)});
      }
    }
    if (given_.size() != service.wish->count) {
      say(service.wish->position,
          service.name,
          "mismatch",
          Verdict::kProblem,
          "",
          fmt::format(
              "asks for {} and is given {}", wish, base::counted(given_.size(), "instance")),
          {fmt::format("{} compose render", machine_.program)});
    }
  }

  bool has_problem(const std::string& service) const {
    return std::any_of(
        report_.findings.begin(), report_.findings.end(), [&](const ComposeFinding& one) {
          return one.service == service && one.verdict == Verdict::kProblem;
        });
  }

  const Project& project_;
  const Machine& machine_;
  ComposeReport report_;
  std::map<std::string, std::vector<Use>> uses_;  // by UUID
  std::set<std::string> given_;                   // UUIDs of the service that is looked at
  bool unsure_ = false;                           // it may be given others
};

}  // namespace

ComposeReport check(const Project& project, const Machine& machine) {
  return Checker(project, machine).run();
}

}  // namespace mig::compose
