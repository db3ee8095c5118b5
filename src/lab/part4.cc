// SPDX-License-Identifier: Apache-2.0
// Part 4: containers. Without an image named by the user nothing is started: the lab writes no file
// into the host's CDI folders of its own accord.
#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "lab/parts.h"

namespace mig::lab {
namespace {

constexpr std::chrono::milliseconds kEngine{10'000};
constexpr std::chrono::milliseconds kContainer{120'000};

// The engine that is installed and answers; "" = none, with the reason in `why`.
std::string engine_here(const Terminal& terminal, std::string& why) {
  Ways ways;
  ways.patience = kEngine;
  for (const char* engine : {"docker", "podman"}) {
    if (!terminal.has(engine)) {
      why += fmt::format("{}{} is not installed", why.empty() ? "" : "; ", engine);
      continue;
    }
    const Ran ran = terminal.run({engine, "info"}, ways);
    if (ran.ok()) {
      return engine;
    }
    why += fmt::format("{}{} does not answer", why.empty() ? "" : "; ", engine);
  }
  return {};
}

std::vector<std::string> lab_commands(const std::vector<Device>& devices) {
  std::vector<std::string> commands = {"docker build -t mig-training ."};
  std::size_t at = 0;
  for (const Device& device : devices) {
    commands.push_back(fmt::format(
        "docker run -d --name job{} --gpus '\"device={}\"' mig-training", at++, device.uuid));
  }
  commands.insert(commands.end(), {"docker ps", "docker logs job0", "docker rm -f job0 job1 job2"});
  return commands;
}

// One container on each instance, by the wrapper that leases it.
void run_containers(Chapter& chapter,
                    const std::string& engine,
                    const std::vector<Device>& devices) {
  const std::string& image = chapter.course().image;
  Ways ways;
  ways.patience = kContainer;
  const Ran cdi = chapter.show({"migctl", "cdi", "generate"});
  if (!cdi.ok()) {
    chapter.not_run("the CDI file cannot be written", {"sudo migctl cdi generate"});
    return;
  }
  for (const Device& device : devices) {
    const Ran ran =
        chapter.show({"migctl", engine, "run", "--uuid", device.uuid, "--rm", image}, ways);
    chapter.check(fmt::format("a container runs on {}", device.profile), ran.ok());
  }
  chapter.show({"migctl", "cdi", "remove"});
}

// A service for each instance; `ours` is the Compose file that says so.
void render_services(Chapter& chapter,
                     const std::vector<Device>& devices,
                     const std::string& ours) {
  chapter.words(
      "A service for each instance (the lab's TODO), by what it wants instead of by UUID:");
  chapter.show({"cat", ours});
  chapter.words("`migctl compose render` finds the instances:");
  const Ran rendered = chapter.show({"migctl", "compose", "render", ours});
  const Ran nvidia = chapter.show({"migctl", "compose", "render", ours, "--form", "nvidia"});
  std::size_t given = 0;
  for (const Device& device : devices) {
    given += nvidia.printed.find(device.uuid) != std::string::npos ? 1 : 0;
  }
  chapter.check("each service gets an instance of its own",
                rendered.ok() && given == devices.size(),
                fmt::format("{} of {}", given, devices.size()));
}

}  // namespace

void containers(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  chapter.words(
      "What a container engine is told: by CDI, each instance is a device with names. `migctl cdi "
      "generate` writes the file, and every later change of the layout keeps it true.");
  chapter.show({"migctl", "cdi", "list"});
  const Ran file = chapter.terminal().run({"migctl", "cdi", "generate", "--output", "-"});
  bool all = file.ok();
  for (const Device& device : devices) {
    all = all && file.printed.find("\"" + device.uuid + "\"") != std::string::npos;
  }
  chapter.check("the CDI document has a device for each instance", all);
  std::string why;
  const std::string engine = engine_here(chapter.terminal(), why);
  if (!engine.empty() && !chapter.course().image.empty()) {
    run_containers(chapter, engine, devices);
  } else {
    chapter.not_run(
        engine.empty() ? "no container was started: " + why
                       : fmt::format("no container was started: {} answers, and no image was named "
                                     "(`migctl lab --image IMAGE`)",
                                     engine),
        lab_commands(devices));
    chapter.words("The same without a UUID in it, and with the instance leased meanwhile:");
    std::vector<std::string> ours = {"sudo migctl cdi generate"};
    for (const Device& device : devices) {
      ours.push_back(fmt::format("migctl docker run --profile {} -d mig-training", device.profile));
    }
    chapter.add(report::Notice{
        report::NoticeKind::kNotRun, report::marked("With migctl (docker or podman):"), ours});
  }
  chapter.lab_error(
      "The lab writes UUIDs into `docker run` and Compose files. A UUID belongs to an instance: "
      "when the layout is made again elsewhere, the file means nothing, or another instance. "
      "`migctl compose check` finds such files.");
  chapter.lab_error(
      "In Docker Compose `device_ids` with `driver: nvidia` needs NVIDIA's container toolkit; with "
      "CDI (Docker 28.2 and later, Podman) it is not needed.");
}

void compose_services(Chapter& chapter) {
  const std::vector<Device> devices = devices_of(chapter.gpu());
  const std::string folder = chapter.course().bench->folder() + "/work";
  std::string wishes = "services:\n";
  std::size_t at = 0;
  for (const Device& device : devices) {
    wishes += fmt::format(
        "  training-job-{}:\n    image: mig-training\n    environment: [JOB_ID={}]\n"
        "    x-migctl: {{profile: {}}}\n",
        at,
        at,
        device.profile);
    ++at;
  }
  const std::string ours = folder + "/compose.yaml";
  const std::string labs = folder + "/docker-compose.yml";
  const std::string text =
      "services:\n  training-job-0:\n    image: mig-training\n    deploy:\n      resources:\n"
      "        reservations:\n          devices:\n            - driver: nvidia\n"
      "              device_ids: ['MIG-<UUID-0>']\n              capabilities: [gpu]\n";
  if (!base::write_file_atomic(ours, wishes, 0600) || !base::write_file_atomic(labs, text, 0600)) {
    chapter.check("the Compose files can be written", false, folder);
    return;
  }
  if (devices.empty()) {
    chapter.not_run(
        "there is no instance to give a service",
        {"migctl compose render compose.yaml", "migctl compose render compose.yaml --form nvidia"});
  } else {
    render_services(chapter, devices, ours);
  }
  chapter.words("The lab's own file, as it is printed in the course:");
  const Ran checked = chapter.show({"migctl", "compose", "check", labs});
  chapter.check("the placeholder in the lab's file is found", checked.exit_code != 0);
  chapter.not_run("no service was started",
                  {"docker compose -f compose.yaml -f compose.override.yaml up -d",
                   "docker compose logs -f",
                   "docker compose down"});
  chapter.lab_error(
      "The lab's file begins with `version: '3'` and is started by `docker-compose`: the key is "
      "obsolete, and the program was replaced by `docker compose`, which ignores it with a "
      "warning.");
}

}  // namespace mig::lab
