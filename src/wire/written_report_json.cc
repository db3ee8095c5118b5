// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "base/base64.h"
#include "wire/document.h"
#include "wire/report.h"

namespace mig::wire {
namespace {

using report::Text;

constexpr std::size_t kMostPrinted = std::size_t{256} * 1024;

Json number_or_null(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

Json origin_json(const std::optional<report::Origin>& origin) {
  return origin ? Json(report::name_of(*origin)) : Json(nullptr);
}

// Null where there is no text: unknown, or none.
Json spans_json(const Text& text) {
  if (text.empty()) {
    return nullptr;
  }
  static constexpr const char* kKinds[] = {"plain", "code", "emphasis", "link"};
  Json out = Json::array();
  for (const report::Span& span : text.spans) {
    Json one{{"kind", kKinds[static_cast<std::size_t>(span.kind)]}, {"text", span.text}};
    if (span.kind == report::SpanKind::kLink) {
      one["address"] = span.address;
    }
    out.push_back(std::move(one));
  }
  return out;
}

Json texts_json(const std::vector<Text>& texts) {
  Json out = Json::array();
  for (const Text& text : texts) {
    out.push_back(spans_json(text));
  }
  return out;
}

void put_head(Json& json, const report::ChartHead& head) {
  json["title"] = head.title;
  json["unit"] = text_or_null(head.unit);
  json["description"] = text_or_null(head.description);
  json["origin"] = origin_json(head.origin);
  json["source"] = spans_json(head.source);
}

Json references_json(const std::vector<report::Reference>& references) {
  Json out = Json::array();
  for (const report::Reference& reference : references) {
    out.push_back({{"value", number_or_null(reference.value)}, {"label", reference.label}});
  }
  return out;
}

struct BlockJson {
  Json operator()(const report::Paragraph& block) const {
    return {{"type", "paragraph"}, {"text", spans_json(block.text)}};
  }

  Json operator()(const report::List& block) const {
    return {{"type", "list"}, {"numbered", block.numbered}, {"items", texts_json(block.items)}};
  }

  // The beginning and the end of what is too long.
  Json operator()(const report::Transcript& block) const {
    const std::size_t cut = block.printed.size() - std::min(block.printed.size(), kMostPrinted);
    const std::string printed =
        cut == 0 ? block.printed
                 : block.printed.substr(0, kMostPrinted / 2) +
                       block.printed.substr(block.printed.size() - kMostPrinted / 2);
    return {{"type", "transcript"},
            {"command", block.command},
            {"exitCode", or_null(block.exit_code)},
            {"printed", printed},
            {"bytesLeftOut", cut},
            {"durationMs", or_null(block.duration_ms)},
            {"note", text_or_null(block.note)}};
  }

  Json operator()(const report::Table& block) const {
    Json json{{"type", "table"},
              {"caption", text_or_null(block.caption)},
              {"origin", origin_json(block.origin)},
              {"rowHeaders", block.row_headers},
              {"columns", Json::array()},
              {"rows", Json::array()},
              {"source", spans_json(block.source)}};
    for (const report::Column& column : block.columns) {
      json["columns"].push_back({{"title", column.title}, {"unit", text_or_null(column.unit)}});
    }
    for (const std::vector<report::Cell>& row : block.rows) {
      Json cells = Json::array();
      for (const report::Cell& cell : row) {
        cells.push_back({{"text", spans_json(cell.text)},
                         {"value", number_or_null(cell.value)},
                         {"origin", origin_json(cell.origin)},
                         {"tone", report::name_of(cell.tone)}});
      }
      json["rows"].push_back(std::move(cells));
    }
    return json;
  }

  Json operator()(const report::BarChart& block) const {
    Json json{{"type", "bars"}};
    put_head(json, block.head);
    json["groups"] = block.groups;
    json["series"] = Json::array();
    for (const report::BarSeries& series : block.series) {
      Json values = Json::array();
      for (const std::optional<report::Value>& value : series.values) {
        values.push_back(value ? Json{{"value", number_or_null(value->value)},
                                      {"low", number_or_null(value->low)},
                                      {"high", number_or_null(value->high)}}
                               : Json(nullptr));
      }
      json["series"].push_back({{"name", series.name}, {"values", std::move(values)}});
    }
    json["references"] = references_json(block.references);
    return json;
  }

  Json operator()(const report::LineChart& block) const {
    Json json{{"type", "lines"}};
    put_head(json, block.head);
    json["xTitle"] = block.x_title;
    json["xUnit"] = text_or_null(block.x_unit);
    json["lines"] = Json::array();
    for (const report::Line& line : block.lines) {
      Json points = Json::array();
      for (const report::Point& point : line.points) {
        points.push_back({{"x", number_or_null(point.x)}, {"y", number_or_null(point.y)}});
      }
      json["lines"].push_back({{"name", line.name}, {"points", std::move(points)}});
    }
    json["marks"] = Json::array();
    for (const report::Mark& mark : block.marks) {
      json["marks"].push_back({{"x", number_or_null(mark.x)}, {"label", mark.label}});
    }
    json["references"] = references_json(block.references);
    return json;
  }

  Json operator()(const report::StackedChart& block) const {
    Json json{{"type", "stacked"}};
    put_head(json, block.head);
    json["groups"] = block.groups;
    json["parts"] = block.parts;
    json["values"] = Json::array();
    for (const std::vector<double>& group : block.values) {
      Json values = Json::array();
      for (const double value : group) {
        values.push_back(number_or_null(value));
      }
      json["values"].push_back(std::move(values));
    }
    json["totals"] = block.totals;
    return json;
  }

  Json operator()(const report::MatrixChart& block) const {
    Json json{{"type", "matrix"}};
    put_head(json, block.head);
    json["rowTitle"] = text_or_null(block.row_title);
    json["columns"] = block.columns;
    json["rows"] = block.rows;
    json["cells"] = Json::array();
    for (const std::vector<report::MatrixCell>& row : block.cells) {
      Json cells = Json::array();
      for (const report::MatrixCell& cell : row) {
        cells.push_back({{"text", text_or_null(cell.text)},
                         {"tone", report::name_of(cell.tone)},
                         {"heat", number_or_null(cell.heat)}});
      }
      json["cells"].push_back(std::move(cells));
    }
    return json;
  }

  Json operator()(const report::LayoutStrip& block) const {
    Json json{{"type", "strip"},
              {"gpu", block.gpu},
              {"note", text_or_null(block.note)},
              {"memorySlices", block.slots},
              {"instances", Json::array()}};
    for (const report::StripCell& cell : block.cells) {
      json["instances"].push_back({{"profile", cell.profile},
                                   {"placement", placement_json({cell.start, cell.size})},
                                   {"busy", cell.busy},
                                   {"lines", cell.lines}});
    }
    return json;
  }

  Json operator()(const report::Question& block) const {
    return {{"type", "question"},
            {"question", spans_json(block.question)},
            {"answer", texts_json(block.answer)}};
  }

  Json operator()(const report::Notice& block) const {
    return {{"type", "notice"},
            {"notice", report::name_of(block.kind)},
            {"text", spans_json(block.text)},
            {"commands", block.commands}};
  }

  Json operator()(const report::Picture& block) const {
    return {{"type", "picture"},
            {"pngBase64", base::base64(block.png)},
            {"alt", block.alt},
            {"caption", text_or_null(block.caption)}};
  }

  Json operator()(const report::Check& block) const {
    return {{"type", "check"},
            {"name", spans_json(block.name)},
            {"passed", block.passed},
            {"detail", spans_json(block.detail)}};
  }
};

}  // namespace

std::string report_document(const report::Report& report) {
  Json document = begin_document("Report", {report.simulated, report.simulated_machine});
  document["title"] = report.title;
  document["subtitle"] = text_or_null(report.subtitle);
  document["program"] = text_or_null(report.program);
  document["createdMs"] = report.created_ms > 0 ? Json(report.created_ms) : Json(nullptr);
  document["machine"] = Json::array();
  for (const report::Fact& fact : report.machine) {
    document["machine"].push_back({{"name", fact.name}, {"value", spans_json(fact.value)}});
  }
  document["sections"] = Json::array();
  for (const report::Section& section : report.sections) {
    Json blocks = Json::array();
    for (const report::Block& block : section.blocks) {
      blocks.push_back(std::visit(BlockJson{}, block));
    }
    document["sections"].push_back({{"id", text_or_null(section.id)},
                                    {"number", text_or_null(section.number)},
                                    {"title", section.title},
                                    {"level", section.level},
                                    {"blocks", std::move(blocks)}});
  }
  return finish(document);
}

}  // namespace mig::wire
