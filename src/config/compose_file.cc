// SPDX-License-Identifier: Apache-2.0
#include "config/compose_file.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "config/compose_wish.h"
#include "config/document.h"
#include "config/source_text.h"

namespace mig::config {
namespace {

using Kind = Node::Kind;

constexpr std::size_t kMostServices = 1000;
constexpr std::uint32_t kMostReplicas = 10'000;

// Member of a map; nullptr: not there, or null.
const Node* child(const Node* map, std::string_view key) {
  for (std::size_t i = 0; map != nullptr && map->is(Kind::kMap) && i + 1 < map->items.size();
       i += 2) {
    if (map->items[i].text == key) {
      return map->items[i + 1].is(Kind::kNull) && map->items[i + 1].tag.empty()
                 ? nullptr
                 : &map->items[i + 1];
    }
  }
  return nullptr;
}

std::string child_text(const Node* node) {
  return node != nullptr && node->is(Kind::kScalar) ? node->text : std::string();
}

Result<void> must_be_list(const Node& node, std::string_view key) {
  if (node.is(Kind::kSequence) || !node.tag.empty()) {
    return {};
  }
  return complaint(node.position, fmt::format("{} is a list, not {}", key, node.described()));
}

bool replaces(const Node& node) {
  return node.tag == "!override" || node.tag == "!reset";
}

class ServiceReader {
 public:
  explicit ServiceReader(const Variables& variables) : variables_(variables) {}

  Result<ComposeService> read(const Node& name, const Node& map) {
    service_.name = name.text;
    service_.position = name.position;
    if (map.is(Kind::kNull)) {
      return std::move(service_);
    }
    if (!map.is(Kind::kMap)) {
      return complaint(
          map.position,
          fmt::format("service {} is a map, not {}", base::quoted(name.text), map.described()));
    }
    service_.image = child_text(child(&map, "image"));
    if (const Node* wish = child(&map, "x-migctl")) {
      MIG_ASSIGN_OR_RETURN(service_.wish, read_compose_wish(*wish));
    }
    if (const Node* devices = child(&map, "devices")) {
      MIG_TRY(read_devices(*devices));
    }
    const Node* deploy = child(&map, "deploy");
    if (const Node* requests =
            child(child(child(deploy, "resources"), "reservations"), "devices")) {
      service_.replaces_requests = replaces(*requests);
      MIG_TRY(read_requests(*requests, ComposeForm::kReservation));
    }
    if (const Node* gpus = child(&map, "gpus")) {
      MIG_TRY(read_gpus(*gpus));
    }
    if (const Node* environment = child(&map, "environment")) {
      read_environment(*environment);
    }
    read_marks(map, deploy);
    return std::move(service_);
  }

 private:
  void add(ComposeForm form,
           const std::string& text,
           const SourcePosition& position,
           std::string driver = {}) {
    Interpolated value = interpolate(text, variables_);
    service_.devices.push_back(
        {form, std::move(value.text), std::move(value.unknown), std::move(driver), position});
  }

  Result<void> read_devices(const Node& list) {
    MIG_TRY(must_be_list(list, "devices"));
    service_.replaces_devices = replaces(list);
    for (const Node& item : list.items) {
      const Node* source = item.is(Kind::kMap) ? child(&item, "source") : &item;
      if (source == nullptr || !source->is(Kind::kScalar)) {
        return complaint(
            item.position,
            fmt::format("a device is a text, or a map with source, not {}", item.described()));
      }
      const std::string known = interpolate(source->text, variables_).text;
      if (is_cdi_name(known) || known.starts_with("/dev/nvidia") ||
          known.find('$') != std::string::npos) {
        add(ComposeForm::kDevices, source->text, source->position);
      } else if (item.is(Kind::kMap)) {
        service_.other_long_devices = true;
      } else {
        service_.other_devices.push_back(source->text);
      }
    }
    return {};
  }

  Result<void> read_gpus(const Node& gpus) {
    service_.resets_gpus = replaces(gpus);
    if (gpus.tag == "!reset") {
      return {};
    }
    if (gpus.is(Kind::kScalar) || gpus.is(Kind::kNull)) {  // gpus: all
      if (gpus.is(Kind::kScalar)) {
        service_.requests.push_back(
            {ComposeForm::kGpus, "", gpus.text, false, true, true, false, gpus.position});
      }
      return {};
    }
    return read_requests(gpus, ComposeForm::kGpus);
  }

  Result<void> read_requests(const Node& list, ComposeForm form) {
    MIG_TRY(must_be_list(list, form == ComposeForm::kGpus ? "gpus" : "reservations.devices"));
    for (const Node& item : list.items) {
      if (!item.is(Kind::kMap)) {
        return complaint(item.position, "a device request is a map, not " + item.described());
      }
      MIG_TRY(read_request(item, form));
    }
    return {};
  }

  Result<void> read_request(const Node& item, ComposeForm form) {
    ComposeRequest request;
    request.form = form;
    request.position = item.position;
    request.driver = child_text(child(&item, "driver"));
    request.count = child_text(child(&item, "count"));
    request.gpu = form == ComposeForm::kGpus;
    request.has_capabilities = request.gpu;
    if (const Node* capabilities = child(&item, "capabilities")) {
      MIG_TRY(must_be_list(*capabilities, "capabilities"));
      request.has_capabilities = true;
      for (const Node& one : capabilities->items) {
        request.gpu = request.gpu || one.text == "gpu" || one.text == "nvidia";
      }
    }
    if (const Node* ids = child(&item, "device_ids")) {
      MIG_TRY(must_be_list(*ids, "device_ids"));
      request.has_ids = !ids->items.empty();
      for (const Node& id : ids->items) {
        if (!id.is(Kind::kScalar)) {
          return complaint(id.position, "an id of device_ids is a text, not " + id.described());
        }
        request.bare_number = request.bare_number ||
                              (!id.quoted && base::parse_decimal(id.text, UINT32_MAX).has_value());
        add(form, id.text, id.position, request.driver);
      }
    }
    service_.requests.push_back(std::move(request));
    return {};
  }

