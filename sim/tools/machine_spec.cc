// SPDX-License-Identifier: Apache-2.0
#include "sim/tools/machine_spec.h"

#include <algorithm>
#include <charconv>

#include "sim/machine/services.h"
#include "sim/machine/state.h"
#include "sim/tools/nearest.h"

namespace migsim {

namespace {

constexpr std::size_t kMaxGpusText = 4096;
constexpr std::string_view kDigits = "0123456789";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string quoted(std::string_view text) {
  return "\"" + std::string(text) + "\"";
}

// Parses a decimal number without sign or leading zero; false otherwise or on overflow.
bool parse_number(std::string_view text, std::uint32_t& out) {
  if (text.empty() || (text.size() > 1 && text[0] == '0') ||
      text.find_first_not_of(kDigits) != std::string_view::npos) {
    return false;
  }
  const auto result = std::from_chars(text.data(), text.data() + text.size(), out);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

// Parses "2x key" or "key".
Problem parse_entry(std::string_view entry, std::uint32_t& count, std::string_view& key) {
  count = 1;
  key = entry;
  const std::size_t digits = std::min(entry.find_first_not_of(kDigits), entry.size());
  if (digits == 0) {
    return {};
  }
  const std::string_view rest = trim(entry.substr(digits));
  if (!rest.starts_with('x') || !parse_number(entry.substr(0, digits), count) || count == 0 ||
      trim(rest.substr(1)).empty()) {
    return {Exit::kInvalidInput,
            "--gpus: cannot read " + quoted(entry),
            "write a count, x and a board: \"2x a100-sxm4-40gb\""};
  }
  key = trim(rest.substr(1));
  return {};
}

Problem unknown_board(std::string_view key, const std::vector<std::string_view>& known) {
  const std::string near = any_of_names(nearest(key, known));
  return {Exit::kNotFound,
          "--gpus: no board is called " + quoted(key),
          (near.empty() ? std::string() : "did you mean " + near + "? ") +
              "migctl sim boards lists all"};
}

}  // namespace

Problem check_machine_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  if (name.empty() || name.size() > 63 || name[0] == '.' || name[0] == '-' ||
      name.find_first_not_of(kAllowed) != std::string_view::npos) {
    return {Exit::kInvalidInput,
            quoted(name.substr(0, 80)) + " cannot name a machine",
            "use 1 to 63 of a-z 0-9 . _ -, starting with a letter, a digit or _"};
  }
  return {};
}

Problem parse_gpus(std::string_view text,
                   const std::vector<std::string_view>& known,
                   std::vector<std::string>& keys) {
  if (text.size() > kMaxGpusText) {
    return {Exit::kTooLarge, "--gpus: longer than 4096 bytes", ""};
  }
  keys.clear();
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view entry = trim(text.substr(begin, comma - begin));
    begin = comma + 1;
    if (entry.empty()) {
      return {Exit::kInvalidInput,
              "--gpus: an entry is empty in " + quoted(text),
              "write \"2x a100-sxm4-40gb, 1x h200-141gb\""};
    }
    std::uint32_t count = 0;
    std::string_view key;
    if (Problem problem = parse_entry(entry, count, key); !problem.ok()) {
      return problem;
    }
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      return unknown_board(key, known);
    }
    if (count > kMaxGpus || keys.size() + count > kMaxGpus) {
      return {Exit::kTooLarge,
              "--gpus: a machine has at most " + std::to_string(kMaxGpus) + " GPUs",
              ""};
    }
    keys.insert(keys.end(), count, std::string(key));
  }
  return {};
}

Problem parse_which(std::string_view option,
                    std::string_view text,
                    std::size_t gpus,
                    std::vector<bool>& chosen,
                    bool& all) {
  const std::string name(option);
  all = trim(text) == "all";
  chosen.assign(gpus, all);
  if (text.empty() || all) {
    return {};
  }
  Problem unreadable = {
      Exit::kInvalidInput,
      name + ": cannot read " + quoted(text.substr(0, 80)),
      "write " + name + " for all GPUs, or " + name + "=2,3 or " + name + "=4-7 for these"};
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view entry = trim(text.substr(begin, comma - begin));
    const std::size_t dash = std::min(entry.find('-'), entry.size());
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    if (!parse_number(trim(entry.substr(0, dash)), first) ||
        !parse_number(dash == entry.size() ? entry : trim(entry.substr(dash + 1)), last) ||
        last < first) {
      return unreadable;
    }
    if (last >= gpus) {
      return {
          Exit::kNotFound,
          name + ": no GPU " + std::to_string(last) + ": the machine has " + std::to_string(gpus),
          ""};
    }
    std::fill(chosen.begin() + first, chosen.begin() + last + 1, true);
    begin = comma + 1;
  }
  return {};
}

Problem parse_latency(std::string_view text, std::uint32_t& permille) {
  if (text == "true") {
    permille = 1000;
  } else if (text == "scaled") {
    permille = 10;
  } else if (text == "none") {
    permille = 0;
  } else if (!parse_number(text, permille) || permille > 100000) {
    return {Exit::kInvalidInput,
            "--latency: cannot read " + quoted(text),
            "write true, scaled, none, or thousandths of the true time (0 to 100000)"};
  }
  return {};
}

Problem parse_services(std::string_view text, std::string_view option, std::uint32_t& services) {
  services = 0;
  for (std::size_t begin = 0; !text.empty() && begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const std::string_view name = trim(text.substr(begin, comma - begin));
    begin = comma + 1;
    const std::uint32_t found = find_service(name);
    if (found == kServiceCount) {
      std::vector<std::string_view> known;
      for (const Service& service : kServices) {
        known.emplace_back(service.key);
      }
      const std::string near = any_of_names(nearest(name, known));
      return {Exit::kInvalidInput,
              std::string(option) + ": no service is called " + quoted(name.substr(0, 80)),
              near.empty() ? "there are dcgm, persistenced, nvsm, display and drm"
                           : "did you mean " + near + "?"};
    }
    services |= 1U << found;
  }
  return {};
}

Problem check_driver_version(std::string_view text) {
  std::uint32_t groups = 0;
  std::uint32_t major = 0;
  bool good = text.size() < 24;
  for (std::size_t begin = 0; good && begin <= text.size(); ++groups) {
    const std::size_t dot = std::min(text.find('.', begin), text.size());
    const std::string_view group = text.substr(begin, dot - begin);
    good = !group.empty() && group.size() <= 4 &&
           group.find_first_not_of(kDigits) == std::string_view::npos;
    if (good && groups == 0) {
      good = parse_number(group, major) && major >= 450;
    }
    begin = dot + 1;
  }
  if (!good || groups < 2 || groups > 3) {
    return {Exit::kInvalidInput,
            "--driver: cannot read " + quoted(text.substr(0, 80)),
            "write a version such as 580.159.04, 450 or later (the first with MIG)"};
  }
  return {};
}

}  // namespace migsim
