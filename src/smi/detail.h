// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi -q`: all properties of a GPU as indented lines. The layout is data (detail_rows.cc);
// values come from the readers of query_value.h. Properties without an NVML reading show N/A.
#ifndef MIGCTL_SMI_DETAIL_H_
#define MIGCTL_SMI_DETAIL_H_

#include <span>
#include <string>
#include <vector>

#include "smi/query_value.h"
#include "smi/run.h"

namespace mig::smi {

struct DetailRow {
  unsigned depth;     // indentation level, four blanks each
  const char* label;  // as printed
  // Source of the value. nullptr: a heading. "": N/A. "?x": a heading, or one line N/A without its
  // sub-rows when property x cannot be read. "#x": a block with its own code. Else a property of
  // query_fields() or, with '@', of detail_fields().
  const char* source;
  const char* section;  // section of -d; "" = shown only without -d, "+X" = only with -d X
  // Boards that have the row: nullptr all, "x" those with property x, "!x" those without.
  const char* when = nullptr;
};

std::span<const DetailRow> detail_rows();
// Properties of -q only.
std::span<const QueryField> detail_fields();

// A line of -q: "    Product Name                                       : NVIDIA H200".
std::string detail_line(unsigned depth, const std::string& label, const std::string& value);

// True when rows with this `when` apply to the GPU.
bool applies(const Run& run, const Gpu& gpu, const char* when);

// Error text for the list after -d; "" = valid. Names in either case; empty ones are ignored.
std::string detail_sections_error(const std::string& list);

// `sections` nullptr: all.
int show_detail(const Run& run, const std::vector<Gpu>& gpus, const std::string* sections);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_DETAIL_H_
