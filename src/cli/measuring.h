// SPDX-License-Identifier: Apache-2.0
// Common to the commands that run programs to measure them: the programs, their instances' leases,
// the files of the results.
#ifndef MIGCTL_CLI_MEASURING_H_
#define MIGCTL_CLI_MEASURING_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "cli/command.h"
#include "model/isolation_values.h"

namespace mig::cli {

// mig-workload: the one that --workload named, else the one beside this program. kNotFound.
Result<std::string> workload_path(const std::string& named);

// Checked before an hour of measurement. "" = no file was asked for.
Result<void> check_writable(const std::string& file);

// What a measurement ends with: the document with --json, else the text; and the files.
struct Findings {
  std::string text, document, chart;
};

struct FindingFiles {
  std::string report, svg;  // "" = none
};

Result<void> hand_out(const Context& context, const Findings& findings, const FindingFiles& files);

// A number of seconds in an option, in these limits; kUsage.
Result<double> parse_seconds(const char* option,
                             const std::string& text,
                             double least,
                             double most);

// Instances that are leased now: "leased by TENANT" by uuid.
Result<std::map<std::string, std::string>> leased_now(Context& context);

// Leases the instances among the places for `job`, as `run` does; they go back with what is
// returned.
Result<std::vector<std::shared_ptr<void>>> lease_places(
    Context& context, const char* job, const std::vector<isolation::Place>& places);

}  // namespace mig::cli

#endif  // MIGCTL_CLI_MEASURING_H_
