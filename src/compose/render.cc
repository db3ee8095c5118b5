// SPDX-License-Identifier: Apache-2.0
#include "compose/render.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/strings.h"
#include "compose/merge.h"
#include "compose/resolve.h"
#include "compose/wishes.h"
#include "config/compose_text.h"

namespace mig::compose {
namespace {

using config::ComposeDevice;
using config::ComposeForm;
using config::ComposeRequest;
using config::ComposeService;
using config::ComposeServiceText;
using config::ComposeWish;

bool is_gpu(const ComposeRequest& request) {
  return request.gpu || request.driver == "nvidia" || request.driver == "cdi";
}

bool asks_for_gpu(const ComposeService& service) {
  const bool devices =
      std::any_of(service.devices.begin(), service.devices.end(), [](const ComposeDevice& one) {
        return one.form != ComposeForm::kCuda && one.text != "void" && one.text != "none";
      });
  return devices || std::any_of(service.requests.begin(), service.requests.end(), is_gpu);
}

// UUID of the instance that a reference means, or meant; "" = cannot be told.
std::string instance_of(const Machine& machine, const ComposeDevice& device) {
  if (device.unknown) {
    return "";
  }
  std::string name = device.text;
  const bool cdi = config::is_cdi_name(name);
  if (cdi) {
    if (name.substr(0, name.find('=')) != machine.kind) {
      return "";
    }
    name = name.substr(name.find('=') + 1);
  }
  const Meaning meaning = resolve(machine, name, cdi);
  return meaning.kind == Meaning::Kind::kInstance ? meaning.uuid : meaning.instead;
}

// The instances that a service's own references mean; empty when one of them cannot be told.
std::vector<std::string> named_already(const Machine& machine, const ComposeService& service) {
  std::vector<std::string> uuids;
  for (const ComposeDevice& device : service.devices) {
    if (device.form == ComposeForm::kCuda) {
      continue;
    }
    const std::string uuid = instance_of(machine, device);
    if (uuid.empty()) {
      return {};
    }
    if (std::find(uuids.begin(), uuids.end(), uuid) == uuids.end()) {
      uuids.push_back(uuid);
    }
  }
  return uuids;
}

std::vector<std::pair<std::string, std::string>> wish_text(const ComposeWish& wish) {
  std::vector<std::pair<std::string, std::string>> text;
  if (wish.profile) {
    text.emplace_back("profile", wish.profile->str());
  }
  if (!wish.slot.empty()) {
    text.emplace_back("slot", wish.slot);
  }
  if (wish.memory_mib) {
    text.emplace_back("memory", fmt::format("{}MiB", *wish.memory_mib));
  }
  if (wish.sm) {
    text.emplace_back("sm", fmt::format("{}", *wish.sm));
  }
  if (!wish.gpu.empty()) {
    text.emplace_back("gpu", wish.gpu);
  }
  if (wish.count != 1) {
    text.emplace_back("count", fmt::format("{}", wish.count));
  }
  if (wish.shared) {
    text.emplace_back("shared", "true");
  }
  return text;
}

class Renderer {
 public:
  Renderer(const RenderRequest& request, const Machine& machine)
      : request_(request), machine_(machine) {}

  Result<ComposeRendered> run() {
    seats_ = request_.layout ? seats_of(machine_, *request_.layout) : seats_of(machine_);
    if (request_.files.empty()) {
      MIG_TRY(want_for_a_whole_file());
    } else {
      MIG_TRY(want_for_services());
    }
    if (wanted_.empty()) {
      return fail(
          ErrorCode::kNothingMatched,
          "no service asks for a GPU",
          "say what each wants: x-migctl: {profile: 1g.10gb} in the file, or --want NAME=1g.10gb");
    }
    MIG_ASSIGN_OR_RETURN(const auto given, assign(machine_, wanted_, seats_));
    for (std::size_t i = 0; i < wanted_.size(); ++i) {
      for (const std::size_t seat : given[i]) {
        MIG_TRY(give(wanted_[i], seats_[seat]));
      }
    }
    for (ComposeServiceText& text : texts_) {
      MIG_TRY(replace_earlier(text));
    }
    add_notes();
    out_.text = config::compose_text(texts_, comments());
    return std::move(out_);
  }

 private:
  Result<void> want_for_a_whole_file() {
    if (request_.image.empty()) {
      return fail(ErrorCode::kUsage,
                  "a whole file needs the image of its services",
                  "--image IMAGE; or name the Compose file whose services are meant");
    }
    for (const auto& [service, wish] : request_.wants) {
      if (service.empty()) {
        return fail(ErrorCode::kUsage,
                    "--want needs the name of a service where no Compose file is named",
                    "--want train=1g.10gb");
      }
      add(service, wish, "", true);
    }
    if (!request_.wants.empty()) {
      return {};
    }
    for (const Seat& seat : seats_) {  // one service for each instance
      ComposeWish wish;
      if (!seat.slot.empty()) {
        wish.slot = seat.slot;
      } else {
        wish.profile = seat.instance.profile;
      }
      const std::string& name = seat.name().empty() ? seat.instance.uuid : seat.name();
      add(name, wish, seat.instance.uuid, true);
    }
    return {};
  }

