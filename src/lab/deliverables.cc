// SPDX-License-Identifier: Apache-2.0
// The lab's deliverables 2 to 4, with this machine's figures.
#include <algorithm>

#include <fmt/format.h>

#include "lab/parts.h"

namespace mig::lab {
namespace {

using report::Align;
using report::Origin;

void blocks(Chapter& chapter, const std::vector<report::Block>& found, const char* exercise) {
  if (found.empty()) {
    chapter.not_run(fmt::format("exercise {} was not run", exercise),
                    {fmt::format("migctl lab --only {}", exercise)});
    return;
  }
  for (const report::Block& block : found) {
    chapter.add(block);
  }
}

// Bytes that a workload needs, by arithmetic: weights, and what an optimiser or a cache adds.
struct Workload {
  const char* name;
  double gib;
  const char* sum;
};

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> kAll = {
      {"the lab's training (25.2 M parameters, Adam)", 0.38, "16 bytes a parameter"},
      {"ResNet-50 training (25.6 M), without activations", 0.4, "16 bytes a parameter"},
      {"BERT-base training (110 M), without activations", 1.6, "16 bytes a parameter"},
      {"BERT-large training (340 M), without activations", 5.1, "16 bytes a parameter"},
      {"7B LLM inference, int4, 4k context, 1 user", 5.6, "3.6 weights + 2.0 KV cache"},
      {"8B LLM inference (grouped heads), fp16, 8 x 4k context", 19.0, "15.0 + 4.0 KV cache"},
      {"7B LLM inference, fp16, 1 x 4k context", 14.6, "12.6 + 2.0 KV cache"},
      {"13B LLM inference, fp16, 1 x 4k context", 27.3, "24.2 + 3.1 KV cache"},
      {"7B LLM, full fine-tune", 100, "16 bytes a parameter"}};
  return kAll;
}

constexpr double kContextGib = 0.5;
constexpr double kMargin = 1.1;  // as `migctl rightsize` keeps it

double needs(double gib) {
  return gib * kMargin + kContextGib;
}

// The smallest profile with so much memory; nullptr = none.
const GpuInstanceProfile* holds(const Gpu& gpu, double gib_needed) {
  const GpuInstanceProfile* best = nullptr;
  for (const GpuInstanceProfile& profile : gpu.profiles) {
    if (!profile.name.attributes.empty() ||
        static_cast<double>(profile.memory_mib) / 1024 < gib_needed) {
      continue;
    }
    if (best == nullptr || profile.slices < best->slices ||
        (profile.slices == best->slices && profile.memory_mib < best->memory_mib)) {
      best = &profile;
    }
  }
  return best;
}

report::Table sizing(const Gpu& gpu) {
  report::Table table;
  table.caption = "Profile sizing for common workloads, by memory, on this board";
  table.columns = {{"workload", "", Align::kLeft},
                   {"by", "GiB", Align::kLeft},
                   {"with a tenth and a context", "GiB", Align::kRight},
                   {"smallest profile", "", Align::kLeft}};
  table.origin = Origin::kDerived;
  table.source = report::marked(
      "Arithmetic: parameters x bytes, KV cache by layers and heads; a tenth more, and 0.5 GiB for "
      "a CUDA context, are assumed. A starting point: `migctl rightsize` measures.");
  for (const Workload& one : workloads()) {
    const GpuInstanceProfile* profile = holds(gpu, needs(one.gib));
    report::Cell choice{profile == nullptr ? "none: a larger GPU" : profile->name.str()};
    choice.tone = profile == nullptr ? report::Tone::kBad : report::Tone::kGood;
    const double needed = needs(one.gib);
    table.rows.push_back({{one.name},
                          {fmt::format("{:.1f}: {}", one.gib, one.sum)},
                          {fmt::format("{:.1f}", needed), needed},
                          std::move(choice)});
  }
  return table;
}

struct Layout {
  std::string name;
  std::uint32_t sm = 0, slots = 0;
  std::uint64_t mib = 0;
};

Layout layout_of(const std::vector<std::pair<const GpuInstanceProfile*, std::uint32_t>>& parts) {
  Layout layout;
  for (const auto& [profile, count] : parts) {
    layout.name +=
        (layout.name.empty() ? "" : " + ") +
        (count == 1 ? profile->name.str() : fmt::format("{} x {}", count, profile->name.str()));
    layout.sm += profile->sm * count;
    layout.mib += profile->memory_mib * count;
  }
  return layout;
}

report::Cell of_board(std::uint32_t sm, std::uint32_t board) {
  if (board == 0) {
    return {};
  }
  const double share = 100.0 * sm / board;
  return {fmt::format("{:.1f}", share), share};
}

// What layouts leave unused: compute and memory that no instance has.
report::Table stranded(const Gpu& gpu, std::uint32_t board_sms) {
  const auto* small = small_profile(gpu);
  const auto* medium = medium_profile(gpu);
  const auto* large = large_profile(gpu);
  const auto* whole = whole_profile(gpu);
  report::Table table;
  table.caption = "What a layout uses of what MIG can give";
  table.columns = {{"layout", "", Align::kLeft},
                   {"SMs", "", Align::kRight},
                   {"of MIG's", "%", Align::kRight},
                   {"of the board's", "%", Align::kRight},
                   {"memory", "GiB", Align::kRight},
                   {"memory used", "%", Align::kRight}};
  table.origin = Origin::kDerived;
  table.source = report::marked(fmt::format(
      "From `migctl profiles`: of the {} SMs that MIG can give; {}",
      whole == nullptr ? 0 : whole->sm,
      board_sms == 0 ? "those of the board without MIG were not seen (exercise 1.1)"
                     : fmt::format("the board has {} without MIG (exercise 1.1)", board_sms)));
  if (small == nullptr || medium == nullptr || large == nullptr || whole == nullptr) {
    return table;
  }
  const std::vector<Layout> layouts = {layout_of({{whole, 1}}),
                                       layout_of({{large, 2}}),
                                       layout_of({{large, 1}, {medium, 2}}),
                                       layout_of({{medium, 3}, {small, 1}}),
                                       layout_of({{small, small->max_count}})};
  for (const Layout& one : layouts) {
    const double sms = 100.0 * one.sm / whole->sm;
    const double memory =
        100.0 * static_cast<double>(one.mib) / static_cast<double>(whole->memory_mib);
    table.rows.push_back({{one.name},
                          {std::to_string(one.sm), static_cast<double>(one.sm)},
                          {fmt::format("{:.1f}", sms), sms},
                          of_board(one.sm, board_sms),
                          {gib(one.mib), static_cast<double>(one.mib) / 1024},
                          {fmt::format("{:.1f}", memory), memory}});
  }
  return table;
}

}  // namespace

