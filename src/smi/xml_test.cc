// SPDX-License-Identifier: Apache-2.0
#include "smi/xml.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "smi/property.h"
#include "smi/scroll.h"
#include "smi/topo.h"

namespace mig::smi {
namespace {

using Texts = std::map<std::string, std::string>;

constexpr XmlElement kElements[] = {
    {"root", "(a, b?, (c | d), (e, f)?, m, g*)"},
    {"a", "(x, y)"},
    {"d", "((x) | (y, z))"},
    {"m", "(#PCDATA | n | o)*"},
};
constexpr XmlSchema kSchema = {"some.dtd", kElements, {}, "a"};

std::string written(const Texts& texts) {
  XmlSource source;
  const auto path = [](std::string_view parent, std::string_view name) {
    return std::string(parent) + "/" + std::string(name);
  };
  source.knows = [&](std::string_view parent, std::string_view name) {
    return texts.count(path(parent, name)) != 0;
  };
  source.text = [&](std::string_view parent, std::string_view name) -> std::optional<std::string> {
    const auto found = texts.find(path(parent, name));
    return found == texts.end() ? std::nullopt : std::optional(found->second);
  };
  source.block = [](std::string_view name, unsigned depth) -> std::optional<std::string> {
    return name == "g" ? std::optional(std::string(depth, '\t') + "<g/>\n<g/>\n") : std::nullopt;
  };
  return xml_element(kSchema, source, "", "root", 0, " id=\"1\"");
}

TEST(Xml, WhatMustBeThereIsAndTheRestOnlyIfGiven) {
  EXPECT_EQ(written({{"d/y", "1"}, {"d/z", "2"}}),
            "<root id=\"1\">\n"
            "\t<a>\n\t\t<x>N/A</x>\n\t\t<y>N/A</y>\n\t</a>\n"
            "\t<d>\n\t\t<y>1</y>\n\t\t<z>2</z>\n\t</d>\n"
            "\t<m>N/A</m>\n"
            "</root>\n");
}

TEST(Xml, OfAlternativesTheFirstThatIsGivenWhole) {
  const std::string both = written({{"root/c", "c"}, {"d/x", "1"}, {"root/b", "b"}});
  EXPECT_NE(both.find("\t<b>b</b>\n\t<c>c</c>\n\t<m>"), std::string::npos) << both;
  EXPECT_EQ(both.find("<d>"), std::string::npos);
  // A sequence with a missing required member is left out.
  EXPECT_EQ(written({{"root/c", ""}, {"root/e", "e"}}).find("<e>"), std::string::npos);
  EXPECT_NE(
      written({{"root/c", ""}, {"root/e", "e"}, {"root/f", "f"}}).find("<e>e</e>\n\t<f>f</f>"),
      std::string::npos);
}

TEST(Xml, MixedContentHoldsWhatIsGivenOrText) {
  EXPECT_NE(written({{"root/c", ""}, {"m/o", "1"}}).find("\t<m>\n\t\t<o>1</o>\n\t</m>\n"),
            std::string::npos);
  EXPECT_NE(written({{"root/c", ""}, {"root/m", "none"}, {"m/o", "1"}}).find("\t<m>none</m>\n"),
            std::string::npos);
}

TEST(Xml, TextIsEscaped) {
  EXPECT_EQ(xml_line("a",
                     "<b> & \x01"
                     "c",
                     1),
            "\t<a>&lt;b&gt; &amp; ?c</a>\n");
}

TEST(Xml, ContentIsReadAsItIsWritten) {
  const XmlParticle content = parse_content("(a, (b | c)?, #PCDATA, d+)*");
  ASSERT_EQ(content.parts.size(), 4U);
  EXPECT_EQ(content.repeat, '*');
  EXPECT_EQ(content.kind, XmlParticle::Kind::kSequence);
  EXPECT_EQ(content.parts[1].kind, XmlParticle::Kind::kChoice);
  EXPECT_EQ(content.parts[1].repeat, '?');
  EXPECT_EQ(content.parts[2].kind, XmlParticle::Kind::kText);
  EXPECT_EQ(content.parts[3].name, "d");
  EXPECT_EQ(content.parts[3].repeat, '+');
}

void names_in(const XmlParticle& particle, std::set<std::string>* names) {
  if (particle.kind == XmlParticle::Kind::kName) {
    names->insert(particle.name);
  }
  for (const XmlParticle& part : particle.parts) {
    names_in(part, names);
  }
}

// A value without an element in the schema would never be written.
TEST(Xml, EveryValueHasItsElementAndItsSource) {
  std::set<std::string> paths;
  for (const XmlValue& value : xml_values()) {
    const std::string path = value.path;
    EXPECT_TRUE(paths.insert(path + (value.when != nullptr ? value.when : "")).second) << path;
    const std::size_t slash = path.find('/');
    const char* content = content_of(device_schema(), path.substr(0, slash));
    ASSERT_NE(content, nullptr) << path;
    std::set<std::string> names;
    names_in(parse_content(content), &names);
    EXPECT_EQ(names.count(path.substr(slash + 1)), 1U) << path;
    const std::string source = value.source;
    if (source.empty()) {
      continue;
    }
    const bool marked = source.front() == '?' || source.front() == '~';
    EXPECT_NE(find_property(value.source + (marked ? 1 : 0)), nullptr) << source;
    if (value.when != nullptr) {
      EXPECT_NE(find_property(value.when + (*value.when == '!' ? 1 : 0)), nullptr) << value.when;
    }
  }
}

// Order of elements as an H200 printed them: scripts cut lines by position.
TEST(Xml, DefinitionDeclaresEachElementOnce) {
  const std::string dtd = dtd_text(device_schema());
  EXPECT_EQ(dtd.rfind("<!-- nvsmi_device_v13.dtd -->\n<!ELEMENT nvidia_smi_log ", 0), 0U);
  std::set<std::string> declared;
  for (std::size_t at = 0; (at = dtd.find("<!ELEMENT ", at)) != std::string::npos;) {
    at += 10;
    const std::string name = dtd.substr(at, dtd.find(' ', at) - at);
    EXPECT_TRUE(declared.insert(name).second) << name;
  }
  EXPECT_EQ(declared.size(), 327U);
  EXPECT_NE(dtd.find("<!ATTLIST gpu "), std::string::npos);
  EXPECT_NE(dtd_text(unit_schema()).find("<!ATTLIST fan "), std::string::npos);
}

TEST(Topo, RangesOfCpus) {
  EXPECT_EQ(cpu_ranges({0xFUL}), "0-3");
  EXPECT_EQ(cpu_ranges({1UL | 1UL << 2U | 1UL << 3U | 1UL << 63U, 3UL}), "0,2-3,63-65");
  EXPECT_EQ(cpu_ranges({0}), "N/A");
}

TEST(Scroll, HeadingsWithDateAndTime) {
  EXPECT_EQ(scroll_heading({}, false), "# gpu");
  EXPECT_EQ(scroll_heading({true, false}, false), "#Date         gpu");
  EXPECT_EQ(scroll_units({false, true}, false), "#HH:MM:SS     Idx");
  EXPECT_EQ(scroll_heading({true, true}, false), "#Date        Time         gpu");
  EXPECT_EQ(scroll_units({true, true}, true), "#YYYYMMDD, HH:MM:SS, Idx");
  EXPECT_EQ(scroll_row({}, 12, false), "   12");
  EXPECT_EQ(scroll_row({true, true}, 3, false).size(), 29U);
}

}  // namespace
}  // namespace mig::smi
