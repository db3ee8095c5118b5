// SPDX-License-Identifier: Apache-2.0
// Runs the whole lab, exercise by exercise, and writes its report as a value.
//
// Threading: one lab at a time, from one thread. Every command of the lab is a program of its own,
// ended with it; a private machine is removed. Example:
//   MIG_ASSIGN_OR_RETURN(lab::Outcome outcome, lab::run_course(request));
//   outcome.failed.empty()   // every expectation was met
#ifndef MIGCTL_LAB_COURSE_H_
#define MIGCTL_LAB_COURSE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mig/ids.h"
#include "mig/result.h"

#include "lab/bench.h"
#include "model/report_values.h"

namespace mig::lab {

struct CourseRequest {
  BenchRequest bench;
  GpuIndex gpu;
  bool read_only = false;
  std::vector<std::string> only;  // numbers as in course_numbers(); empty = all
  std::string image;              // for container exercises; "" = start none
  std::string program;            // "migctl 1.2.0"
  std::int64_t now_ms = 0;
  std::function<void(const std::string&)> tell;  // progress, one line each
};

struct Outcome {
  report::Report report;
  std::size_t checks = 0;
  std::vector<std::string> failed;                              // "2.1: seven instances"
  std::vector<std::string> not_run;                             // "4.1: docker does not answer"
  std::vector<std::pair<std::string, std::string>> lab_errors;  // exercise, what is wrong in it
  std::vector<std::string> done;                                // numbers that were run
  bool stopped = false;
};

// All numbers of a lab, in order: "1.1" ... "6.2", "troubleshooting", "bonus1" ..., "deliverables".
std::vector<std::string> course_numbers();

// Errors: kUsage for an unknown number, kInUse where the GPU is not empty and would be changed, and
// what Bench::open says. A failed expectation is no Error: it is in the outcome.
Result<Outcome> run_course(const CourseRequest& request);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_COURSE_H_
