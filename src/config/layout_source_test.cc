// SPDX-License-Identifier: Apache-2.0
// Layout files in the forms of other tools: with a duplicate config, in a ConfigMap, in Helm
// values, in a list of documents.
#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "mig/inventory.h"

#include "base/strings.h"
#include "config/spec.h"

namespace mig::config {
namespace {

const std::string kSmall =
    "  small: [{devices: all, mig-enabled: true, mig-devices: {1g.5gb: 7}}]\n";
const std::string kBig = "  big: [{devices: all, mig-enabled: true, mig-devices: {7g.40gb: 1}}]\n";
const std::string kHead = "version: v1\nmig-configs:\n";

std::string indented(const std::string& text, std::size_t blanks) {
  std::string out;
  for (const std::string& line : base::split(text, '\n')) {
    out += (line.empty() ? "" : std::string(blanks, ' ') + line) + "\n";
  }
  return out;
}

std::string config_map(const std::string& layout) {
  return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata:\n  config.yaml: |\n" +
         indented(layout, 4);
}

Inventory one_a100() {
  Gpu gpu;
  gpu.name = "A100";
  gpu.mig_current = gpu.mig_pending = MigMode::kDisabled;
  GpuInstanceProfile whole;
  whole.name = *ProfileName::parse("7g.40gb");
  ComputeInstanceProfile compute;
  compute.name = whole.name;
  whole.compute_profiles = {compute};
  gpu.profiles = {whole};
  Inventory inventory;
  inventory.gpus = {gpu};
  return inventory;
}

std::vector<std::string> labels(const Spec& spec) {
  std::vector<std::string> out;
  for (const SpecConfig& config : spec.configs) {
    out.push_back(config.label);
  }
  return out;
}

using Texts = std::vector<std::string>;

TEST(RepeatedConfig, EqualContentIsAWarning) {
  // The same content in another YAML style and key order.
  const std::string again =
      "  big:\n  - mig-devices: {7g.40gb: 1}\n    devices: all\n    mig-enabled: true\n";
  const auto spec = parse_spec(kHead + kBig + kSmall + again, "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(labels(*spec), (Texts{"big", "small"}));
  EXPECT_EQ(spec->warnings,
            (Texts{"f:5:3: config \"big\" is there twice with the same content, before at f:3:3; "
                   "remove one of the two"}));
  const auto layout = resolve(*spec, "big", one_a100());
  ASSERT_TRUE(layout) << layout.error().message;
  EXPECT_EQ(layout->warnings, spec->warnings);
}

TEST(RepeatedConfig, DifferentContentRefusesThatConfigOnly) {
  const std::string other = "  big: [{devices: all, mig-enabled: false}]\n";
  const auto spec = parse_spec(kHead + kBig + kSmall + other + other, "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->warnings,
            (Texts{"f:5:3: config \"big\" is there twice with different content, before at f:3:3: "
                   "it cannot be used; the other configs of the file can"}));
  const auto big = resolve(*spec, "big", one_a100());
  ASSERT_FALSE(big);
  EXPECT_EQ(big.error().code, ErrorCode::kInvalidInput);
  EXPECT_EQ(big.error().message,
            "f:5:3: config \"big\" is there twice with different content, before at f:3:3");
  const auto fits =
      parse_spec(kHead + kBig + "  x: [{devices: all, mig-enabled: false}]\n" + other, "f");
  ASSERT_TRUE(fits);
  EXPECT_TRUE(resolve(*fits, "x", one_a100()));
}

TEST(RepeatedConfig, QuotesMakeADifference) {
  const auto spec = parse_spec(
      kHead +
          "  a: [{devices: all, mig-enabled: false}]\n  a: [{devices: \"all\", mig-enabled: "
          "false}]\n",
      "f");
  ASSERT_TRUE(spec);
  EXPECT_TRUE(spec->configs[0].refused);
}

TEST(RepeatedKey, InsideAConfigIsThatConfigsMatter) {
  const auto spec = parse_spec(
      kHead + kSmall +
          "  big: [{devices: all, mig-enabled: true, mig-devices: {7g.40gb: 1, 7g.40gb: 2}}]\n"
          "  off: [{devices: all, devices: all, mig-enabled: false}]\n",
      "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(
      spec->warnings,
      (Texts{"f:4:69: \"7g.40gb\" is there twice with different content, before at f:4:57: it "
             "cannot be used; the other configs of the file can",
             "f:5:24: \"devices\" is there twice with the same content, before at f:5:10; remove "
             "one of the two"}));
  EXPECT_FALSE(resolve(*spec, "big", one_a100()));
  EXPECT_TRUE(resolve(*spec, "off", one_a100()));
}

TEST(RepeatedKey, OfTheFileItselfMustBeEqual) {
  const auto equal = parse_spec("version: v1\n" + kHead + kSmall, "f");
  ASSERT_TRUE(equal) << equal.error().message;
  EXPECT_EQ(equal->warnings.size(), 1U);
  const auto versions = parse_spec("version: v2\n" + kHead + kSmall, "f");
  ASSERT_FALSE(versions);
  EXPECT_EQ(versions.error().message,
            "f:2:1: \"version\" is there twice with different content, before at f:1:1");
  const auto configs = parse_spec(kHead + kSmall + "mig-configs:\n" + kBig, "f");
  ASSERT_FALSE(configs);
  EXPECT_EQ(configs.error().message,
            "f:4:1: \"mig-configs\" is there twice with different content, before at f:2:1");
}

TEST(RepeatedKey, ManyAreSaidInFew) {
  std::string text = kHead;
  for (int i = 0; i < 50; ++i) {
    text += kBig;
  }
  const auto spec = parse_spec(text, "f");
  ASSERT_TRUE(spec);
  ASSERT_EQ(spec->warnings.size(), 21U);
  EXPECT_EQ(spec->warnings.back(), "29 more warnings like these");
}

TEST(ConfigMap, IsReadAndSaid) {
  const auto spec = parse_spec(config_map(kHead + kSmall + kBig), "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(labels(*spec), (Texts{"small", "big"}));
  EXPECT_EQ(spec->configs[1].position.str(), "f:9:7");
  EXPECT_EQ(spec->notes, (Texts{"f:5:16: read from data[\"config.yaml\"] of ConfigMap \"mine\""}));
}

TEST(ConfigMap, AsKubectlPrintsJson) {
  const auto spec = parse_spec(
      R"({"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"ConfigMap",
"data":{"hooks.yaml":"version: v1\nhooks: {}\n","mine.yaml":"version: v1\nmig-configs:\n  a: 7\n"}}]})",
      "f");
  ASSERT_FALSE(spec);
  EXPECT_EQ(spec.error().message, "f:2:94: at least one entry in \"a\" is required, and in a list");
}

