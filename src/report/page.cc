// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"
#include "report/escape.h"
#include "report/html.h"
#include "report/limits.h"
#include "report/report.h"

namespace mig::report {
namespace {

// Kept for what comes after the blocks.
constexpr std::size_t kForTheEnd = 20'000;

constexpr std::size_t kLeastBlock = 100;
constexpr std::size_t kMostIdBytes = 60;

// Letters, digits, "-" and ".", for an address.
std::string id_of(const Section& section) {
  const bool own = !section.id.empty();
  std::string id;
  for (const char c : base::lower(own ? section.id : section.number + " " + section.title)) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter || (own && (c == '-' || c == '.'))) {
      id += c;
    } else if (!id.empty() && id.back() != '-') {
      id += '-';
    }
  }
  id.resize(std::min(id.size(), kMostIdBytes));
  id.erase(id.find_last_not_of('-') + 1);
  if (id.empty()) {
    return "section";
  }
  return id[0] < 'a' ? "s-" + id : id;
}

// Unique in the page. Ids of our own begin with "_".
std::string unique_id(const Section& section, PageState& page) {
  const std::string id = id_of(section);
  std::string unique = id;
  for (int n = 2; !page.ids.insert(unique).second; ++n) {
    unique = fmt::format("{}-{}", id, n);
  }
  return unique;
}

struct Heading {
  std::string id, words;
  std::uint32_t level = 1;
};

std::vector<Heading> headings_of(const Report& report, PageState& page) {
  std::vector<Heading> out;
  for (std::size_t i = 0; i < std::min(report.sections.size(), kMostSections); ++i) {
    const Section& section = report.sections[i];
    // A section below none would skip a level of headings.
    const std::uint32_t level = section.level > 1 && i > 0 ? 2 : 1;
    const std::string number =
        section.number.empty()
            ? ""
            : fmt::format("<span class=\"n\">{}</span> ", escaped(clipped(section.number, 20)));
    out.push_back({unique_id(section, page),
                   number + escaped(clipped(section.title, kMostTitleBytes)),
                   level});
  }
  return out;
}

std::string contents_html(const std::vector<Heading>& headings) {
  std::string out = "<nav aria-label=\"Contents\"><h2>Contents</h2>\n<ol>\n";
  bool open = false;
  bool inner = false;
  for (const Heading& heading : headings) {
    if (heading.level > 1) {
      out += inner ? "" : "\n<ol>\n";
      inner = true;
      out += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", heading.id, heading.words);
      continue;
    }
    out += inner ? "</ol>" : "";
    out += open ? "</li>\n" : "";
    inner = false;
    open = true;
    out += fmt::format("<li><a href=\"#{}\">{}</a>", heading.id, heading.words);
  }
  out += inner ? "</ol>" : "";
  return out + (open ? "</li>\n" : "") + "</ol></nav>\n";
}

std::string count_of_checks(const Report& report) {
  std::size_t all = 0;
  std::size_t passed = 0;
  for (const Section& section : report.sections) {
    for (const Block& block : section.blocks) {
      if (const auto* check = std::get_if<Check>(&block)) {
        ++all;
        passed += check->passed ? 1 : 0;
      }
    }
  }
  return all == 0 ? "" : fmt::format("{} of {} passed", passed, all);
}

std::string simulated_words(const Report& report) {
  return report.simulated_machine.empty()
             ? std::string("SIMULATED machine")
             : fmt::format("SIMULATED machine {}", base::quoted(report.simulated_machine));
}

std::string facts_html(const Report& report) {
  std::string out = "<dl class=\"facts\">\n";
  const auto add = [&](const std::string& name, const std::string& value) {
    out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, value);
  };
  for (std::size_t i = 0; i < std::min(report.machine.size(), kMostFacts); ++i) {
    const Fact& fact = report.machine[i];
    add(escaped(clipped(fact.name, kMostTitleBytes)),
        fact.value.empty() ? "<span class=\"unknown\">unknown</span>"
                           : inline_html(fact.value, kMostFactBytes));
  }
  if (report.created_ms > 0) {
    add("Made", utc_text(report.created_ms));
  }
  if (!report.program.empty()) {
    add("By", escaped(clipped(report.program, kMostTitleBytes)));
  }
  if (const std::string checks = count_of_checks(report); !checks.empty()) {
    add("Checks", checks);
  }
  return out + "</dl>\n";
}

