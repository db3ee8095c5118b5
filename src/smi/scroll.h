// SPDX-License-Identifier: Apache-2.0
// Common parts of dmon and pmon: the options of a scrolling monitor, date and time before each
// line, and column widths.
#ifndef MIGCTL_SMI_SCROLL_H_
#define MIGCTL_SMI_SCROLL_H_

#include <functional>
#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

struct ScrollStamp {  // option -o
  bool date = false, time = false;
};

struct ScrollLimits {
  unsigned max_delay_s;
  std::string (*help)();
};

// Error text for -c, -d and -o of a monitor, as nvidia-smi words it. An invalid number gives the
// help and exit code 0; an invalid letter 255.
UsageError scroll_usage_error(const Options& options, const ScrollLimits& limits);

// For the parser: a monitor's refusal of an unknown word.
UsageError scroll_unknown(const std::string& word, std::string (*help)());

ScrollStamp scroll_stamp(const Options& options);

// Headings before "gpu", "Idx" and the GPU's number: "# gpu", "#Date         gpu".
std::string scroll_heading(const ScrollStamp& stamp, bool csv);
std::string scroll_units(const ScrollStamp& stamp, bool csv);
std::string scroll_row(const ScrollStamp& stamp, unsigned gpu, bool csv);

// Prints the text of `sample` -c times or for ever, every -d seconds; returns the exit code.
int scroll(const Run& run, const Options& options, const std::function<std::string()>& sample);

// Refusal of a -s or -o without a known letter.
UsageError scroll_refused(const std::string& why);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SCROLL_H_
