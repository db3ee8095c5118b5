// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/strings.h"
#include "launch/engine.h"

namespace mig::launch {
namespace {

// Options of `docker run` (29) and `podman run` (5) without a value of their own.
constexpr std::array<std::string_view, 26> kFlags = {"--detach",
                                                     "--disable-content-trust",
                                                     "--env-host",
                                                     "--help",
                                                     "--http-proxy",
                                                     "--init",
                                                     "--interactive",
                                                     "--no-healthcheck",
                                                     "--no-hosts",
                                                     "--no-hostname",
                                                     "--oom-kill-disable",
                                                     "--passwd",
                                                     "--privileged",
                                                     "--publish-all",
                                                     "--quiet",
                                                     "--read-only",
                                                     "--read-only-tmpfs",
                                                     "--replace",
                                                     "--rm",
                                                     "--rmi",
                                                     "--rootfs",
                                                     "--sig-proxy",
                                                     "--tls-verify",
                                                     "--tty",
                                                     "--unsetenv-all",
                                                     "--use-api-socket"};
constexpr std::string_view kShortFlags = "ditPq";  // -h is --hostname

// One option of the engine's as it stands on the command line.
struct Option {
  std::string name;   // "--device", "-d"
  std::string value;  // "" for a flag without one
};

class WordReader {
 public:
  explicit WordReader(const std::vector<std::string>& words) : words_(words) {}

  // nullopt at the image.
  std::optional<std::vector<Option>> next() {
    if (at_ >= words_.size() || words_[at_].size() < 2 || words_[at_][0] != '-') {
      return std::nullopt;
    }
    const std::string& word = words_[at_++];
    if (word == "--") {
      return std::nullopt;
    }
    return word.starts_with("--") ? std::vector<Option>{long_option(word)} : short_options(word);
  }

  bool image() const { return at_ < words_.size(); }

 private:
  std::string next_word() { return at_ < words_.size() ? words_[at_++] : std::string(); }

  Option long_option(const std::string& word) {
    const std::size_t equals = word.find('=');
    Option option{word.substr(0, equals), ""};
    const bool flag = std::find(kFlags.begin(), kFlags.end(), option.name) != kFlags.end();
    if (equals != std::string::npos) {
      option.value = word.substr(equals + 1);
    } else if (!flag) {
      option.value = next_word();
    }
    return option;
  }

  // "-itd", "-v/a:/b", "-e NAME=x"
  std::vector<Option> short_options(const std::string& word) {
    std::vector<Option> out;
    for (std::size_t i = 1; i < word.size(); ++i) {
      Option option{{'-', word[i]}, ""};
      if (kShortFlags.find(word[i]) != std::string_view::npos) {
        if (i + 1 < word.size() && word[i + 1] == '=') {
          option.value = word.substr(i + 2);
          i = word.size();
        }
        out.push_back(std::move(option));
        continue;
      }
      option.value = i + 1 < word.size() ? word.substr(i + 1) : next_word();
      if (option.value.starts_with('=')) {
        option.value.erase(0, 1);
      }
      out.push_back(std::move(option));
      break;
    }
    return out;
  }

  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
};

bool is_off(const std::string& value) {
  return value == "false" || value == "0" || value == "f" || value == "F" || value == "FALSE" ||
         value == "False";
}

bool names_gpu(const std::string& device) {
  return device.starts_with("nvidia.com/") || device.find("/dev/nvidia") != std::string::npos;
}

struct Refusal {
  std::string why, hint;
};

std::optional<Refusal> refused(EngineKind kind, const Option& option) {
  const std::string& name = option.name;
  const std::string& value = option.value;
  const std::string ours = fmt::format("migctl {} run", name_of(kind));
  if (name == "--gpus" || (name == "--device" && names_gpu(value))) {
    return Refusal{"the instance comes from the lease",
                   fmt::format("leave it out, and say before -- which one: {} --profile 1g.10gb, "
                               "--uuid MIG-..., --slot NAME; {} run itself takes a device without "
                               "a lease",
                               ours,
                               name_of(kind))};
  }
  if ((name == "-e" || name == "--env") && value.starts_with("NVIDIA_VISIBLE_DEVICES=")) {
    return Refusal{"NVIDIA's runtime would add the devices that it names",
                   "leave it out: the instance comes from the lease"};
  }
  if (name == "--privileged" && !is_off(value)) {
    return Refusal{"such a container has all devices of the host, other leases' instances too",
                   "give the capability that it needs: --cap-add SYS_PTRACE"};
  }
  if (name == "--restart" && value != "no") {
    return Refusal{"the lease ends with the container, and the engine would start it again without",
                   "leave it out, and start it again with a lease: " + ours};
  }
  if ((name == "-d" || name == "--detach") && !is_off(value)) {
    return Refusal{"in the background it is migctl's job",
                   fmt::format("{} -d -- ...: -d stands before --", ours)};
  }
  if (name == "--cgroup-parent" || name == "--pod" || (name == "--cgroups" && value != "enabled")) {
    return Refusal{"the container would be outside of its lease's cgroup", "leave it out"};
  }
  return std::nullopt;
}

}  // namespace

Result<EngineWords> check_engine_words(EngineKind kind, const std::vector<std::string>& words) {
  EngineWords found;
  WordReader reader(words);
  while (const auto options = reader.next()) {
    for (const Option& option : *options) {
      if (const auto refusal = refused(kind, option)) {
        return fail(ErrorCode::kUsage,
                    fmt::format("{} run: {}{} cannot be given: {}",
                                name_of(kind),
                                option.name,
                                option.value.empty() ? "" : " " + base::printable(option.value),
                                refusal->why),
                    refusal->hint);
      }
      if (option.name == "--name") {
        found.name = option.value;
      } else if (option.name == "--cidfile") {
        found.id_file = option.value;
      }
    }
  }
  if (!reader.image()) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} run: no image is given", name_of(kind)),
                fmt::format("migctl {0} run --profile 1g.10gb IMAGE COMMAND; with options of "
                            "{0}'s: migctl {0} run --profile 1g.10gb -- --rm IMAGE COMMAND",
                            name_of(kind)));
  }
  return found;
}

}  // namespace mig::launch
