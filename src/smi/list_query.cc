// SPDX-License-Identifier: Apache-2.0
#include "smi/list_query.h"

#include <algorithm>

#include "base/strings.h"
#include "smi/property.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

const ListField* find_field(const ListQuery& query, const std::string& name) {
  for (const auto fields : {list_query_head(), query.fields}) {
    for (const ListField& field : fields) {
      if (name == field.name || (field.alias != nullptr && name == field.alias)) {
        return &field;
      }
    }
  }
  return nullptr;
}

FieldValue value_of(const Run& run, const Gpu& gpu, const ListField& field, const ListRow& row) {
  if (field.read != nullptr) {
    return row.code == NVML_SUCCESS || field.always ? field.read(row) : FieldValue{row.code, ""};
  }
  const char* name = field.gpu_property != nullptr ? field.gpu_property : field.name;
  return find_property(name)->read(run, gpu);
}

}  // namespace

std::string list_query_error(const ListQuery& query, const std::string& list) {
  for (const std::string& word : base::split(list, ',')) {
    if (find_field(query, trimmed(word)) == nullptr) {
      return not_a_field(trimmed(word));
    }
  }
  return "";
}

int run_list_query(const Run& run,
                   const std::vector<Gpu>& gpus,
                   const ListQuery& query,
                   const std::string& list,
                   const CsvFormat& format) {
  std::vector<ListField> fields;
  for (const std::string& word : base::split(list, ',')) {
    if (const ListField* field = find_field(query, trimmed(word))) {
      fields.push_back(*field);
    }
  }
  std::vector<std::string> cells;
  cells.reserve(fields.size());
  for (const ListField& field : fields) {
    cells.push_back(csv_header(field.name, field.unit));
  }
  if (format.header) {
    run.print(base::join(cells, ", ") + "\n");
  }
  for (const Gpu& gpu : gpus) {
    for (const ListRow& row : query.rows(run, gpu, fields)) {
      cells.clear();
      for (const ListField& field : fields) {
        cells.push_back(csv_value(run, value_of(run, gpu, field, row), field.unit, format.units));
      }
      run.print(base::join(cells, ", ") + "\n");
    }
  }
  return 0;
}

std::string list_query_help(const ListQuery& query) {
  std::string out = text(
      "List of valid properties to query for the switch \"%s\":\n\n%s\n\n"
      "The names go behind the switch, comma-separated; --format says how they are printed:\n"
      "nvidia-smi %s=%s,%s --format=csv\n\n",
      query.option,
      query.about,
      query.option,
      list_query_head().back().name,
      query.fields.front().name);
  for (const auto fields : {list_query_head(), query.fields}) {
    for (const ListField& field : fields) {
      append(out, "\"%s\"", field.name);
      if (field.alias != nullptr) {
        append(out, " or \"%s\"", field.alias);
      }
      append(out, "\n%s", field.about);
      out += *field.unit != '\0' ? text(" In %s.\n\n", field.unit) : "\n\n";
    }
  }
  return out;
}

}  // namespace mig::smi
