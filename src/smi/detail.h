// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi -q`: everything about a GPU as indented lines. The layout is data (detail_rows.cc);
// values come from the readers of query_value.h. What NVML does not give shows as N/A.
#ifndef MIGCTL_SMI_DETAIL_H_
#define MIGCTL_SMI_DETAIL_H_

#include <span>
#include <string>
#include <vector>

#include "smi/query_value.h"
#include "smi/run.h"

namespace mig::smi {

struct DetailRow {
  unsigned depth;     // of indentation, four blanks each
  const char* label;  // as printed
  // nullptr: a heading. "": N/A. "?x": a heading, or one line N/A without what is below it when
  // property x cannot be read. "#x": a block of its own. Else a property of query_fields() or, with
  // '@', of detail_fields().
  const char* source;
  const char* section;  // of -d; "" = shown only without -d, "+X" = only with -d X
  // Which boards have the row: nullptr all, "x" those that give property x, "!x" the others.
  const char* when = nullptr;
};

std::span<const DetailRow> detail_rows();
// Properties that only -q shows.
std::span<const QueryField> detail_fields();

// "    Product Name                                       : NVIDIA H200"
std::string detail_line(unsigned depth, const std::string& label, const std::string& value);

// Whether rows with this `when` belong to the GPU.
bool applies(const Run& run, const Gpu& gpu, const char* when);

// What is wrong with the list after -d; "" = nothing. Names in either case; empty ones are none.
std::string detail_sections_error(const std::string& list);

// `sections` nullptr: all.
int show_detail(const Run& run, const std::vector<Gpu>& gpus, const std::string* sections);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_DETAIL_H_