  const ComposeWish* want_of(const std::string& service) const {
    for (const auto& [name, wish] : request_.wants) {
      if (name == service) {
        return &wish;
      }
    }
    return nullptr;
  }

  Result<void> want_for_services() {
    services_ = merged_services(request_.files);
    MIG_TRY(check_wants());
    std::vector<std::string> undecided;
    for (const ComposeService& service : services_) {
      const ComposeWish* want = want_of(service.name);
      if (want != nullptr || service.wish) {
        add(service.name, want != nullptr ? *want : *service.wish, "", want != nullptr);
        continue;
      }
      if (!asks_for_gpu(service)) {
        continue;
      }
      const std::vector<std::string> named = named_already(machine_, service);
      for (const std::string& uuid : named) {
        add(service.name, {}, uuid, false);
      }
      if (!named.empty()) {
        continue;
      }
      if (const ComposeWish* others = want_of("")) {
        add(service.name, *others, "", true);
      } else {
        undecided.push_back(
            fmt::format("{} ({})", base::printable(service.name), service.position.str()));
      }
    }
    if (!undecided.empty()) {
      return fail(
          ErrorCode::kNothingMatched,
          fmt::format(
              "what these services name is no instance, and they do not say what they want: {}",
              base::join(undecided, ", ")),
          "x-migctl: {profile: 1g.10gb} in the service, --want NAME=1g.10gb, or --want any for all "
          "of "
          "them");
    }
    return {};
  }

  Result<void> check_wants() const {
    std::vector<std::string> names;
    for (const ComposeService& service : services_) {
      names.push_back(service.name);
    }
    for (const auto& [name, wish] : request_.wants) {
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
        const auto near = base::nearest(name, names, 1);
        return fail(ErrorCode::kNotFound,
                    fmt::format("--want: there is no service {}", base::quoted(name)),
                    near.empty() ? "the files have " + base::join(names, ", ")
                                 : fmt::format("did you mean {}?", near[0]));
      }
    }
    return {};
  }

  void add(const std::string& service, const ComposeWish& wish, std::string uuid, bool write_wish) {
    wanted_.push_back({service, wish, std::move(uuid)});
    if (texts_.empty() || texts_.back().name != service) {
      ComposeServiceText text;
      text.name = service;
      text.image = request_.files.empty() ? request_.image : "";
      text.wish = write_wish ? wish_text(wish) : decltype(text.wish)();
      texts_.push_back(std::move(text));
    }
  }

  Result<void> give(const Wanted& wanted, const Seat& seat) {
    const bool id = request_.form == Form::kNvidia || request_.uuids || seat.name().empty();
    if (id && seat.instance.uuid.empty()) {
      return fail(
          ErrorCode::kNothingMatched,
          fmt::format(
              "service {}: there is no UUID yet: {}", base::quoted(wanted.service), seat.place),
          "make the instance first, or write names that last: --form devices or cdi, without "
          "--uuid");
    }
    const std::string name = request_.form == Form::kNvidia
                                 ? seat.instance.uuid
                                 : machine_.kind + "=" + (id ? seat.instance.uuid : seat.name());
    const auto text = std::find_if(
        texts_.begin(), texts_.end(), [&](const auto& one) { return one.name == wanted.service; });
    config::ComposeList& list = request_.form == Form::kDevices ? text->devices : text->device_ids;
    list.items.push_back(name);
    text->driver = request_.form == Form::kNvidia ? "nvidia" : "cdi";
    out_.bindings.push_back(
        {wanted.service,
         wanted.uuid.empty() ? wanted.wish.str() : "what it names",
         name,
         seat.instance.profile.gpu_slices == 0 ? "" : seat.instance.profile.str(),
         seat.instance.gpu,
         seat.instance.uuid});
    places_.push_back(seat.place);
    if (seat.instance.uuid.empty() && !request_.layout) {
      out_.notes.push_back(fmt::format("{}: {}", wanted.service, seat.place));
    }
    if (!seat.lease.empty()) {
      out_.notes.push_back(fmt::format("{}: {} has {}", wanted.service, seat.lease, seat.place));
    }
    return {};
  }

