// SPDX-License-Identifier: Apache-2.0
#include "launch/engine.h"

#include <unistd.h>

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/find_program.h"
#include "base/json.h"
#include "base/strings.h"
#include "launch/engine_place.h"
#include "launch/worker.h"

namespace mig::launch {
namespace {

using base::Json;

constexpr std::size_t kMostInfo = 4U << 20U;
constexpr std::chrono::seconds kInfoPatience{30};
constexpr const char* kNoDaemon = "the Docker daemon does not answer";

// "" where the member is missing or no text.
std::string json_text(const Json& json, const char* path) {
  const auto at = Json::json_pointer(path);
  return json.contains(at) && json[at].is_string() ? json[at].get<std::string>() : "";
}

bool true_at(const Json& json, const char* path) {
  const auto at = Json::json_pointer(path);
  return json.contains(at) && json[at].is_boolean() && json[at].get<bool>();
}

std::vector<std::string> texts_at(const Json& json, const char* path) {
  const auto at = Json::json_pointer(path);
  std::vector<std::string> out;
  if (json.contains(at) && json[at].is_array()) {
    for (const Json& one : json[at]) {
      if (one.is_string()) {
        out.push_back(one.get<std::string>());
      }
    }
  }
  return out;
}

struct Version {
  std::uint64_t major_part = 0, minor_part = 0;

  bool before(std::uint64_t major_one, std::uint64_t minor_one) const {
    return major_part < major_one || (major_part == major_one && minor_part < minor_one);
  }
};

// "28.2.1-rc.1" -> 28, 2; nullopt for another text.
std::optional<Version> version_of(const std::string& text) {
  const auto parts = base::split(text, '.');
  const auto major_part = base::parse_decimal(parts[0], 100'000);
  const auto minor_part = parts.size() < 2 ? std::nullopt : base::parse_decimal(parts[1], 100'000);
  if (!major_part) {
    return std::nullopt;
  }
  return Version{*major_part, minor_part.value_or(0)};
}

Result<EngineFacts> podman_of(std::string version_text, const std::string& manager, bool rootless) {
  EngineFacts facts;
  facts.kind = EngineKind::kPodman;
  facts.version = std::move(version_text);
  const auto version = version_of(facts.version);
  if (!version) {
    return fail(ErrorCode::kInvalidInput, "podman tells no version");
  }
  if (version->before(4, 1)) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("Podman {} knows no CDI devices", facts.version),
                "install Podman 4.1 or later");
  }
  facts.cdi_folders = {"/etc/cdi", "/var/run/cdi"};
  if (manager == "systemd" || (manager == "cgroupfs" && !rootless)) {
    facts.cgroups = lease::ContainerCgroups{manager == "systemd", rootless};
  }
  return facts;
}

Result<EngineFacts> podman_facts(const Json& info) {
  const bool rootless = true_at(info, "/host/security/rootless");
  MIG_ASSIGN_OR_RETURN(
      EngineFacts facts,
      podman_of(
          json_text(info, "/version/Version"), json_text(info, "/host/cgroupManager"), rootless));
  facts.by_service = true_at(info, "/host/serviceIsRemote");
  if (auto folders = texts_at(info, "/host/cdiSpecDirs"); !folders.empty()) {
    facts.cdi_folders = std::move(folders);
  }
  // Without systemd, and with cgroup v1, a user's containers stay in the caller's cgroup.
  if (rootless && json_text(info, "/host/cgroupVersion") == "v1") {
    facts.cgroups.reset();
  }
  return facts;
}

Result<EngineFacts> docker_facts(const Json& info) {
  EngineFacts facts;
  facts.kind = EngineKind::kDocker;
  facts.version = json_text(info, "/ServerVersion");
  if (facts.version.empty()) {
    const auto errors = texts_at(info, "/ServerErrors");
    return fail(ErrorCode::kIo,
                kNoDaemon + (errors.empty() ? "" : ": " + errors.front()),
                "start it, name its socket in $DOCKER_HOST, and be a member of its group");
  }
  facts.cdi_folders = texts_at(info, "/CDISpecDirs");
  // One that was built by others may have any word as its version: it counts as a current one.
  constexpr std::uint64_t kCurrent = 29;
  const Version version = version_of(facts.version).value_or(Version{kCurrent, 0});
  if (facts.cdi_folders.empty() && !version.before(25, 0)) {
    return fail(
        ErrorCode::kNotSupported,
        fmt::format("CDI is switched off in Docker {}", facts.version),
        "set {\"features\": {\"cdi\": true}} in /etc/docker/daemon.json and restart Docker");
  }
  facts.form = facts.cdi_folders.empty() ? DeviceForm::kGpusFlag : DeviceForm::kCdi;
  if (facts.form == DeviceForm::kGpusFlag && version.before(19, 3)) {
    return fail(ErrorCode::kNotSupported,
                fmt::format("Docker {} has neither CDI nor --gpus", facts.version),
                "install Docker 28.2 or later");
  }
  bool rootless = false;
  for (const std::string& option : texts_at(info, "/SecurityOptions")) {
    rootless = rootless || option.starts_with("name=rootless");
  }
  const std::string driver = json_text(info, "/CgroupDriver");
  if (driver == "systemd" || (driver == "cgroupfs" && !rootless)) {
    facts.cgroups = lease::ContainerCgroups{driver == "systemd", rootless};
  }
  return facts;
}

}  // namespace

const char* name_of(EngineKind kind) {
  return kind == EngineKind::kDocker ? "docker" : "podman";
}

Result<EngineFacts> parse_engine(EngineKind kind, std::string_view info) {
  MIG_ASSIGN_OR_RETURN(const Json json,
                       base::parse_json(info, {kMostInfo, fmt::format("{} info", name_of(kind))}));
  if (!json.is_object()) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{} info: an object is expected", name_of(kind)));
  }
  return kind == EngineKind::kDocker ? docker_facts(json) : podman_facts(json);
}