TEST(ConfigMap, WithoutALayoutSaysWhatItHolds) {
  const std::string object = "apiVersion: v1\nkind: ConfigMap\ndata:";
  const auto message = [&](const std::string& text) {
    const auto spec = parse_spec(text, "f");
    return spec ? "read" : spec.error().message;
  };
  EXPECT_EQ(message(object + " {hooks.yaml: 'version: v1'}"),
            "f:1:1: there is no layout here, but ConfigMap: data holds hooks.yaml, and none is a "
            "layout file");
  EXPECT_EQ(message(object + " {}"),
            "f:1:1: there is no layout here, but ConfigMap with empty data");
  EXPECT_EQ(message("apiVersion: v1\nkind: ConfigMap\n"),
            "f:1:1: there is no layout here, but ConfigMap without data");
  EXPECT_EQ(message("apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n"),
            "f:1:1: there is no layout here, but Namespace \"x\"");
  EXPECT_EQ(message("apiVersion: v1\nkind: List\nitems: []\n"),
            "f:1:1: there is no layout here, but a List without a ConfigMap that holds a layout");
  EXPECT_EQ(message(object + "\n  config.yaml:\n    version: v1\n"),
            "f:5:5: data[\"config.yaml\"] of ConfigMap is a map, not a text");
  const std::string one = ": \"version: v1\\nmig-configs: {}\"";
  EXPECT_EQ(message(object + " {\"a.yaml\"" + one + ", \"b.yaml\"" + one + "}"),
            "f:3:7: data of ConfigMap holds more than one layout file: a.yaml, b.yaml");
  // A duplicate key with different values on the path to the layout is ambiguous.
  EXPECT_EQ(message(object + "\n  config.yaml: a\n  config.yaml: b\n"),
            "f:5:3: \"config.yaml\" is there twice with different content, before at f:4:3");
}

TEST(HelmValues, AreReadAlsoInsideAnotherChart) {
  const std::string values =
      "migManager:\n  enabled: true\n  config:\n    name: mine\n    data:\n"
      "      config.yaml: |-\n" +
      indented(kHead + kSmall, 8);
  const auto spec = parse_spec("driver: {enabled: false}\n" + values, "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->notes,
            (Texts{"f:7:20: read from migManager.config.data[\"config.yaml\"] of Helm values"}));
  EXPECT_EQ(spec->configs[0].position.str(), "f:10:11");
  const auto inside = parse_spec("gpu-operator:\n" + indented(values, 2), "f");
  ASSERT_TRUE(inside) << inside.error().message;
  EXPECT_EQ(inside->notes,
            (Texts{"f:7:22: read from gpu-operator.migManager.config.data[\"config.yaml\"] of Helm "
                   "values"}));
  const auto without = parse_spec("migManager: {config: {name: mine}}\n", "f");
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().message,
            "f:1:13: there is no layout here, but Helm values without migManager.config.data");
}