  // What the service's own files give it already must not come beside what is given here.
  Result<void> replace_earlier(ComposeServiceText& text) const {
    const auto service =
        std::find_if(services_.begin(), services_.end(), [&](const ComposeService& one) {
          return one.name == text.name;
        });
    if (service == services_.end()) {
      return {};
    }
    for (const ComposeDevice& device : service->devices) {
      text.devices.replaces = text.devices.replaces || device.form == ComposeForm::kDevices;
    }
    MIG_TRY(replace_variables(*service, text));
    for (const ComposeRequest& one : service->requests) {
      text.device_ids.replaces = text.device_ids.replaces || one.form == ComposeForm::kReservation;
      text.resets_gpus = text.resets_gpus || one.form == ComposeForm::kGpus;
      if (!is_gpu(one)) {
        return cannot_replace(*service, one.position, "a device request that is for no GPU");
      }
    }
    if (text.devices.replaces) {
      if (service->other_long_devices) {
        return cannot_replace(
            *service, service->position, "devices in the long form that are no GPU");
      }
      text.devices.items.insert(
          text.devices.items.begin(), service->other_devices.begin(), service->other_devices.end());
    }
    text.resets_runtime = service->nvidia_runtime.has_value() && request_.form != Form::kNvidia;
    return {};
  }

  Result<void> replace_variables(const ComposeService& service, ComposeServiceText& text) const {
    bool visible = false, cuda = false;
    for (const ComposeDevice& device : service.devices) {
      visible = visible || device.form == ComposeForm::kVisible;
      const bool uuid = device.unknown || device.text.find('-') != std::string::npos;
      if (device.form != ComposeForm::kCuda || !uuid) {
        continue;  // an index counts inside of the container
      }
      cuda = true;
      if (service.lists_environment) {
        return cannot_replace(service,
                              device.position,
                              "CUDA_VISIBLE_DEVICES in a list",
                              "an override cannot take that back");
      }
    }
    if (visible) {
      const bool ids = request_.form == Form::kNvidia;
      text.variables.emplace_back(
          "NVIDIA_VISIBLE_DEVICES",
          ids ? base::join(text.device_ids.items, ",") : std::string("void"));
    }
    if (cuda) {
      text.variables.emplace_back("CUDA_VISIBLE_DEVICES", std::nullopt);
    }
    return {};
  }

  static Result<void> cannot_replace(const ComposeService& service,
                                     const SourcePosition& where,
                                     const std::string& what,
                                     const std::string& why = "an override would drop that") {
    return fail(
        ErrorCode::kInvalidInput,
        fmt::format("{}: service {} names a GPU in its file, beside {}: {}",
                    where.str(),
                    base::quoted(service.name),
                    what,
                    why),
        "remove the GPU from the file by hand, and let x-migctl say what the service wants");
  }

  void add_notes() {
    const bool names = request_.form != Form::kNvidia;
    if (names && machine_.kept.empty()) {
      out_.notes.push_back("no CDI file is kept yet: " + machine_.program + " cdi generate");
    }
    if (!names || request_.uuids) {
      out_.notes.push_back("UUIDs change when instances are made again: " + machine_.program +
                           " compose check finds it");
    }
    if (request_.layout) {
      out_.notes.push_back("for instances of the layout " +
                           base::printable(request_.layout->label) +
                           ", which need not exist yet: apply it before the start");
    }
    for (std::size_t i = 0; i < out_.bindings.size(); ++i) {
      const ComposeBinding& one = out_.bindings[i];
      out_.notes.push_back(fmt::format("{}: {} is {}", one.service, one.name, places_[i]));
    }
  }

  std::vector<std::string> comments() const {
    std::vector<std::string> lines;
    if (!request_.files.empty()) {
      std::vector<std::string> words;
      for (const config::ComposeFile& file : request_.files) {
        words.push_back("-f " + base::printable(file.file));
      }
      lines.push_back(fmt::format("Beside its project's own file: docker compose {} -f THIS up",
                                  base::join(words, " ")));
    }
    const bool replaces =
        std::any_of(texts_.begin(), texts_.end(), [](const ComposeServiceText& one) {
          return one.devices.replaces || one.device_ids.replaces || one.resets_gpus ||
                 one.resets_runtime || !one.variables.empty();
        });
    if (replaces) {
      lines.emplace_back(
          "Replaces what that file names (!override, !reset): Compose 2.24.4 or later.");
    }
    return lines;
  }

  const RenderRequest& request_;
  const Machine& machine_;
  std::vector<ComposeService> services_;
  std::vector<Seat> seats_;
  std::vector<Wanted> wanted_;
  std::vector<ComposeServiceText> texts_;
  std::vector<std::string> places_;  // of out_.bindings
  ComposeRendered out_;
};

}  // namespace

std::optional<Form> form_named(const std::string& name) {
  static const std::map<std::string, Form> kForms = {
      {"devices", Form::kDevices}, {"cdi", Form::kCdi}, {"nvidia", Form::kNvidia}};
  const auto form = kForms.find(name);
  return form == kForms.end() ? std::nullopt : std::optional(form->second);
}

Result<ComposeRendered> render(const RenderRequest& request, const Machine& machine) {
  return Renderer(request, machine).run();
}

}  // namespace mig::compose
