// SPDX-License-Identifier: Apache-2.0
// `nvidia-smi -q -x`: the content of -q as XML with the structure of xml_schema.h. Values come from
// a table of paths (xml_values.cc); an element without a value in it shows N/A.
#ifndef MIGCTL_SMI_XML_H_
#define MIGCTL_SMI_XML_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smi/run.h"
#include "smi/xml_schema.h"

namespace mig::smi {

// Where a document's values come from. `parent` and `name` are element names.
struct XmlSource {
  // True when the source knows the element at all; of alternatives the first known one is written.
  std::function<bool(std::string_view parent, std::string_view name)> knows;
  // Text of the element; for an element with children: text in place of the children, or nothing.
  std::function<std::optional<std::string>(std::string_view parent, std::string_view name)> text;
  // Lines of an element that the source renders itself (repeated elements, for example), or
  // nothing.
  std::function<std::optional<std::string>(std::string_view name, unsigned depth)> block;
};

// The element `name` with its children, indented by `depth` tabs.
std::string xml_element(const XmlSchema& schema,
                        const XmlSource& source,
                        std::string_view parent,
                        std::string_view name,
                        unsigned depth,
                        const std::string& attribute = "");

// An element on one line, escaped: "<a>b &amp; c</a>".
std::string xml_line(std::string_view name, const std::string& value, unsigned depth);

// A value of a GPU's part of the document.
struct XmlValue {
  const char* path;  // "parent/name"
  // Source as in DetailRow; "~x": property x without its leading 0x.
  const char* source;
  const char* when = nullptr;
};

std::span<const XmlValue> xml_values();

enum class Dtd { kNamed, kEmbedded };

int show_xml(const Run& run, const std::vector<Gpu>& gpus, Dtd dtd);

// `-q -u` and `-q -u -x`: the units of old S-class systems. No machine with MIG has any.
int show_units(const Run& run, bool as_xml, Dtd dtd);

}  // namespace mig::smi

#endif  // MIGCTL_SMI_XML_H_
