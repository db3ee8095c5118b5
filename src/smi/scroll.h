// SPDX-License-Identifier: Apache-2.0
// What dmon and pmon share: the options of a monitor that scrolls, date and time before each line,
// and columns of their own width.
#ifndef MIGCTL_SMI_SCROLL_H_
#define MIGCTL_SMI_SCROLL_H_

#include <functional>
#include <string>
#include <vector>

#include "smi/options.h"
#include "smi/run.h"

namespace mig::smi {

struct ScrollStamp {  // -o
  bool date = false, time = false;
};

struct ScrollLimits {
  unsigned max_delay_s;
  std::string (*help)();
};

// -c, -d and -o of a monitor: what is wrong with them, in nvidia-smi's words. A wrong number is
// answered with the help and called a success; a wrong letter is 255.
UsageError scroll_usage_error(const Options& options, const ScrollLimits& limits);

// For the parser: what a monitor says to a word that is none of its options.
UsageError scroll_unknown(const std::string& word, std::string (*help)());

ScrollStamp scroll_stamp(const Options& options);

// Before "gpu", "Idx" and the number of a GPU: "# gpu", "#Date         gpu".
std::string scroll_heading(const ScrollStamp& stamp, bool csv);
std::string scroll_units(const ScrollStamp& stamp, bool csv);
std::string scroll_row(const ScrollStamp& stamp, unsigned gpu, bool csv);

// Prints what `sample` gives, -c times or for ever, -d seconds apart; returns the exit code.
int scroll(const Run& run, const Options& options, const std::function<std::string()>& sample);

// The refusal of a -s or -o without a letter that is known.
UsageError scroll_refused(const std::string& why);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_SCROLL_H_
