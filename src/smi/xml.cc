// SPDX-License-Identifier: Apache-2.0
#include "smi/xml.h"

#include <algorithm>

#include "smi/text.h"

namespace mig::smi {
namespace {

using Kind = XmlParticle::Kind;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      out += '?';  // control character, illegal in XML
    } else {
      out += c;
    }
  }
  return out;
}

class Walk {
 public:
  Walk(const XmlSchema& schema, const XmlSource& source) : schema_(schema), source_(source) {}

  std::string element(std::string_view parent,
                      std::string_view name,
                      unsigned depth,
                      const std::string& attribute) const {
    if (auto block = source_.block(name, depth)) {
      return *block;
    }
    const auto text = source_.text(parent, name);
    const char* content = content_of(schema_, name);
    if (text || content == nullptr) {
      return xml_line(name, text.value_or("N/A"), depth);
    }
    std::vector<std::string> children;
    const XmlParticle particle = parse_content(content);
    choose(name, particle, &children);
    if (children.empty() && holds_text(particle)) {
      return xml_line(name, "N/A", depth);
    }
    const std::string tag(name);
    const std::string indent(depth, '\t');
    std::string out = indent + "<" + tag + attribute + ">\n";
    for (const std::string& child : children) {
      out += element(name, child, depth + 1, "");
    }
    return out + indent + "</" + tag + ">\n";
  }

 private:
  static bool holds_text(const XmlParticle& particle) {
    return std::any_of(particle.parts.begin(), particle.parts.end(), [](const XmlParticle& part) {
      return part.kind == Kind::kText;
    });
  }

  // True when the source has the element, or an element inside it.
  bool given(std::string_view parent, std::string_view name) const {
    if (source_.knows(parent, name)) {
      return true;
    }
    const char* content = content_of(schema_, name);
    return content != nullptr && any_given(name, parse_content(content));
  }

  bool any_given(std::string_view parent, const XmlParticle& particle) const {
    if (particle.kind == Kind::kName) {
      return given(parent, particle.name);
    }
    return std::any_of(particle.parts.begin(), particle.parts.end(), [&](const XmlParticle& part) {
      return any_given(parent, part);
    });
  }

  // True when the source has every required name of the particle.
  bool all_given(std::string_view parent, const XmlParticle& particle) const {
    const auto is_given = [&](const XmlParticle& part) { return all_given(parent, part); };
    switch (particle.kind) {
      case Kind::kName:
        return given(parent, particle.name);
      case Kind::kText:
        return false;
      case Kind::kChoice:
        return std::any_of(particle.parts.begin(), particle.parts.end(), is_given);
      case Kind::kSequence:
        break;
    }
    return std::all_of(particle.parts.begin(), particle.parts.end(), is_given);
  }

  // Appends the names to write below `parent`, in order: of alternatives the first available one,
  // of optional elements the available ones.
  void choose(std::string_view parent,
              const XmlParticle& particle,
              std::vector<std::string>* names) const {
    const bool may_miss = particle.repeat == '?' || particle.repeat == '*';
    switch (particle.kind) {
      case Kind::kText:
        return;
      case Kind::kName:
        if (!may_miss || given(parent, particle.name)) {
          names->push_back(particle.name);
        }
        return;
      case Kind::kSequence:
        if (may_miss && !all_given(parent, particle)) {
          return;
        }
        for (const XmlParticle& part : particle.parts) {
          choose(parent, part, names);
        }
        return;
      case Kind::kChoice:
        for (const XmlParticle& part : particle.parts) {
          if (!all_given(parent, part)) {
            continue;
          }
          choose(parent, part, names);
          if (particle.repeat == '\0') {
            return;
          }
        }
        return;
    }
  }

  const XmlSchema& schema_;
  const XmlSource& source_;
};

}  // namespace

std::string xml_line(std::string_view name, const std::string& value, unsigned depth) {
  const std::string tag(name);
  return std::string(depth, '\t') + "<" + tag + ">" + escaped(value) + "</" + tag + ">\n";
}

std::string xml_element(const XmlSchema& schema,
                        const XmlSource& source,
                        std::string_view parent,
                        std::string_view name,
                        unsigned depth,
                        const std::string& attribute) {
  return Walk(schema, source).element(parent, name, depth, attribute);
}

}  // namespace mig::smi
