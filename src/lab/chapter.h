// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: one exercise under way, and its section of the report. A failed check makes the
// whole lab fail. Threading: one thread.
#ifndef MIGCTL_LAB_CHAPTER_H_
#define MIGCTL_LAB_CHAPTER_H_

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mig/inventory.h"

#include "base/json.h"
#include "lab/bench.h"
#include "lab/exercises.h"
#include "model/report_values.h"

namespace mig::lab {

// Of the whole lab: what the deliverables and the summary are made from.
struct Findings {
  std::vector<std::string> failed;   // checks that did not hold: "2.1: seven instances"
  std::vector<std::string> not_run;  // "4.1: no container engine answers"
  std::size_t checks = 0;
  std::uint32_t whole_sms = 0;  // of the board without MIG; 0 = not seen
  std::vector<std::pair<std::string, std::string>> lab_errors;  // exercise, what is wrong in it
  // Filled by the exercises, for the deliverables; empty where one was not run.
  std::vector<report::Block> throughput, isolation, utilisation, sizes, cost;
};

struct Course {
  Bench* bench = nullptr;
  GpuIndex gpu;
  bool may_change = true;                              // false: --read-only
  report::Origin origin = report::Origin::kSimulated;  // of what is measured here
  std::string image;                                   // for container exercises; "" = none given
  std::function<void(const std::string&)> tell;
  Findings findings;
};

class Chapter {
 public:
  Chapter(Course& course, std::string number, std::string title, std::uint32_t level = 2);

  // Runs a command and shows it.
  Ran show(const std::vector<std::string>& words, const Ways& ways = {});
  // The document that a command prints with --json; null, and a failed check, when it has none.
  base::Json document(const std::vector<std::string>& words, const Ways& ways = {});

  void words(std::string_view marked);
  void items(const std::vector<std::string>& marked, bool numbered = false);
  void check(const std::string& name, bool passed, const std::string& detail = "");
  void question(std::string_view marked, const std::vector<std::string>& answers);
  void lab_error(const std::string& marked);
  void note(const std::string& marked);
  void not_run(const std::string& why, std::vector<std::string> commands);
  void add(report::Block block);
  // Before the block of that number: what ended later than what was shown meanwhile.
  void insert(std::size_t at, report::Block block);
  // Strip of the lab's GPU, as it is now.
  void strip(const std::string& note);

  // The lab's GPU as it is now; an empty Gpu, and a failed check, where it cannot be read.
  Gpu gpu();

  Course& course() { return *course_; }

  const Terminal& terminal() const { return course_->bench->terminal(); }

  bool stopped() const { return terminal().stopped(); }

  const report::Section& section() const { return section_; }

  // As the table of contents shows it; messages keep the exercise's number.
  void number_to_show(std::string number) { section_.number = std::move(number); }

 private:
  Course* course_;
  std::string exercise_;
  report::Section section_;
};

// The `-i N` of nvidia-smi's commands.
std::string index_of(const Course& course);

// UUIDs of the compute instances of the GPU, larger GPU instances first.
struct Device {
  std::string uuid;
  std::string profile;
  std::uint32_t gi = 0, sm = 0;
  std::uint64_t memory_mib = 0;
};

std::vector<Device> devices_of(const Gpu& gpu);

// Members of a document, with a default where it has none: nothing here throws.
std::string text_of(const base::Json& json, std::string_view key);
std::optional<double> number_of(const base::Json& json, std::string_view key);
const base::Json& member_of(const base::Json& json, std::string_view key);
// "19.50".
std::string gib(std::uint64_t mib);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_CHAPTER_H_