void performance_analysis(Chapter& chapter) {
  const Findings& findings = chapter.course().findings;
  chapter.words("*Concurrent job throughput* (exercise 3.1):");
  blocks(chapter, std::vector<report::Block>(findings.throughput), "3.1");
  chapter.words("*Isolation verification results* (exercise 3.2):");
  blocks(chapter, std::vector<report::Block>(findings.isolation), "3.2");
  chapter.words("*Resource utilization charts* (exercise 5.1):");
  blocks(chapter, std::vector<report::Block>(findings.utilisation), "5.1");
  chapter.words("*Right size* (exercise 6.1):");
  blocks(chapter, std::vector<report::Block>(findings.sizes), "6.1");
}

void best_practices(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  const auto* small = small_profile(gpu);
  const auto* whole = whole_profile(gpu);
  if (small == nullptr || whole == nullptr) {
    chapter.check("the board's profiles can be read", false);
    return;
  }
  chapter.words("*Profile selection.*");
  chapter.items(
      {fmt::format(
           "Begin with memory: the smallest profile that holds weights, optimiser or cache, "
           "activations and a CUDA context. Compare with the GiB that the driver tells ({} "
           "has {}), not with the name.",
           small->name.str(),
           gib(small->memory_mib)),
       "Then measure the speed on it and on the next larger one. SM share alone predicts badly: on "
       "published measurements it is off by 81 % (32 training jobs, A100-40) and 114 % (inference, "
       "A100-80); two measured points are off by about 9 %.",
       "Of two profiles with the same memory take the one with fewer SMs until a measurement says "
       "otherwise."});
  chapter.words("*Resource allocation.*");
  chapter.add(stranded(gpu, chapter.course().findings.whole_sms));
  chapter.items(
      {"Largest instances first: what lies in the middle blocks a large one for good. `migctl "
       "plan` "
       "says whether a layout fits, and `--spare` keeps room for what is still to come.",
       "Lease instances instead of handing out UUIDs: `migctl run`, `migctl docker run`, `migctl "
       "lease`. A UUID in a file is stale after the next layout.",
       "Change layouts around running work (`migctl apply`), never by -dci -dgi over everything."});
  chapter.words("*Monitoring.*");
  chapter.items(
      {gpu.architecture == Architecture::kAmpere
           ? "This board's driver tells no activity with MIG on: run DCGM and `migctl serve "
             "--dcgm-activity auto`. Memory, power and processes are told without it."
           : "This board's driver counts activity of each GPU instance (GPM): `migctl serve` "
             "exports it.",
       "Alert on leased and idle instances, on Xids by instance, on drift of the layout. Rules: "
       "`integrations/grafana/rules`.",
       "No instance has a power meter: figures per instance are the board's, divided."});
  chapter.words(
      "*What isolation does not cover*: PCIe, power and clocks, a reset of the GPU, side "
      "channels. Exercise 3.2 measures what it does.");
}

