// SPDX-License-Identifier: Apache-2.0
#include "smi/property.h"

#include <cstring>
#include <span>

#include "smi/detail.h"
#include "smi/query.h"

namespace mig::smi {

const QueryField* find_property(const char* name) {
  const std::span<const QueryField> fields = *name == '@' ? detail_fields() : query_fields();
  for (const QueryField& field : fields) {
    if (std::strcmp(field.name, name) == 0) {
      return &field;
    }
  }
  return nullptr;
}

bool readable(const Run& run, const Gpu& gpu, const char* name) {
  const QueryField* field = find_property(name);
  return field != nullptr && field->read(run, gpu).code == NVML_SUCCESS;
}

std::string shown_code(const Run& run, nvmlReturn_t code) {
  const std::string missing = missing_text(run, code);
  return missing.substr(1, missing.size() - 2);
}

std::string shown_value(const Run& run, const Gpu& gpu, const char* name) {
  const QueryField* field = *name != '\0' ? find_property(name) : nullptr;
  if (field == nullptr) {
    return "N/A";
  }
  const FieldValue value = field->read(run, gpu);
  if (value.code != NVML_SUCCESS) {
    return shown_code(run, value.code);
  }
  return *field->unit != '\0' ? value.text + " " + field->unit : value.text;
}

}  // namespace mig::smi
