// SPDX-License-Identifier: Apache-2.0
// What the order of devices in ResourceSlices is worth: random small claims are allocated by a
// scheduler that takes the first device that fits; then 4g (or 3g) instances are counted that still
// fit. Orders: ours, published anew after each claim; ours, never published anew; devices by name,
// as NVIDIA's DRA driver lists them; and what any placement of the same claims could leave (exact,
// by the closed form for boards of seven compute slices). Then the time and size of the objects.
//
//   mig-bench-slices [--cases N] [--out FILE]
//   mig-bench-slices --print N        the objects of a node "NODE" with N GPUs, for scale.py
//   mig-bench-slices --existing N     the same without placements, seven 1g.18gb on each GPU
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "kubernetes/objects/device_name.h"
#include "kubernetes/objects/test_machines.h"
#include "kubernetes/objects/test_scheduler.h"
#include "report.h"

namespace mig::bench {
namespace {

using kube::TestDevice;
using kube::TestScheduler;

struct Arguments {
  std::uint64_t cases = 200;
  std::uint32_t print = 0;
  bool existing = false;
  std::string out;
};

enum class Way { kPublished, kStale, kByName };

constexpr std::array<const char*, 3> kSmall = {"1g.18gb", "1g.35gb", "2g.35gb"};

// gpu-0-mig-1g18gb-19-0: the name in NVIDIA's driver, by which it sorts.
std::string nvidia_name(const Inventory& machine, const std::string& device) {
  const kube::Place place = kube::find_place(machine, device).value();
  std::string profile = place.profile->name.str();
  profile.erase(std::remove(profile.begin(), profile.end(), '.'), profile.end());
  return fmt::format("gpu-{}-mig-{}-{}-{}",
                     place.gpu->index.value,
                     profile,
                     place.profile->id.value,
                     place.placement.start);
}

std::vector<base::Json> by_name(const Inventory& machine) {
  std::vector<base::Json> slices = kube::slices_of(machine);
  base::Json all = base::Json::array();
  for (base::Json& slice : slices) {
    for (base::Json& device : slice["spec"].value("devices", base::Json::array())) {
      all.push_back(std::move(device));
    }
    slice["spec"].erase("devices");
  }
  std::sort(all.begin(), all.end(), [&](const base::Json& a, const base::Json& b) {
    return nvidia_name(machine, a["name"]) < nvidia_name(machine, b["name"]);
  });
  slices.back()["spec"]["devices"] = std::move(all);
  return slices;
}

// How many of `large` still fit after the claims, one after the other.
std::uint64_t left_after(const Inventory& empty,
                         const std::vector<base::Json>& first,
                         const std::vector<std::string>& claims,
                         const std::string& large,
                         Way way) {
  Inventory machine = empty;
  TestScheduler scheduler(first);
  kube::SliceInput input = kube::input_of(machine);
  for (const std::string& claim : claims) {
    const auto got = scheduler.allocate_first(
        [&](const TestDevice& device) { return kube::profile_of(device) == claim; });
    if (!got) {
      continue;
    }
    const kube::Place place = kube::find_place(machine, *got).value();
    kube::add_instance(machine.gpus[place.gpu->index.value], claim, place.placement.start);
    input.held[*got] = true;
    if (way == Way::kPublished) {
      scheduler.publish(kube::slices_of(input));
    }
  }
  std::uint64_t count = 0;
  while (scheduler.allocate_first(
      [&](const TestDevice& device) { return kube::profile_of(device) == large; })) {
    ++count;
  }
  return count;
}

// Whether so many instances fit on `gpus` empty GPUs: halves of four slots, of which the right one
// takes no second 2g and no fourth 1g.
bool feasible(std::int64_t gpus, std::map<std::string, std::int64_t> n) {
  const std::int64_t left_threes = std::max<std::int64_t>(0, n["3g.71gb"] - gpus);
  if (n["4g.71gb"] + left_threes > gpus) {
    return false;
  }
  const std::int64_t left = gpus - n["4g.71gb"] - left_threes;
  const std::int64_t right = gpus - (n["3g.71gb"] - left_threes);
  const std::int64_t pairs = 2 * left + right;
  const std::int64_t doubles = std::min(n["1g.35gb"], right);
  const std::int64_t rest = n["1g.35gb"] - doubles;
  return n["2g.35gb"] <= pairs && rest <= pairs - n["2g.35gb"] &&
         n["1g.18gb"] <= (right - doubles) + 2 * (pairs - n["2g.35gb"] - rest);
}

std::uint64_t most_left(std::uint32_t gpus,
                        const std::vector<std::string>& claims,
                        const std::string& large) {
  std::map<std::string, std::int64_t> wanted;
  for (const std::string& claim : claims) {
    ++wanted[claim];
  }
  for (std::int64_t count = 2 * std::int64_t{gpus}; count > 0; --count) {
    wanted[large] = count;
    if (feasible(gpus, wanted)) {
      return static_cast<std::uint64_t>(count);
    }
  }
  return 0;
}

void measure_order(std::uint32_t gpus, std::uint64_t cases, std::vector<Row>& rows) {
  const Inventory empty = kube::machine_of("h200-141gb", gpus);
  const auto ours = kube::slices_of(empty);
  const auto named = by_name(empty);
  for (const char* large : {"4g.71gb", "3g.71gb"}) {
    for (std::uint32_t small = gpus; small <= 4 * gpus; small += gpus) {
      std::mt19937 random(20261129);
      std::array<double, 4> sums{};
      for (std::uint64_t i = 0; i < cases; ++i) {
        std::vector<std::string> claims;
        for (std::uint32_t k = 0; k < small; ++k) {
          claims.emplace_back(kSmall.at(random() % kSmall.size()));
        }
        sums[0] += static_cast<double>(left_after(empty, ours, claims, large, Way::kPublished));
        sums[1] += static_cast<double>(left_after(empty, ours, claims, large, Way::kStale));
        sums[2] += static_cast<double>(left_after(empty, named, claims, large, Way::kByName));
        sums[3] += static_cast<double>(most_left(gpus, claims, large));
      }
      for (double& sum : sums) {
        sum /= static_cast<double>(cases);
      }
      rows.push_back({{{"what", "order"}, {"large", large}},
                      {{"gpus", gpus},
                       {"small_claims", small},
                       {"left_published_each_time", sums[0]},
                       {"left_published_once", sums[1]},
                       {"left_by_name", sums[2]},
                       {"left_at_most", sums[3]}}});
      std::printf(
          "%2u GPUs, %3u small: %.2f %s left with our order, %.2f published once, "
          "%.2f by name, %.2f at most\n",
          gpus,
          small,
          sums[0],
          large,
          sums[1],
          sums[2],
          sums[3]);
    }
  }
}

void measure_size(std::uint32_t gpus, std::vector<Row>& rows) {
  constexpr int kRuns = 50;
  const Inventory machine = kube::machine_of("h200-141gb", gpus);
  std::vector<std::uint64_t> times;
  std::vector<base::Json> slices;
  for (int i = 0; i < kRuns; ++i) {
    const std::uint64_t start = cpu_ns();
    slices = kube::slices_of(machine);
    times.push_back(cpu_ns() - start);
  }
  std::size_t bytes = 0;
  for (const base::Json& slice : slices) {
    bytes += slice.dump().size();
  }
  const Quantiles time = quantiles(times);
  rows.push_back({{{"what", "objects"}},
                  {{"gpus", gpus},
                   {"objects", static_cast<double>(slices.size())},
                   {"bytes", static_cast<double>(bytes)},
                   {"p50_us", time.p50_us},
                   {"p99_us", time.p99_us}}});
  std::printf(
      "%2u GPUs: %zu objects, %zu bytes, %.0f us\n", gpus, slices.size(), bytes, time.p50_us);
}

int print(std::uint32_t gpus, bool existing) {
  constexpr std::uint32_t kSmallOnes = 7;
  Inventory machine = kube::machine_of("h200-141gb", gpus);
  for (Gpu& gpu : machine.gpus) {
    for (std::uint32_t start = 0; existing && start < kSmallOnes; ++start) {
      kube::add_instance(gpu, "1g.18gb", start);
    }
  }
  kube::SliceInput input = kube::input_of(machine);
  input.node = "NODE";
  input.existing_only = existing;
  const base::Json all = kube::slices_of(input);
  std::printf("%s\n", all.dump().c_str());
  return 0;
}

int run(const Arguments& arguments) {
  if (arguments.print > 0) {
    return print(arguments.print, arguments.existing);
  }
  std::vector<Row> rows;
  for (const std::uint32_t gpus : {1U, 8U, 16U}) {
    measure_size(gpus, rows);
  }
  for (const std::uint32_t gpus : {1U, 8U}) {
    measure_order(gpus, arguments.cases, rows);
  }
  const std::string error =
      arguments.out.empty()
          ? ""
          : write_report(arguments.out,
                         "ResourceSlices: order, time, size",
                         {{"board", "h200-141gb"}, {"cases", std::to_string(arguments.cases)}},
                         rows);
  if (!error.empty()) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace mig::bench

int main(int argc, char** argv) {
  mig::bench::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--cases") {
      arguments.cases = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (option == "--print" || option == "--existing") {
      arguments.existing = option == "--existing";
      arguments.print = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], nullptr, 10));
    } else if (option == "--out") {
      arguments.out = argv[i + 1];
    }
  }
  return mig::bench::run(arguments);
}