void use_cases(Chapter& chapter) {
  const Gpu gpu = chapter.gpu();
  const auto* small = small_profile(gpu);
  report::Table when;
  when.caption = "MIG, MPS, time-slicing, or the whole GPU";
  when.columns = {
      {"situation", "", Align::kLeft}, {"use", "", Align::kLeft}, {"why", "", Align::kLeft}};
  when.origin = Origin::kDocumented;
  when.source = report::marked("In this order; the first that fits decides");
  when.rows = {
      {{"tenants who do not trust each other; a guarantee of memory, speed or faults"},
       {"MIG"},
       {"memory, bandwidth and faults are divided by hardware; not proof against side channels"}},
      {{"processes of one user that cannot fill the GPU, sizes that change often"},
       {"MPS with limits"},
       {"kernels run at the same time; faults and bandwidth are shared"}},
      {{"bursty or mostly idle work whose memory fits together, no guarantee"},
       {"time-slicing"},
       {"nothing to set up; beside a busy neighbour a job keeps a fraction of its speed (3.2)"}},
      {{"one job that uses more than half of the GPU, NVLink, or NCCL at full speed"},
       {"whole GPU"},
       {"no P2P or NVLink between instances"}},
      {{"many processes of one model"},
       {"MIG, and MPS inside an instance"},
       {"isolation between tenants, concurrency within"}}};
  chapter.add(std::move(when));
  chapter.add(sizing(gpu));
  chapter.words("*Multi-tenant deployment patterns*");
  chapter.items(
      {fmt::format("A class: {} students on one GPU ({} each), a lease at a time, ended when it is "
                   "idle: `docs/howto/class.md`; machines of their own for the lab: `migctl lab "
                   "class`.",
                   small == nullptr ? 7 : small->max_count,
                   small == nullptr ? "1g" : small->name.str()),
       "A team's box: tenants with quotas and weights, a queue: `docs/howto/share_a_box.md`.",
       "Inference by day, training by night: two layouts, changed around what runs (bonus 2).",
       "Slurm: `migctl slurm`. Kubernetes: the GPU Operator with mig-parted's file (bonus 1).",
       "Bill by slices, and show what is idle and stranded: `migctl cost` (bonus 3)."});
}

}  // namespace mig::lab
