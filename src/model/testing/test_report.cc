// SPDX-License-Identifier: Apache-2.0
#include "model/testing/test_report.h"

#include <fmt/format.h>

namespace mig::report {
namespace {

constexpr const char* kSmi =
    R"(+-----------------------------------------------------------------------------------------+
| MIG devices:                                                                            |
+------------------+----------------------------------+-----------+-----------------------+
| GPU  GI  CI  MIG |              Shared Memory-Usage |        Vol|        Shared         |
|      ID  ID  Dev |                Shared BAR1-Usage | SM     Unc| CE ENC  DEC  OFA  JPG |
|==================+==================================+===========+=======================|
|  0    2   0   0  |              12MiB / 19968MiB    | 42      0 |  3   0    2    0    0 |
|  0    3   0   1  |              12MiB /  9856MiB    | 28      0 |  2   0    1    0    0 |
+------------------+----------------------------------+-----------+-----------------------+
)";

Section first_section() {
  Section section{"mode", "1", "Enable MIG", 1, {}};
  section.add(Paragraph{
      marked("MIG mode is a property of the *GPU*. `migctl mode enable` sets it; on Ampere boards "
             "a reset follows. "
             "See [NVIDIA's guide](https://evil.test/guide/) and "
             "[the charts](#charts).")});
  section.add(Notice{
      NoticeKind::kSimulated, marked("The machine is one that `migctl sim create` made."), {}});
  section.add(Notice{
      NoticeKind::kLabError,
      marked(
          "The exercise calls `nvidia-smi mig -cgi 14,9`, which no order of placements satisfies."),
      {}});
  section.add(Notice{
      NoticeKind::kNotRun,
      "Docker is not on this machine.",
      {"docker run --rm --gpus '\"device=0:0\"' nvidia/cuda:12.4.1-base-ubuntu22.04 nvidia-smi -L",
       "docker compose up"}});
  section.add(Notice{NoticeKind::kProblem, "GPU 1 is lost: Xid 79.", {}});
  section.add(Notice{NoticeKind::kGood, "Every change was verified by reading back.", {}});
  section.add(Notice{NoticeKind::kNote, "The order of slots is the driver's.", {}});
  section.add(List{{marked("one `step`"), "another step", marked("a *third* one")}, true});
  section.add(List{{"a point", "another point"}, false});
  return section;
}

Section commands_section() {
  Section section{"", "1.1", "Commands and what they printed", 2, {}};
  section.add(Transcript{"nvidia-smi", 0, kSmi, 412, ""});
  section.add(
      Transcript{"migctl destroy -i 0 --gi 2",
                 12,
                 "\x1b[31mcannot destroy\x1b[0m 3g.20gb gi=2: pid 4121 (python) runs on it\n",
                 31,
                 ""});
  section.add(Transcript{"migctl mode enable -i 0", 0, "", 2300, ""});
  std::string progress = "step 1\rstep 2\rstep 3\nloss 0.31\n";
  for (int i = 0; i < 1200; ++i) {
    progress += fmt::format("epoch {}: loss {:.4f}, 512 samples in 0.021 s\n", i, 1.0 / (i + 1));
  }
  section.add(Transcript{"mig-workload train --steps 200",
                         std::nullopt,
                         progress + std::string(5000, 'x'),
                         60012,
                         "stopped after 60 s"});
  section.add(Transcript{
      "cat " + hostile_text(), 1, hostile_text() + "\n" + hostile_text(), 4, hostile_text()});
  return section;
}

Section layout_section(const std::string& picture) {
  Section section{"layout", "2", "Layouts, tables and answers", 1, {}};
  section.add(LayoutStrip{"GPU 0  NVIDIA A100-SXM4-40GB", 0, {}, "before"});
  section.add(LayoutStrip{
      "GPU 0  NVIDIA A100-SXM4-40GB",
      8,
      {{"1g.5gb", 0, 1, {"gi 9", "14 SMs", "MIG-a7f58a91-1111-5322-ac2d-3e51db0ffbf9"}, false},
       {"2g.10gb", 2, 2, {"gi 3", "28 SMs", "MIG-e3432005-3cee-5322-ac2d-3e51db0ffbf9"}, true},
       {"3g.20gb", 4, 4, {"gi 2", "42 SMs", "MIG-0b1cd08e-22ee-5322-ac2d-3e51db0ffbf9"}, false}},
      "after migctl apply"});
  Table table;
  table.caption = "Smallest profile of each model";
  table.columns = {{"Model"},
                   {"Parameters", "M", Align::kRight},
                   {"Peak memory", "MiB", Align::kRight},
                   {"Profile"},
                   {"Share of full speed", "%", Align::kRight},
                   {"Verdict"}};
  table.origin = Origin::kSimulated;
  table.source =
      marked("`migctl rightsize`; parameters are counted, peak memory is the process tree's.");
  table.rows = {{{"small"},
                 {"4.2", 4.2, Origin::kDerived},
                 {"612", 612},
                 {marked("`1g.5gb`")},
                 {"34", 34},
                 {"fits", {}, {}, Tone::kGood}},
                {{"medium"},
                 {"16.8", 16.8, Origin::kDerived},
                 {"1,104", 1104},
                 {marked("`1g.5gb`")},
                 {"22", 22},
                 {"slow", {}, {}, Tone::kWarning}},
                {{"large"},
                 {"67.1", 67.1, Origin::kDerived},
                 {"4,902", 4902},
                 {marked("`2g.10gb`")},
                 {"28", 28},
                 {"out of memory on 1g.5gb", {}, {}, Tone::kBad}},
                {{"yours"}, {}, {}, {"not measured"}, {}, {"undecided", {}, {}, Tone::kUnknown}}};
  section.add(table);
  section.add(Question{marked("How many `1g.5gb` instances can you create?"),
                       {marked("*Seven*: the GPU has seven compute slices, and eight of memory."),
                        "The eighth memory slice stays free."}});
  section.add(Check{"MIG mode is enabled on GPU 0", true, {}});
  section.add(Check{"GPU 0 has one 3g.20gb and two 2g.10gb",
                    false,
                    marked("There is one 2g.10gb at slots 2-3. Make room at slots 0-1: `migctl "
                           "destroy -i 0 --gi 9`, then `migctl create -i 0 2g.10gb`.")});
  section.add(Check{hostile_text(), true, hostile_text()});
  section.add(Paragraph{"A dashboard:"});
  section.add(Picture{picture,
                      "The daemon's page with two GPUs",
                      "The daemon's page, as it was during the exercise"});
  section.add(Picture{"GIF89a", "no PNG file", ""});
  return section;
}

Section hostile_section() {
  Section section{hostile_text(), hostile_text(), hostile_text(), 2, {}};
  section.add(Paragraph{marked(hostile_text())});
  section.add(Paragraph{Text()
                            .link("a link", "javascript:alert(1)")
                            .plain(" ")
                            .link(hostile_text(), "https://evil.test/" + hostile_text())
                            .plain(" ")
                            .code(hostile_text())});
  section.add(Notice{NoticeKind::kNotRun, hostile_text(), {hostile_text()}});
  section.add(Question{hostile_text(), {hostile_text()}});
  section.add(
      LayoutStrip{hostile_text(),
                  8,
                  {{hostile_text(), 0, 2, {hostile_text()}, true}, {"beyond", 7, 9, {}, false}},
                  hostile_text()});
  Table table;
  table.caption = hostile_text();
  table.columns = {{hostile_text(), hostile_text()}, {"|pipe|", ""}};
  table.rows = {{{hostile_text()}, {"a|b"}}, {}};
  section.add(table);
  section.add(
      BarChart{{hostile_text(), hostile_text(), hostile_text(), Origin::kMeasured, hostile_text()},
               {hostile_text()},
               {{hostile_text(), {Value{-3, -4, -2}}}, {"huge", {Value{1e12}}}},
               {{2, hostile_text()}}});
  section.add(Paragraph{std::string(9000, 'w')});
  return section;
}

}  // namespace

const std::string& hostile_text() {
  static const std::string kText =
      "</title></style></script><img src=x "
      "onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
      "&amp; ''\"\" `tick` ```\n\x1b]0;title\x07\x1b[2J\x1b[1;31mred\x1b[0m\r\x08 "
      "\xe2\x80\xaegnp.exe\xe2\x80\xac \xff\xfe\xc3 {x} | --> ]]> [a](javascript:1)";
  return kText;
}

Report test_report(const std::string& picture) {
  Report report;
  report.title = "GPU sharing with Multi-Instance GPU";
  report.subtitle = "A sample with every block; its figures are made up";
  report.simulated = true;
  report.simulated_machine = "lab";
  report.machine = {{"GPUs", "1 x NVIDIA A100-SXM4-40GB"},
                    {"Driver", "580.159.04"},
                    {"Kernel", {}},
                    {hostile_text(), hostile_text()}};
  report.program = "migctl 0.0.0";
  report.created_ms = 1'796'000'000'000;
  report.sections = {first_section(),
                     commands_section(),
                     layout_section(picture),
                     test_charts(),
                     hostile_section()};
  return report;
}

}  // namespace mig::report