TEST(Documents, AreReadAsOneFile) {
  const auto spec =
      parse_spec("---\n" + kHead + kSmall + "---\napiVersion: v1\nkind: Namespace\n---\n" +
                     config_map(kHead + kBig + kSmall),
                 "f");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(labels(*spec), (Texts{"small", "big"}));
  EXPECT_EQ(spec->notes,
            (Texts{"f:6:1: document 2 of 3, passed over: Namespace",
                   "f:13:16: document 3 of 3, read from data[\"config.yaml\"] of ConfigMap "
                   "\"mine\"",
                   "f: 2 layouts of 3 documents are read, as one file"}));
  EXPECT_EQ(spec->warnings,
            (Texts{"f:17:7: config \"small\" is there twice with the same content, before at "
                   "f:4:3; remove one of the two"}));
}

TEST(Documents, EveryOneMustMeanSomething) {
  const auto unknown = parse_spec(kHead + kSmall + "---\nhello: world\n", "f");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "f:5:1: unexpected field \"hello\" in the file");
  const auto nested = parse_spec("mig_manager:\n  version: v1\n  mig-configs: {}\n", "f");
  ASSERT_FALSE(nested);
  EXPECT_EQ(nested.error().hint,
            "a layout stands in \"mig_manager\" at f:2:3: put it into a file of its own");
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += "---\n" + kHead + kSmall;
  }
  const auto refused = parse_spec(many, "f");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("more than 100 documents"), std::string::npos);
}

TEST(Wrapped, LimitsHoldInside) {
  for (const std::string& text : {std::string("a: &x 1"),
                                  std::string("<<: {a: 1}"),
                                  std::string(33, '[') + std::string(33, ']'),
                                  std::string("version: v1\n---\nversion: v1")}) {
    const auto plain = parse_spec(text.substr(0, text.find("---")), "f");
    const auto wrapped = parse_spec(config_map(text), "f");
    ASSERT_FALSE(wrapped) << text;
    if (!plain) {
      EXPECT_EQ(wrapped.error().message.substr(wrapped.error().message.find(": ")),
                plain.error().message.substr(plain.error().message.find(": ")));
    }
  }
  const auto escape = parse_spec(
      "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"data\": {\"config.yaml\": \"a: "
      "\\u0004\"}}",
      "f");
  ASSERT_FALSE(escape);
  EXPECT_EQ(escape.error().message, "f:1:71: control byte 0x04 does not belong in a layout file");
}

// Fuzz: an error inside a wrapped layout equals the plain layout's error, at the position shifted
// by the layout's begin.
TEST(Wrapped, RandomDamageIsFoundAtItsPlace) {
  std::mt19937 random(11);
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  const std::string whole = kHead + kSmall + kBig + "  off:\n  - devices: [0, 1]\n" +
                            "    device-filter: \"0x20B010DE\"\n    mig-enabled: false\n";
  const std::string_view bits[] = {
      "{", "}", "[", "]", ":", "-", "\"", "'", "&a ", "*a", "010", "x"};
  int compared = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = whole;
    const std::size_t at = 12 + below(text.size() - 12);
    if (below(2) == 0) {
      text.insert(at, bits[below(std::size(bits))]);
    } else {
      text.erase(at, 1 + below(6));
    }
    const auto plain = parse_spec(text, "f");
    const auto wrapped = parse_spec(config_map(text), "f");
    ASSERT_EQ(plain.has_value(), wrapped.has_value()) << text;
    if (plain) {
      continue;
    }
    const auto words = base::split(plain.error().message, ':');
    const std::string moved = "f:" + std::to_string(std::stoi(words[1]) + 5) + ":" +
                              std::to_string(std::stoi(words[2]) + 4) + ":";
    const std::string tail = plain.error().message.substr(plain.error().message.find(": ") + 1);
    const auto lines = std::count(text.begin(), text.end(), '\n');
    if (std::stoi(words[1]) > lines) {
      continue;  // at the end of the text, where the block has no position of its own
    }
    EXPECT_EQ(wrapped.error().message, moved + tail) << text;
    ++compared;
  }
  EXPECT_GT(compared, 800);
}

}  // namespace
}  // namespace mig::config
