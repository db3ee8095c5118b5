// SPDX-License-Identifier: Apache-2.0
// The structure of `nvidia-smi -q -x`: the content model of each element, as data.
#ifndef MIGCTL_SMI_XML_SCHEMA_H_
#define MIGCTL_SMI_XML_SCHEMA_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mig::smi {

struct XmlElement {
  const char* name;
  const char* content;  // content model as in a DTD: "(total, used, free)"
};

struct XmlSchema {
  const char* file;                      // file name in the DOCTYPE
  std::span<const XmlElement> elements;  // elements with children; the first is the root
  std::span<const char* const> retired;  // declared but unreferenced
  const char* with_id;                   // elements with the attribute id, blank-separated
};

const XmlSchema& device_schema();
const XmlSchema& unit_schema();

// nullptr: the element contains text.
const char* content_of(const XmlSchema& schema, std::string_view name);

struct XmlParticle {
  enum class Kind { kName, kText, kSequence, kChoice };

  Kind kind = Kind::kName;
  std::string name;                // for kName
  std::vector<XmlParticle> parts;  // for kSequence and kChoice
  char repeat = '\0';              // '?', '*', '+', or '\0' for none
};

XmlParticle parse_content(std::string_view content);

// The document type definition: output of --dtd.
std::string dtd_text(const XmlSchema& schema);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_XML_SCHEMA_H_
