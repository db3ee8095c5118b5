// SPDX-License-Identifier: Apache-2.0
// A written report as a value: sections of paragraphs, commands with what they printed, tables,
// charts, answers. report/ turns it into HTML and Markdown, wire/ into JSON. Plain values; all text
// may come from programs and users, the renderers escape it and cut what is too long.
//
//   report::Section section{"ex-2.2", "2.2", "Mixed configuration"};
//   section.add(report::Paragraph{report::marked("What `migctl list` shows:")});
//   section.add(report::Transcript{"migctl list", 0, output, 31});
//   report.sections.push_back(std::move(section));
#ifndef MIGCTL_MODEL_REPORT_VALUES_H_
#define MIGCTL_MODEL_REPORT_VALUES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace mig {
struct Gpu;
struct GpuLayout;
}  // namespace mig

namespace mig::report {

// Where a figure is from.
enum class Origin {
  kCaptured,    // printed by a program of others on a real machine
  kMeasured,    // by us, on hardware
  kSimulated,   // by us, on a simulated machine: a model, no hardware
  kDocumented,  // by NVIDIA or another named source
  kDerived,     // calculated from figures of the other kinds
  kAssumed,
};

// How a cell or a fact is judged. Renderers show a sign and a word, not only a colour.
enum class Tone { kPlain, kGood, kWarning, kBad, kUnknown };

// --- text ---

enum class SpanKind { kPlain, kCode, kEmphasis, kLink };

struct Span {
  SpanKind kind = SpanKind::kPlain;
  std::string text;
  std::string address;  // of a link: https://..., http://..., or #ID of a section; else no link
};

// A line of text with a little markup. A std::string is taken as it is, without markup.
struct Text {
  std::vector<Span> spans;

  Text() = default;
  Text(std::string plain);       // NOLINT(google-explicit-constructor)
  Text(const char* plain);       // NOLINT(google-explicit-constructor)
  Text(std::string_view plain);  // NOLINT(google-explicit-constructor)

  Text& plain(std::string text);
  Text& code(std::string text);
  Text& emphasis(std::string text);
  Text& link(std::string text, std::string address);
  bool empty() const;
  std::string str() const;  // without markup
};

// Reads "`code`", "*emphasis*" and "[text](https://...)". For words of our own; what a user or a
// program chose goes in by plain() or code().
Text marked(std::string_view text);

// --- blocks ---

struct Paragraph {
  Text text;
};

struct List {
  std::vector<Text> items;
  bool numbered = false;
};

// A command and what it printed: standard output and error in the order they came. ANSI escapes are
// taken out.
struct Transcript {
  std::string command;
  std::optional<int> exit_code;  // nullopt: not known, or ended by a signal (say so in `note`)
  std::string printed;
  std::optional<std::int64_t> duration_ms;
  std::string note;  // "stopped after 5 s", "" = none
};

enum class Align { kLeft, kRight };

struct Column {
  std::string title;
  std::string unit;  // "GiB", "" = none
  Align align = Align::kLeft;
};

struct Cell {
  Text text;  // empty: unknown, shown as such
  std::optional<double> value = {};  // the figure, for JSON
  std::optional<Origin> origin = {};
  Tone tone = Tone::kPlain;
};

struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // as long as `columns`; missing cells are unknown
  bool row_headers = true;              // the first column names the row
  std::optional<Origin> origin = {};    // of all figures that have none of their own
  Text source = {};                     // note below: where the figures are from
};

// What all charts have.
struct ChartHead {
  std::string title;
  std::string unit;         // of the values
  std::string description;  // what it shows, for those who do not see it; "" = the title
  std::optional<Origin> origin = {};
  Text source = {};  // note below
};

struct Value {
  double value = 0;
  std::optional<double> low = {}, high = {};  // 95 % interval
};

// A line across a chart: "full speed", "limit".
struct Reference {
  double value = 0;
  std::string label;
};

struct BarSeries {
  std::string name;
  std::vector<std::optional<Value>> values;  // by group; nullopt: unknown
};

// Grouped bars with intervals.
struct BarChart {
  ChartHead head;
  std::vector<std::string> groups;
  std::vector<BarSeries> series;
  std::vector<Reference> references = {};
};

