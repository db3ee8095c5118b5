// SPDX-License-Identifier: Apache-2.0
#include "smi/query.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "smi/processes.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

struct AppField {
  const char* name;
  const char* alias;
  const char* unit;
};

constexpr std::array kAppFields = {
    AppField{"timestamp", nullptr, ""},
    AppField{"gpu_name", nullptr, ""},
    AppField{"gpu_bus_id", nullptr, ""},
    AppField{"gpu_serial", nullptr, ""},
    AppField{"gpu_uuid", nullptr, ""},
    AppField{"pid", nullptr, ""},
    AppField{"process_name", "name", ""},
    AppField{"used_gpu_memory", "used_memory", "MiB"},
};

template <class Fields>
auto find_field(const Fields& fields, const std::string& name) {
  return std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
    return name == field.name || (field.alias != nullptr && name == field.alias);
  });
}

std::string not_a_field(const std::string& name) {
  return text("Field \"%s\" is not a valid field to query.\n\n", name.c_str());
}

std::string trimmed(const std::string& word) {
  const std::size_t first = word.find_first_not_of(' ');
  if (first == std::string::npos)
    return "";
  return word.substr(first, word.find_last_not_of(' ') - first + 1);
}

FieldValue app_value(const Run& run,
                     const Gpu& gpu,
                     const Process& process,
                     const std::string& name) {
  if (name == "pid")
    return {NVML_SUCCESS, std::to_string(process.pid)};
  if (name == "process_name")
    return {NVML_SUCCESS, process.name};
  if (name == "used_gpu_memory")
    return process.memory_mib ? FieldValue{NVML_SUCCESS, std::to_string(*process.memory_mib)}
                              : FieldValue{NVML_ERROR_NOT_SUPPORTED, ""};
  return find_field(query_fields(), name)->read(run, gpu);  // the others are the GPU's own
}

}  // namespace

CsvFormat parse_csv_format(const std::string& text_of_format, std::string* error) {
  CsvFormat format;
  if (text_of_format.empty())
    return format;
  for (const std::string& word : base::split(text_of_format, ',')) {
    const std::string option = trimmed(word);
    if (option == "noheader")
      format.header = false;
    else if (option == "nounits")
      format.units = false;
    else if (option != "csv")
      *error = "Format modifier is not recognized.\n";
  }
  return format;
}

std::vector<QueryField> pick_fields(const std::string& list, std::string* error) {
  std::vector<QueryField> picked;
  for (const std::string& word : base::split(list, ',')) {
    const std::string name = trimmed(word);
    const auto field = find_field(query_fields(), name);
    if (field == query_fields().end()) {
      *error = not_a_field(name);
      return {};
    }
    picked.push_back(*field);
  }
  return picked;
}

std::string csv_header(const std::string& name, const std::string& unit) {
  return unit.empty() ? name : name + " [" + unit + "]";
}

std::string csv_value(const Run& run,
                      const FieldValue& value,
                      const std::string& unit,
                      bool units) {
  if (value.code != NVML_SUCCESS)
    return missing_text(run, value.code);
  return unit.empty() || !units ? value.text : value.text + " " + unit;
}

int query_gpus(const Run& run,
               const std::vector<Gpu>& gpus,
               const std::vector<QueryField>& fields,
               const CsvFormat& format) {
  std::vector<std::string> cells;
  cells.reserve(fields.size());
  if (format.header) {
    for (const QueryField& field : fields)
      cells.push_back(csv_header(field.name, field.unit));
    run.print(base::join(cells, ", ") + "\n");
  }
  for (const Gpu& gpu : gpus) {
    cells.clear();
    for (const QueryField& field : fields)
      cells.push_back(csv_value(run, field.read(run, gpu), field.unit, format.units));
    run.print(base::join(cells, ", ") + "\n");
  }
  return 0;
}

std::string query_apps_error(const std::string& list) {
  for (const std::string& word : base::split(list, ','))
    if (find_field(kAppFields, trimmed(word)) == kAppFields.end())
      return not_a_field(trimmed(word));
  return "";
}

int query_compute_apps(const Run& run,
                       const std::vector<Gpu>& gpus,
                       const std::string& list,
                       const CsvFormat& format) {
  std::vector<AppField> fields;
  std::vector<std::string> cells;
  for (const std::string& word : base::split(list, ','))
    if (const auto field = find_field(kAppFields, trimmed(word)); field != kAppFields.end())
      fields.push_back(*field);
  cells.reserve(fields.size());
  for (const AppField& field : fields)
    cells.push_back(csv_header(field.name, field.unit));
  if (format.header)
    run.print(base::join(cells, ", ") + "\n");
  for (const Gpu& gpu : gpus) {
    for (const Process& process : processes_on(run, gpu)) {
      if (process.type == "G")
        continue;
      cells.clear();
      for (const AppField& field : fields)
        cells.push_back(
            csv_value(run, app_value(run, gpu, process, field.name), field.unit, format.units));
      run.print(base::join(cells, ", ") + "\n");
    }
  }
  return 0;
}

}  // namespace mig::smi
