// SPDX-License-Identifier: Apache-2.0
#include "smi/query.h"

#include <algorithm>

#include "base/strings.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

template <class Fields>
auto find_field(const Fields& fields, const std::string& name) {
  return std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
    return name == field.name || (field.alias != nullptr && name == field.alias);
  });
}

}  // namespace

std::string not_a_field(const std::string& name) {
  return text("Field \"%s\" is not a valid field to query.\n\n", name.c_str());
}

std::string trimmed(const std::string& word) {
  const std::size_t first = word.find_first_not_of(' ');
  if (first == std::string::npos) {
    return "";
  }
  return word.substr(first, word.find_last_not_of(' ') - first + 1);
}

CsvFormat parse_csv_format(const std::string& text_of_format, std::string* error) {
  CsvFormat format;
  if (text_of_format.empty()) {
    return format;
  }
  for (const std::string& word : base::split(text_of_format, ',')) {
    const std::string option = trimmed(word);
    if (option == "noheader") {
      format.header = false;
    } else if (option == "nounits") {
      format.units = false;
    } else if (option != "csv") {
      *error = "Format modifier is not recognized.\n";
    }
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
  if (value.code != NVML_SUCCESS) {
    return missing_text(run, value.code);
  }
  return unit.empty() || !units ? value.text : value.text + " " + unit;
}

int query_gpus(const Run& run,
               const std::vector<Gpu>& gpus,
               const std::vector<QueryField>& fields,
               const CsvFormat& format) {
  std::vector<std::string> cells;
  cells.reserve(fields.size());
  if (format.header) {
    for (const QueryField& field : fields) {
      cells.push_back(csv_header(field.name, field.unit));
    }
    run.print(base::join(cells, ", ") + "\n");
  }
  for (const Gpu& gpu : gpus) {
    cells.clear();
    for (const QueryField& field : fields) {
      cells.push_back(csv_value(run, field.read(run, gpu), field.unit, format.units));
    }
    run.print(base::join(cells, ", ") + "\n");
  }
  return 0;
}

}  // namespace mig::smi