std::string head_html(const Report& report) {
  const std::string title = escaped(clipped(report.title, kMostTitleBytes));
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{}"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" "
      "content=\"light dark\">\n"
      "<title>{}{}</title>\n{}</head>\n<body>\n"
      "<a class=\"skip\" href=\"#report\">To the report</a>\n",
      policy_html(report.simulated),
      report.simulated ? "SIMULATED: " : "",
      title,
      style_html(report.simulated));
  if (report.simulated) {
    out += fmt::format(
        "<aside class=\"banner\" aria-label=\"Simulated machine\"><b>{}.</b> Its times and rates "
        "are a model's, not "
        "hardware's.</aside>\n",
        escaped(simulated_words(report)));
  }
  out += fmt::format("<header>\n<h1>{}</h1>\n", title.empty() ? "Report" : title);
  if (!report.subtitle.empty()) {
    out += "<p class=\"subtitle\">" + escaped(clipped(report.subtitle, kMostTextBytes)) + "</p>\n";
  }
  return out + facts_html(report) +
         "<fieldset class=\"themes\"><legend>Colours</legend>\n"
         "<label><input type=\"radio\" name=\"theme\" id=\"_system\" checked> as the "
         "system</label>\n"
         "<label><input type=\"radio\" name=\"theme\" id=\"_light\"> light</label>\n"
         "<label><input type=\"radio\" name=\"theme\" id=\"_dark\"> dark</label>\n"
         "</fieldset>\n</header>\n";
}

std::string end_html(const PageState& page, const Report& report) {
  std::string out = "</main>\n<footer>\n";
  if (!page.origins.empty()) {
    out += "<h2>Where the figures are from</h2>\n<dl class=\"origins\">\n";
    for (const Origin origin : page.origins) {
      out +=
          fmt::format("<div><dt><span class=\"origin o-{0}\">{0}</span></dt><dd>{1}</dd></div>\n",
                      name_of(origin),
                      meaning_of(origin));
    }
    out += "</dl>\n";
  }
  if (report.simulated) {
    out += "<p>" + escaped(simulated_words(report)) +
           ": no figure of this report is hardware's unless it says so.</p>\n";
  }
  return out +
         "<p>This page asks the network for nothing and runs no "
         "script.</p>\n</footer>\n</body>\n</html>\n";
}

// Blocks as long as there is room.
class Body {
 public:
  Body(std::string head, const std::vector<Heading>& headings, PageState& page)
      : out_(std::move(head)), page_(page) {
    for (const Heading& heading : headings) {
      reserve_ += reserve_of(heading);
    }
  }

  void section(const Section& section, const Heading& heading) {
    const char* tag = heading.level > 1 ? "h3" : "h2";
    out_ += fmt::format(
        "<section class=\"level-{0}\" id=\"{1}\" aria-labelledby=\"_h-{1}\">\n<{2} "
        "id=\"_h-{1}\">{3}</{2}>\n",
        heading.level,
        heading.id,
        tag,
        heading.words);
    reserve_ -= reserve_of(heading);
    std::size_t left_out = 0;
    for (const Block& block : section.blocks) {
      // What has no room at all is not drawn.
      left_out += room() > kLeastBlock && add(block_html(block, page_)) ? 0 : 1;
    }
    if (left_out > 0) {
      out_ += fmt::format(
          "<p class=\"cut\">{} left out here: the page would be larger than {} MB.</p>\n",
          left_out == 1 ? "1 block is" : fmt::format("{} blocks are", left_out),
          kMostHtmlBytes / 1'000'000);
    }
    out_ += "</section>\n";
  }

  std::string text() && { return std::move(out_); }

 private:
  bool add(const std::string& html) {
    if (html.size() > room()) {
      return false;
    }
    out_ += html;
    return true;
  }

  std::size_t room() const {
    return kMostHtmlBytes - std::min(kMostHtmlBytes, out_.size() + reserve_);
  }

  // A section's heading, its tags, and the note of what is left out.
  static std::size_t reserve_of(const Heading& heading) {
    return 2 * heading.id.size() + heading.words.size() + 400;
  }

  std::string out_;
  PageState& page_;
  std::size_t reserve_ = kForTheEnd;  // for what must still come
};

}  // namespace

std::string report_html(const Report& report) {
  PageState page;
  page.simulated = report.simulated;
  page.ids = {"report"};
  const std::vector<Heading> headings = headings_of(report, page);
  std::string head = head_html(report);
  head += pattern_definitions();
  head += headings.size() > 1 ? contents_html(headings) : "";
  head += "<main id=\"report\">\n";
  Body body(std::move(head), headings, page);
  for (std::size_t i = 0; i < headings.size(); ++i) {
    body.section(report.sections[i], headings[i]);
  }
  std::string out = std::move(body).text();
  if (report.sections.size() > headings.size()) {
    out += fmt::format("<p class=\"cut\">{} more sections are left out.</p>\n",
                       report.sections.size() - headings.size());
  }
  return out + end_html(page, report);
}

}  // namespace mig::report