struct Point {
  double x = 0;
  std::optional<double> y;  // nullopt: a gap
};

struct Line {
  std::string name;
  std::vector<Point> points;  // ascending x
};

// Something that happened at an x: "job 2 starts".
struct Mark {
  double x = 0;
  std::string label;
};

// Lines over time, or over any other quantity.
struct LineChart {
  ChartHead head;
  std::string x_title = "time";
  std::string x_unit = "s";
  std::vector<Line> lines;
  std::vector<Mark> marks = {};
  std::vector<Reference> references = {};
  std::optional<double> top = {};  // of the scale; nullopt: of the values
};

// Bars of parts that add up.
struct StackedChart {
  ChartHead head;
  std::vector<std::string> groups;
  std::vector<std::string> parts;
  std::vector<std::vector<double>> values;  // by group, then by part; none below 0
  std::vector<std::string> totals = {};     // text beside each bar; empty: the sum
};

struct MatrixCell {
  std::string text;           // "isolated", "-12 %"; "" = unknown
  Tone tone = Tone::kPlain;   // of a verdict
  std::optional<double> heat = {};  // 0 to 1, where it is no verdict
};

// Verdicts, or a heat map.
struct MatrixChart {
  ChartHead head;
  std::string row_title;
  std::vector<std::string> columns, rows;
  std::vector<std::vector<MatrixCell>> cells;  // by row, then by column
};

struct StripCell {
  std::string profile;
  std::uint32_t start = 0, size = 0;  // in memory slots
  std::vector<std::string> lines = {};  // below the profile: "gi 2", "team-a: train"
  bool busy = false;
};

// A GPU with its instances and memory slots, as `migctl list` draws it.
struct LayoutStrip {
  std::string gpu;          // "GPU 0  NVIDIA A100-SXM4-40GB"
  std::uint32_t slots = 0;  // 0: MIG is off
  std::vector<StripCell> cells;
  std::string note = {};  // "before", "after `migctl apply`"
};

struct Question {
  Text question;
  std::vector<Text> answer;  // paragraphs
};

enum class NoticeKind {
  kSimulated,
  kLabError,  // the exercise itself is wrong
  kNotRun,    // not run here; `commands` are those to run
  kProblem,
  kGood,
  kNote,
};

struct Notice {
  NoticeKind kind = NoticeKind::kNote;
  Text text;
  std::vector<std::string> commands = {};
};

// A PNG file, as its bytes; another kind of file is left out with a note.
struct Picture {
  std::string png;
  std::string alt;
  std::string caption = {};
};

struct Check {
  std::string name;
  bool passed = false;
  Text detail = {};  // what was found; of a failed one, what to do
};

using Block = std::variant<Paragraph,
                           List,
                           Transcript,
                           Table,
                           BarChart,
                           LineChart,
                           StackedChart,
                           MatrixChart,
                           LayoutStrip,
                           Question,
                           Notice,
                           Picture,
                           Check>;

// --- the whole ---

struct Section {
  std::string id;      // of the anchor; made from the title when empty, made unique when not
  std::string number;  // "2.2"; "" = none
  std::string title;
  std::uint32_t level = 1;  // 2: below the last one of level 1
  std::vector<Block> blocks = {};

  void add(Block block) { blocks.push_back(std::move(block)); }
};

struct Fact {
  std::string name;  // "Driver"
  Text value;        // empty: unknown
};

struct Report {
  std::string title, subtitle;
  bool simulated = false;
  std::string simulated_machine;  // its name
  std::vector<Fact> machine;      // what it was made on
  std::string program;            // "migctl 1.2.0"
  std::int64_t created_ms = 0;    // since 1970, UTC
  std::vector<Section> sections;
};

const char* name_of(Origin origin);    // "measured"
const char* meaning_of(Origin origin);  // one line
const char* name_of(Tone tone);        // "good"
const char* name_of(NoticeKind kind);  // "lab-error"

// The strip of a layout; each instance has its id and the UUIDs' beginnings below its profile.
LayoutStrip strip_of(const Gpu& gpu, std::string note = {});
LayoutStrip strip_of(const GpuLayout& layout, std::string gpu, std::string note = {});

}  // namespace mig::report

#endif  // MIGCTL_MODEL_REPORT_VALUES_H_