std::optional<EngineFacts> parse_podman_help(std::string_view version, std::string_view help) {
  constexpr std::string_view kBefore = "podman version ";
  constexpr std::string_view kOption = "--cgroup-manager ";
  constexpr std::string_view kDefault = "(default \"";
  const std::size_t option = help.find(kOption);
  if (!version.starts_with(kBefore) || option == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view line = help.substr(option, help.find('\n', option) - option);
  const std::size_t begin = line.find(kDefault);
  if (begin == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view rest = line.substr(begin + kDefault.size());
  const std::string manager(rest.substr(0, rest.find('"')));
  version.remove_prefix(kBefore.size());
  auto facts = podman_of(std::string(version.substr(0, version.find('\n'))), manager, false);
  return facts && facts->cgroups ? std::optional(*std::move(facts)) : std::nullopt;
}

namespace {

// A user's Podman may fall back to another manager than the settings say: `podman info` tells.
std::optional<EngineFacts> podman_of_root(const std::string& program) {
  if (::geteuid() != 0) {
    return std::nullopt;
  }
  auto version = Worker::start({{program, "--version"}, {}, {}, {}});
  auto help = Worker::start({{program, "--help"}, {}, {}, {}});
  if (!version || !help || !version->wait(kInfoPatience) || !help->wait(kInfoPatience)) {
    return std::nullopt;
  }
  return parse_podman_help(version->output(), help->output());
}

}  // namespace

Result<EngineFacts> read_engine(EngineKind kind) {
  const std::string name = name_of(kind);
  const std::string program = base::find_program(name);
  if (program.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("{} is not installed: no such program in $PATH", name),
                kind == EngineKind::kDocker ? "apt-get install docker.io; or: migctl podman run"
                                            : "apt-get install podman; or: migctl docker run");
  }
  MIG_TRY(check_here(kind, program));
  if (kind == EngineKind::kPodman) {  // with `remote = true` its help tells nothing of cgroups
    if (auto facts = podman_of_root(program)) {
      facts->program = program;
      return *std::move(facts);
    }
  }
  const std::string format = kind == EngineKind::kDocker ? "{{json .}}" : "json";
  MIG_ASSIGN_OR_RETURN(Worker asked,
                       Worker::start({{program, "info", "--format", format}, {}, {}, {}}));
  if (!asked.wait(kInfoPatience)) {
    return fail(ErrorCode::kIo,
                fmt::format("{} info gave no answer in {} s", name, kInfoPatience.count()),
                fmt::format("look what {} hangs on: {} info", name, name));
  }
  auto facts = asked.exit_code() == 0 || kind == EngineKind::kDocker
                   ? parse_engine(kind, asked.output())
                   : fail(ErrorCode::kIo, "no answer");
  const std::string complaint = asked.errors().substr(0, asked.errors().find('\n'));
  const bool told = !facts && facts.error().code == ErrorCode::kIo &&
                    kind == EngineKind::kDocker;  // it says why in what it printed
  if (asked.exit_code() != 0 && !facts && !told) {
    return fail(ErrorCode::kIo,
                fmt::format("{} info ended with {}{}",
                            name,
                            asked.exit_code(),
                            complaint.empty() ? "" : ": " + base::printable(complaint)),
                kind == EngineKind::kDocker
                    ? "the Docker daemon must run, and you be in its group; $DOCKER_HOST names "
                      "its socket"
                    : "`podman info` has to work first");
  }
  // Docker 28 says why on stderr, in words that its JSON lacks.
  if (told && facts.error().message == kNoDaemon && !complaint.empty()) {
    facts.error().message += ": " + base::printable(complaint);
  }
  MIG_TRY(facts);
  if (facts->by_service) {
    MIG_TRY(check_podman_service(program));
  }
  facts->program = program;
  return facts;
}

}  // namespace mig::launch
