// SPDX-License-Identifier: Apache-2.0
#include "expose/text.h"

#include <array>
#include <charconv>
#include <string_view>

namespace mig::expose {
namespace {

constexpr std::string_view kTotal = "_total";
constexpr std::string_view kInfo = "_info";

// OpenMetrics' base units, as the last word of a family's name.
constexpr std::array<std::string_view, 7> kUnits{
    "bytes", "seconds", "joules", "watts", "celsius", "hertz", "ratio"};

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
}

std::string_view unit_of(std::string_view name) {
  for (const std::string_view unit : kUnits) {
    if (name.size() > unit.size() && name.ends_with(unit) &&
        name[name.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

std::string_view type_word(const Family& family, Format format) {
  switch (family.type) {
    case Type::kGauge:
      return "gauge";
    case Type::kInfo:
      return format == Format::kOpenMetrics ? "info" : "gauge";
    case Type::kCounter:
      return format == Format::kText || family.name.ends_with(kTotal) ? "counter" : "unknown";
  }
  return "unknown";
}

std::string_view family_name(const Family& family, Format format) {
  if (format == Format::kText) {
    return family.name;
  }
  if (family.type == Type::kCounter) {
    return without(family.name, kTotal);
  }
  return family.type == Type::kInfo ? without(family.name, kInfo) : family.name;
}

void append_help(std::string& out, std::string_view help, Format format) {
  for (const char c : help) {
    if (c == '\\' || (c == '"' && format == Format::kOpenMetrics)) {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

void append_value(std::string& out, double value, Form form) {
  constexpr int kDecimals = 6;
  std::array<char, 352> digits{};  // the largest double with six decimals has 317
  const auto done = form == Form::kSixDecimals
                        ? std::to_chars(digits.data(),
                                        digits.data() + digits.size(),
                                        value,
                                        std::chars_format::fixed,
                                        kDecimals)
                        : std::to_chars(digits.data(), digits.data() + digits.size(), value);
  out.append(digits.data(), done.ptr);
}

void append_head(std::string& out, const Family& family, Format format) {
  const std::string_view name = family_name(family, format);
  out.append("# HELP ").append(name).append(" ");
  append_help(out, family.help, format);
  out.append("\n# TYPE ").append(name).append(" ").append(type_word(family, format)).append("\n");
  if (const std::string_view unit = unit_of(name);
      format == Format::kOpenMetrics && !unit.empty()) {
    out.append("# UNIT ").append(name).append(" ").append(unit).append("\n");
  }
}

}  // namespace

const char* content_type(Format format) {
  return format == Format::kText ? "text/plain; version=0.0.4; charset=utf-8"
                                 : "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

std::string to_text(const Families& families, Format format) {
  std::size_t size = 0;
  constexpr std::size_t kHead = 256;
  constexpr std::size_t kLine = 32;
  for (const Family& family : families.all()) {
    size += kHead;
    for (const Series& series : family.series) {
      size += family.name.size() + series.labels.size() + kLine;
    }
  }
  std::string out;
  out.reserve(size);
  for (const Family& family : families.all()) {
    append_head(out, family, format);
    for (const Series& series : family.series) {
      out.append(family.name);
      if (!series.labels.empty()) {
        out += '{';
        out.append(series.labels).append("}");
      }
      out += ' ';
      append_value(out, series.value, family.form);
      out += '\n';
    }
  }
  if (format == Format::kOpenMetrics) {
    out.append("# EOF\n");
  }
  return out;
}

}  // namespace mig::expose
