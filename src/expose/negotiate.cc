// SPDX-License-Identifier: Apache-2.0
#include "expose/negotiate.h"

#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "base/strings.h"

namespace mig::expose {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// One part of a list: "text/plain;version=0.0.4;q=0.5".
struct Choice {
  std::string name, version;  // in lower case; version: "" = none given
  double quality = 1;
};

std::optional<double> quality_of(std::string_view text) {
  double quality = 0;
  const auto done = std::from_chars(text.data(), text.data() + text.size(), quality);
  if (done.ec != std::errc() || done.ptr != text.data() + text.size() || !(quality >= 0) ||
      quality > 1) {
    return std::nullopt;
  }
  return quality;
}

// nullopt: malformed.
std::optional<Choice> parse_choice(const std::string& text) {
  const std::vector<std::string> parts = base::split(text, ';');
  Choice choice;
  choice.name = base::lower(trimmed(parts.front()));
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const std::string_view part = trimmed(parts[i]);
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string key = base::lower(trimmed(part.substr(0, equals)));
    std::string_view value = trimmed(part.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    if (key == "q") {
      const auto quality = quality_of(value);
      if (!quality) {
        return std::nullopt;
      }
      choice.quality = *quality;
    } else if (key == "version") {
      choice.version = std::string(value);
    }
  }
  return choice;
}

std::vector<Choice> parse_list(std::string_view header) {
  std::vector<Choice> choices;
  for (const std::string& part : base::split(header, ',')) {
    if (auto choice = parse_choice(part)) {
      choices.push_back(std::move(*choice));
    }
  }
  return choices;
}

}  // namespace

Format format_for(std::string_view accept) {
  double open_metrics = 0;
  double text = 0;
  for (const Choice& choice : parse_list(accept)) {
    const bool our_version =
        choice.version.empty() || choice.version == "1.0.0" || choice.version == "0.0.1";
    if (choice.name == "application/openmetrics-text" && our_version) {
      open_metrics = std::max(open_metrics, choice.quality);
    } else if (choice.name == "text/plain") {
      text = std::max(text, choice.quality);
    }
  }
  return open_metrics > 0 && open_metrics >= text ? Format::kOpenMetrics : Format::kText;
}

bool gzip_for(std::string_view accept_encoding) {
  std::optional<double> gzip;
  std::optional<double> any;
  for (const Choice& choice : parse_list(accept_encoding)) {
    if (choice.name == "gzip" || choice.name == "x-gzip") {
      gzip = choice.quality;
    } else if (choice.name == "*") {
      any = choice.quality;
    }
  }
  return gzip.value_or(any.value_or(0)) > 0;
}

}  // namespace mig::expose
