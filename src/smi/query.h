// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi --query-gpu=...` with --format=csv; queries with several lines per GPU are in
// list_query.h.
#ifndef MIGCTL_SMI_QUERY_H_
#define MIGCTL_SMI_QUERY_H_

#include <span>
#include <string>
#include <vector>

#include "smi/query_value.h"
#include "smi/run.h"

namespace mig::smi {

struct CsvFormat {
  bool header = true;
  bool units = true;
};

// Parses "csv", "csv,noheader,nounits" in any order; nvidia-smi 580 also accepts the list without
// csv and an empty one. On failure *error receives nvidia-smi's text.
CsvFormat parse_csv_format(const std::string& text, std::string* error);

std::span<const QueryField> query_fields();

// Fields of `list` in order. With an unknown field: empty, *error names it.
std::vector<QueryField> pick_fields(const std::string& list, std::string* error);

// Column heading: "memory.total [MiB]".
std::string csv_header(const std::string& name, const std::string& unit);
// Column value: "143771 MiB", "143771" without units, or the text for a missing value.
std::string csv_value(const Run& run, const FieldValue& value, const std::string& unit, bool units);

int query_gpus(const Run& run,
               const std::vector<Gpu>& gpus,
               const std::vector<QueryField>& fields,
               const CsvFormat& format);

// nvidia-smi's text for an unknown field name; and the name without surrounding blanks.
std::string not_a_field(const std::string& name);
std::string trimmed(const std::string& word);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_QUERY_H_
