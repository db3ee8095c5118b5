// SPDX-License-Identifier: Apache-2.0
// List queries, with one line per object of a GPU instead of one per GPU: --query-compute-apps,
// --query-accounted-apps, --query-retired-pages, --query-remapped-rows, --query-supported-clocks.
// Each is a table of fields and a function that finds its rows.
#ifndef MIGCTL_SMI_LIST_QUERY_H_
#define MIGCTL_SMI_LIST_QUERY_H_

#include <span>
#include <string>
#include <vector>

#include "smi/processes.h"
#include "smi/query.h"
#include "smi/query_value.h"

namespace mig::smi {

// Data of one line of a list query; each query sets its own members.
struct ListRow {
  nvmlReturn_t code = NVML_SUCCESS;  // not SUCCESS: the code of the failed list call
  Process process{};
  unsigned memory_mhz = 0, graphics_mhz = 0;
  const char* cause = "";
  unsigned long long address = 0, time_s = 0;
  unsigned pid = 0;
  nvmlAccountingStats_t stats{};
};

struct ListField {
  const char* name;
  const char* alias;  // nullptr = none
  const char* unit;   // "" = none
  const char* about;  // sentence for the help
  // nullptr: a property of the GPU, named as this field or as `gpu_property`.
  FieldValue (*read)(const ListRow& row);
  const char* gpu_property = nullptr;
  bool always = false;  // available even where the list call failed
};

struct ListQuery {
  const char* option;       // "--query-compute-apps"
  const char* help_option;  // "--help-query-compute-apps"
  const char* about;
  std::span<const ListField> fields;  // fields after those of list_query_head()
  // `fields`: the selected fields; without "graphics" supported clocks have one line per memory
  // clock.
  std::vector<ListRow> (*rows)(const Run& run, const Gpu& gpu, std::span<const ListField> fields);
};

std::span<const ListQuery> list_queries();
// The fields that precede each query's own.
std::span<const ListField> list_query_head();

// Error text for a list of fields; "" = all known.
std::string list_query_error(const ListQuery& query, const std::string& list);

int run_list_query(const Run& run,
                   const std::vector<Gpu>& gpus,
                   const ListQuery& query,
                   const std::string& list,
                   const CsvFormat& format);

// Text of the query's help option: quoted field names, each at the head of a paragraph.
std::string list_query_help(const ListQuery& query);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_LIST_QUERY_H_