  void read_variable(const std::string& name,
                     const std::string& value,
                     const SourcePosition& position) {
    if (name == "NVIDIA_VISIBLE_DEVICES" || name == "CUDA_VISIBLE_DEVICES") {
      const ComposeForm form = name.front() == 'N' ? ComposeForm::kVisible : ComposeForm::kCuda;
      Interpolated known = interpolate(value, variables_);
      if (known.unknown) {
        service_.devices.push_back(
            {form, std::move(known.text), std::move(known.unknown), "", position});
        return;
      }
      for (std::string& one : base::split(known.text, ',')) {
        service_.devices.push_back({form, std::move(one), std::nullopt, "", position});
      }
    }
  }

  // Both forms; a variable without value is the shell's.
  void read_environment(const Node& environment) {
    service_.lists_environment = environment.is(Kind::kSequence);
    if (environment.is(Kind::kMap)) {
      for (std::size_t i = 0; i + 1 < environment.items.size(); i += 2) {
        const Node& value = environment.items[i + 1];
        const std::string& name = environment.items[i].text;
        if (value.tag == "!reset") {
          service_.resets_visible = service_.resets_visible || name == "NVIDIA_VISIBLE_DEVICES";
          service_.resets_cuda = service_.resets_cuda || name == "CUDA_VISIBLE_DEVICES";
          continue;
        }
        read_variable(name, value.is(Kind::kNull) ? "${" + name + "}" : value.text, value.position);
      }
    }
    for (const Node& item :
         environment.is(Kind::kSequence) ? environment.items : std::vector<Node>()) {
      const std::size_t equal = item.text.find('=');
      const std::string name = item.text.substr(0, equal);
      read_variable(name,
                    equal == std::string::npos ? "${" + name + "}" : item.text.substr(equal + 1),
                    item.position);
    }
  }

  void read_marks(const Node& map, const Node* deploy) {
    const auto mark = [&](const Node* node, bool there, std::optional<SourcePosition>& target) {
      if (node != nullptr && there) {
        target = node->position;
      }
    };
    const Node* runtime = child(&map, "runtime");
    service_.resets_runtime = runtime != nullptr && runtime->tag == "!reset";
    mark(runtime,
         !service_.resets_runtime && child_text(runtime) == "nvidia",
         service_.nvidia_runtime);
    const Node* privileged = child(&map, "privileged");
    mark(privileged, child_text(privileged) == "true", service_.privileged);
    const Node* extends = child(&map, "extends");
    mark(extends, true, service_.extends);
    for (const Node* node : {child(deploy, "replicas"), child(&map, "scale")}) {
      const auto count = base::parse_decimal(child_text(node), kMostReplicas);
      service_.replicas = count ? static_cast<std::uint32_t>(*count) : service_.replicas;
    }
  }

  const Variables& variables_;
  ComposeService service_;
};

bool only(std::string_view text, std::string_view more) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || more.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

}  // namespace

const ComposeService* ComposeFile::find(std::string_view name) const {
  const auto at = std::find_if(services.begin(), services.end(), [&](const ComposeService& one) {
    return one.name == name;
  });
  return at == services.end() ? nullptr : &*at;
}

bool is_cdi_name(std::string_view text) {
  const std::size_t slash = text.find('/'), equal = text.find('=');
  return slash != std::string_view::npos && equal != std::string_view::npos && slash < equal &&
         slash > 0 && only(text.substr(0, slash), "._-") &&
         only(text.substr(slash + 1, equal - slash - 1), "_-") && equal + 1 < text.size();
}

Result<ComposeFile> parse_compose_file(std::string_view text,
                                       std::string_view file,
                                       const Variables& variables) {
  MIG_TRY(check_size(text, file));
  const SourceText source(text, file);
  MIG_ASSIGN_OR_RETURN(std::vector<Node> roots,
                       parse_documents(source, {.aliases = true, .tags = true}));
  const SourcePosition begin{std::string(file), 1, 1};
  if (roots.empty() || !roots.front().is(Kind::kMap)) {
    return complaint(roots.empty() ? begin : roots.front().position,
                     fmt::format("a Compose file is a map with services, not {}",
                                 roots.empty() ? "nothing" : roots.front().described()));
  }
  ComposeFile out;
  out.file = file;
  if (const Node* include = child(&roots.front(), "include")) {
    out.includes = include->position;
  }
  const Node* services = child(&roots.front(), "services");
  if (services == nullptr && !out.includes) {
    return complaint(roots.front().position, "the file has no services", "a Compose file is meant");
  }
  if (services != nullptr && !services->is(Kind::kMap)) {
    return complaint(services->position, "services is a map, not " + services->described());
  }
  for (std::size_t i = 0; services != nullptr && i + 1 < services->items.size(); i += 2) {
    if (out.services.size() == kMostServices) {
      return complaint(services->items[i].position,
                       fmt::format("more than {} services", kMostServices));
    }
    MIG_ASSIGN_OR_RETURN(ComposeService service,
                         ServiceReader(variables).read(services->items[i], services->items[i + 1]));
    out.services.push_back(std::move(service));
  }
  return out;
}

}  // namespace mig::config
