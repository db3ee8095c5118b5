// SPDX-License-Identifier: Apache-2.0
// The structure of `nvidia-smi -q -x`: which element holds which, as data.
#ifndef MIGCTL_SMI_XML_SCHEMA_H_
#define MIGCTL_SMI_XML_SCHEMA_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mig::smi {

struct XmlElement {
  const char* name;
  const char* content;  // as a document type definition words it: "(total, used, free)"
};

struct XmlSchema {
  const char* file;                      // what documents name as their definition
  std::span<const XmlElement> elements;  // that hold elements; the first is the root
  std::span<const char* const> retired;  // declared, named by none
  const char* with_id;                   // elements that have the attribute id, blank-separated
};

const XmlSchema& device_schema();
const XmlSchema& unit_schema();

// nullptr: the element holds text.
const char* content_of(const XmlSchema& schema, std::string_view name);

struct XmlParticle {
  enum class Kind { kName, kText, kSequence, kChoice };

  Kind kind = Kind::kName;
  std::string name;                // of kName
  std::vector<XmlParticle> parts;  // of kSequence and kChoice
  char repeat = '\0';              // '?', '*', '+', or none
};

XmlParticle parse_content(std::string_view content);

// The document type definition: what --dtd prints.
std::string dtd_text(const XmlSchema& schema);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_XML_SCHEMA_H_
