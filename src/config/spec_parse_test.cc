// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <random>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "config/document.h"
#include "config/spec.h"

namespace mig::config {
namespace {

constexpr std::string_view kMixed = R"(# a comment
version: v1
mig-configs:
  all-disabled:
    - devices: all
      mig-enabled: false
  mixed:
    - device-filter: ["0x20B010DE", "0x20b010de:0x134f10de"]
      devices: [0, 1]
      mig-enabled: true
      mig-devices:
        "1g.5gb": 7
    - device-filter: "0x233510DE"
      devices: all
      mig-enabled: true
      mig-devices: {"3g.71gb": 1, 1c.3g.71gb: 3, "1g.18gb+me": 0}
)";

std::string entry(const std::string& lines) {
  return "version: v1\nmig-configs:\n  a:\n  - " + lines;
}

std::string devices(const std::string& count) {
  return entry("devices: all\n    mig-enabled: true\n    mig-devices:\n      1g.5gb: " + count);
}

TEST(ParseSpec, KeepsEverythingInOrder) {
  const auto spec = parse_spec(kMixed, "l.yaml");
  ASSERT_TRUE(spec) << spec.error().message;
  ASSERT_EQ(spec->configs.size(), 2U);
  EXPECT_EQ(spec->configs[0].label, "all-disabled");
  EXPECT_FALSE(spec->configs[0].entries[0].devices);
  EXPECT_EQ(spec->configs[1].position.str(), "l.yaml:7:3");
  const SpecEntry& first = spec->configs[1].entries[0];
  ASSERT_EQ(first.filters.size(), 2U);
  EXPECT_EQ(first.filters[0].device_id, 0x20b010deU);
  EXPECT_FALSE(first.filters[0].subsystem_id);
  EXPECT_EQ(first.filters[1].subsystem_id, 0x134f10deU);
  EXPECT_EQ(first.devices, (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(first.position.str(), "l.yaml:8:7");
  EXPECT_EQ(first.mig_devices[0].position.str(), "l.yaml:12:9");
  const SpecEntry& second = spec->configs[1].entries[1];
  ASSERT_EQ(second.mig_devices.size(), 3U);
  EXPECT_EQ(second.mig_devices[1].profile.str(), "1c.3g.71gb");
  EXPECT_EQ(second.mig_devices[1].count, 3U);
  EXPECT_EQ(second.mig_devices[2].count, 0U);
}

TEST(ParseSpec, AcceptsWhatMigPartedAccepts) {
  for (const std::string& text : std::vector<std::string>{
           "",
           "# nothing\n",
           "---\n",
           "version: v1\n",
           "version: \"v1\"\n",
           "{}",
           "---\n" + entry("devices: all\n    mig-enabled: false"),
           entry("devices: all\n    mig-enabled: false\n    mig-devices: {}"),
           entry("devices: all\n    mig-enabled: false\n    mig-devices:"),
           entry("devices: \"all\"\n    mig-enabled: TRUE\n    mig-devices: {}"),
           entry("devices: [7]\n    mig-enabled: false\n    device-filter: []"),
           entry("devices: []\n    mig-enabled: false\n    device-filter: \"\""),
           entry("{devices: all, mig-enabled: false, device-filter: 0x20b010de:0x134f10de}"),
           "\xEF\xBB\xBFversion: v1\r\nmig-configs:\r\n  a:\r\n  - devices: all\r\n    "
           "mig-enabled: false\r\n",
           R"({"version":"v1","mig-configs":{"a":[{"devices":"all","mig-enabled":true,)"
           R"("mig-devices":{"1g.5gb":7}}]}})",
           "{\n\t\"version\": \"v1\",\n\t\"mig-configs\": {\n\t\t\"a\": [{\"devices\": [0],\n"
           "\t\t\t\"mig-enabled\": false}]\n\t}\n}\n",
       }) {
    const auto spec = parse_spec(text, "l.yaml");
    EXPECT_TRUE(spec) << text << "\n" << spec.error().message;
  }
}

struct Bad {
  std::string text;
  const char* message;
  const char* hint;
};

void expect_bad(const std::vector<Bad>& table) {
  for (const Bad& row : table) {
    const auto spec = parse_spec(row.text, "f");
    ASSERT_FALSE(spec) << row.text;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidInput) << row.text;
    EXPECT_EQ(spec.error().message, row.message) << row.text;
    EXPECT_EQ(spec.error().hint, row.hint) << row.text;
  }
}

TEST(ParseSpec, StructureErrorsNameThePlace) {
  expect_bad({
      {"[]", "f:1:1: a layout file is a map with version and mig-configs, not a list", ""},
      {"7", "f:1:1: a layout file is a map with version and mig-configs, not \"7\"", ""},
      {"mig-configs: {}",
       "f:1:1: unable to parse with missing \"version\" field",
       "start the file with version: v1"},
      {"version: v2", "f:1:10: unknown version: \"v2\"", "this reads version: v1"},
      {"version: 1", "f:1:10: unknown version: \"1\"", "this reads version: v1"},
      {"version: v1\nmig-config: {}",
       "f:2:1: unexpected field \"mig-config\" in the file",
       "did you mean \"mig-configs\"?"},
      {"version: v1\nmig-configs: {}",
       "f:2:14: at least one entry in \"mig-configs\" is required, as a map from name to list",
       ""},
      {"version: v1\nmig-configs:\n  a: []",
       "f:3:6: at least one entry in \"a\" is required, and in a list",
       "write \"- devices: all\" and what belongs to it below the name"},
      {entry("7"),
       "f:4:5: an entry of \"a\" is a map, not \"7\"",
       "an entry has devices, mig-enabled and mig-devices"},
      {entry("devices: all"),
       "f:4:5: missing required field \"mig-enabled\" in an entry of \"a\"",
       ""},
      {entry("mig-enabled: false"),
       "f:4:5: missing required field \"devices\" in an entry of \"a\"",
       ""},
      {entry("devcies: all"),
       "f:4:5: unexpected field \"devcies\" in an entry of \"a\"",
       "did you mean \"devices\"?"},
      {entry("zzz: all"),
       "f:4:5: unexpected field \"zzz\" in an entry of \"a\"",
       "known: device-filter, devices, mig-enabled, mig-devices"},
      {entry("devices: all\n    mig-enabled: true"),
       "f:4:5: missing required field \"mig-devices\" in an entry of \"a\": mig-enabled is true",
       "write mig-devices: {} for MIG without instances"},
      {entry("devices: all\n    mig-enabled: false\n    mig-devices: {1g.5gb: 1}"),
       "f:6:19: mig-devices in an entry of \"a\" although mig-enabled is false",
       "set mig-enabled: true, or mig-devices: {}"},
      {entry("devices: all\n    mig-enabled: true\n    mig-devices: [1g.5gb]"),
       "f:6:18: mig-devices is a map from profile to count, not a list",
       "write e.g. {\"1g.5gb\": 2}; {} for no instances"},
      {entry("devices: all\n    mig-enabled: true\n    mig-devices: {1g.5: 1}"),
       "f:6:19: \"1g.5\" is not a MIG profile: it has no whole number of gigabytes such as "
       "\"20gb\" "
       "after the slices",
       "a profile is written [<C>c.]<G>g.<GB>gb[+attribute[,attribute]|-attribute][@<N>sm], e.g. "
       "3g.20gb"},
      {devices("0"), "f:7:7: all counts in mig-devices are 0", "write {} for no instances"},
  });
}

TEST(ParseSpec, NumbersAndSwitchesAsWritten) {
  expect_bad({
      {devices("010"),
       "f:7:15: count of 1g.5gb: \"010\" is not a plain decimal number",
       "write 10 (or 8)"},
      {devices("09"), "f:7:15: count of 1g.5gb: \"09\" is not a plain decimal number", "write 9"},
      {devices("no"),
       "f:7:15: count of 1g.5gb: \"no\" is not a number: YAML readers take it for true or false",
       "write a number here; where a switch is meant, write true or false"},
      {devices("-1"), "f:7:15: count of 1g.5gb: \"-1\" is negative", ""},
      {devices("1.0"),
       "f:7:15: count of 1g.5gb: \"1.0\" is not a plain decimal number",
       "write a whole number such as 2"},
      {devices("0x2"),
       "f:7:15: count of 1g.5gb: \"0x2\" is not a plain decimal number",
       "write a whole number such as 2"},
      {devices("1_0"),
       "f:7:15: count of 1g.5gb: \"1_0\" is not a plain decimal number",
       "write a whole number such as 2"},
      {devices("\"2\""),
       "f:7:15: count of 1g.5gb: the text \"2\" is text, not a number",
       "write it without quotes"},
      {devices("[2]"), "f:7:15: count of 1g.5gb: a list is not a number", ""},
      {devices("99999999999999999999"),
       "f:7:15: count of 1g.5gb: \"99999999999999999999\" is beyond 1000",
       ""},
      {entry("devices: 7\n    mig-enabled: false"),
       "f:4:14: devices is \"all\" or a list of GPU numbers, not \"7\"",
       "write [7]"},
      {entry("devices: none\n    mig-enabled: false"),
       "f:4:14: devices is \"all\" or a list of GPU numbers, not \"none\"",
       "write all, or e.g. [0, 1]"},
      {entry("devices: [0, 01]\n    mig-enabled: false"),
       "f:4:18: devices: \"01\" is not a plain decimal number",
       "write 1"},
      {entry("devices: all\n    mig-enabled: yes"),
       "f:5:18: mig-enabled is true or false, not \"yes\"",
       "write true or false"},
      {entry("devices: all\n    mig-enabled: \"true\""),
       "f:5:18: mig-enabled is true or false, not the text \"true\"",
       "write true or false without quotes"},
      {entry("devices: all\n    mig-enabled: 1"),
       "f:5:18: mig-enabled is true or false, not \"1\"",
       "write true or false"},
      {entry("devices: all\n    mig-enabled: false\n    device-filter: 0x20B010DE"),
       "f:6:20: device-filter \"0x20B010DE\" is not a PCI id in quotes",
       "write the PCI ids in quotes: \"0xDDDDVVVV\" (device, vendor) or \"0xDDDDVVVV:0xSDSDSVSV\" "
       "(with the subsystem)"},
      {entry("devices: all\n    mig-enabled: false\n    device-filter: \"A100\""),
       "f:6:20: device-filter the text \"A100\" is not a PCI id in quotes",
       "write the PCI ids in quotes: \"0xDDDDVVVV\" (device, vendor) or \"0xDDDDVVVV:0xSDSDSVSV\" "
       "(with the subsystem)"},
  });
}

TEST(ParseDocument, RefusesWhatYamlWouldHide) {
  expect_bad({
      {"{\"version\":\"v1\",\n \"version\":\"v2\"}",
       "f:2:2: \"version\" is there twice with different content, before at f:1:2",
       "remove one of the two"},
      {"version: &a v1", "f:1:10: an anchor (\"&name\") is not accepted", "write the value out"},
      {"a: &x 1\nb: *x", "f:1:4: an anchor (\"&name\") is not accepted", "write the value out"},
      {"<<: {a: 1}", "f:1:1: a merge key (\"<<\") is not accepted", "write the values out"},
      {"version: !!str v1",
       "f:1:10: the tag \"tag:yaml.org,2002:str\" is not accepted",
       "write the value without a tag"},
      {"version: v1\n\tmig-configs: {}",
       "f:2:1: a tab is used as indentation",
       "YAML wants blanks"},
      {"? [a]\n: 1", "f:1:3: a list cannot be a key", ""},
      {std::string("version: v1\0", 12),
       "f:1:12: control byte 0x00 does not belong in a layout file",
       ""},
      {"version: v1\x04\nx: 1", "f:1:12: control byte 0x04 does not belong in a layout file", ""},
      {"# \xC3\xA9\nb\xE9: 1",
       "f:2:2: byte 0xe9 is not part of UTF-8 text",
       "save the file as UTF-8"},
      {"\xC3\xA9\xC3\xA9: 1",
       "f:1:1: unexpected field \"\xC3\xA9\xC3\xA9\" in the file",
       "known: version, mig-configs"},
      {"{\xC3\xA9: &a 1}", "f:1:5: an anchor (\"&name\") is not accepted", "write the value out"},
      {std::string(33, '[') + std::string(33, ']'), "f:1:33: nested deeper than 32 levels", ""},
  });
  for (const char* text :
       {"a: [", "a: 'x", "a: b: c", "{a: 1", "a: *unknown", "\"a", "a:\n- b\nc"}) {
    const auto spec = parse_spec(text, "f");
    ASSERT_FALSE(spec) << text;
    EXPECT_EQ(spec.error().message.rfind("f:", 0), 0U) << spec.error().message;
  }
}

// Documents that are not layouts: tenants and hooks files.
TEST(ParseDocument, OneDocumentAndEachKeyOnceUnlessAskedFor) {
  const auto documents = parse_document("version: v1\n---\nversion: v1", "f");
  ASSERT_FALSE(documents);
  EXPECT_EQ(documents.error().message, "f:2:1: a second document starts here");
  const auto keys = parse_document("version: v1\nversion: v1", "f");
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().message, "f:2:1: key \"version\" is there twice");
}

TEST(ParseDocument, LimitsAreSaid) {
  const auto large = parse_spec(std::string(kMostBytes + 1, ' '), "f");
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  std::string many = "version: v1\nmig-configs:\n";
  for (int i = 0; i <= 1000; ++i) {
    many += "  c" + std::to_string(i) + ": [{devices: all, mig-enabled: false}]\n";
  }
  EXPECT_EQ(parse_spec(many, "f").error().code, ErrorCode::kTooLarge);
  std::string entries = "version: v1\nmig-configs:\n  a:\n";
  for (int i = 0; i <= 10000; ++i) {
    entries += "  - {devices: all, mig-enabled: false}\n";
  }
  EXPECT_EQ(parse_spec(entries, "f").error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(parse_spec("version: v1\nmig-configs:\n  " + std::string(300, 'x') +
                           ": [{devices: all, mig-enabled: false}]",
                       "f")
                .error()
                .code,
            ErrorCode::kTooLarge);
}

// Resource exhaustion: each hostile text must be answered, in time proportional to its size.
TEST(ParseDocument, HostileTextsAreAnsweredSoon) {
  constexpr std::size_t kHostile = kMostBytes / 4;
  const auto repeat = [](std::string_view unit, std::size_t bytes) {
    std::string out;
    while (out.size() + unit.size() <= bytes) {
      out += unit;
    }
    return out;
  };
  std::string keys = "{";
  for (int i = 0; keys.size() < kHostile; ++i) {
    keys += "k" + std::to_string(i) + ":1,";
  }
  for (const std::string& text : {repeat("[", kHostile),
                                  repeat("{a: ", kHostile),
                                  repeat("- ", kHostile),
                                  repeat("? ", kHostile),
                                  repeat("a:\n", kHostile),
                                  repeat("[1,", kHostile),
                                  keys + "}",
                                  repeat("&a ", kHostile),
                                  repeat("\"", kHostile),
                                  repeat("!", kHostile),
                                  repeat("a: b\n", kHostile),
                                  "a: |\n" + repeat("  x\n", kHostile),
                                  repeat("---\n", kHostile),
                                  "[" + repeat("1,", kHostile)}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(parse_spec(text, "f")) << text.substr(0, 20);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30))
        << text.substr(0, 20);
  }
}

TEST(ParseSpec, RandomDamageNeverBreaksIt) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::string_view bits[] = {"{",     "}",     "[",    "]",   ":",  "-",      "- ",  "\n",
                                   "\n  ",  "\"",    "'",    "&a ", "*a", "!!int ", "? ",  "|",
                                   ">",     "%",     "#",    ",",   "\t", "<<: ",   "010", "~",
                                   "---\n", "...\n", "\xff", "\\",  "0x"};
  int accepted = 0;
  for (int i = 0; i < 6000; ++i) {
    std::string text(kMixed);
    for (std::size_t changes = 1 + below(4); changes > 0; --changes) {
      const std::size_t at = below(text.size());
      switch (below(4)) {
        case 0:
          text.erase(at, 1 + below(12));
          break;
        case 1:
          text.insert(at, bits[below(std::size(bits))]);
          break;
        case 2:
          text[at] = static_cast<char>(below(256));
          break;
        default:
          text.insert(at, text.substr(below(text.size()), below(80)));
      }
    }
    const auto spec = parse_spec(text, "f");
    accepted += spec ? 1 : 0;
    if (!spec) {
      EXPECT_FALSE(spec.error().message.empty());
      EXPECT_EQ(spec.error().message.rfind("f:", 0), 0U) << spec.error().message;
      EXPECT_FALSE(base::invalid_utf8(spec.error().message)) << text;
    }
  }
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 5000);
}

}  // namespace
}  // namespace mig::config
