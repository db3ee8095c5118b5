// SPDX-License-Identifier: Apache-2.0
// Compose files as people write them, and as nobody should: forms, anchors, variables, limits.
#include "config/compose_file.h"

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "config/compose_text.h"
#include "config/document.h"

namespace mig::config {
namespace {

std::optional<std::string> no_variable(const std::string& name) {
  return name == "SET" ? std::optional<std::string>("MIG-set") : std::nullopt;
}

Result<ComposeFile> parse(const std::string& text) {
  return parse_compose_file(text, "compose.yaml", no_variable);
}

std::string error_of(const std::string& text) {
  const auto parsed = parse(text);
  return parsed ? "no error" : parsed.error().message;
}

TEST(ComposeFile, EveryFormThatNamesADevice) {
  const auto file = parse(R"(
services:
  a:
    image: train
    devices:
      - "nvidia.com/gpu=train-a"
      - source: nvidia.com/gpu=1g.10gb-0
        target: /dev/x
      - /dev/fuse:/dev/fuse
      - /dev/nvidia0
    deploy:
      replicas: 2
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ['MIG-1', "0:1"]
              capabilities: [gpu]
            - {driver: cdi, device_ids: [nvidia.com/gpu=x], capabilities: []}
    gpus:
      - device_ids: [0]
    environment:
      - NVIDIA_VISIBLE_DEVICES=MIG-2,0:3
      - CUDA_VISIBLE_DEVICES
      - OTHER=1
    runtime: nvidia
    privileged: true
  b:
    gpus: all
    environment: {CUDA_VISIBLE_DEVICES: MIG-3, JOB: 4}
  c:
)");
  ASSERT_TRUE(file) << file.error().text();
  ASSERT_EQ(file->services.size(), 3U);
  const ComposeService& a = file->services[0];
  std::vector<std::string> texts;
  for (const ComposeDevice& one : a.devices) {
    texts.push_back(one.text);
  }
  EXPECT_EQ(texts,
            (std::vector<std::string>{"nvidia.com/gpu=train-a",
                                      "nvidia.com/gpu=1g.10gb-0",
                                      "/dev/nvidia0",
                                      "MIG-1",
                                      "0:1",
                                      "nvidia.com/gpu=x",
                                      "0",
                                      "MIG-2",
                                      "0:3",
                                      "${CUDA_VISIBLE_DEVICES}"}));
  EXPECT_EQ(a.devices[0].position.str(), "compose.yaml:6:9");
  EXPECT_EQ(a.devices[3].driver, "nvidia");
  EXPECT_EQ(a.devices[9].unknown, "CUDA_VISIBLE_DEVICES");
  EXPECT_EQ(a.other_devices, std::vector<std::string>{"/dev/fuse:/dev/fuse"});
  EXPECT_EQ(a.replicas, 2U);
  EXPECT_TRUE(a.nvidia_runtime && a.privileged);
  ASSERT_EQ(a.requests.size(), 3U);
  EXPECT_TRUE(a.requests[1].has_capabilities);
  EXPECT_TRUE(a.requests[2].has_capabilities);  // of gpus: it is always gpu
  EXPECT_TRUE(a.requests[2].bare_number);
  ASSERT_EQ(file->services[1].requests.size(), 1U);
  EXPECT_EQ(file->services[1].requests[0].count, "all");
  EXPECT_EQ(file->services[1].devices.at(0).text, "MIG-3");
}

TEST(ComposeFile, AnchorsAndMergeKeysAreResolvedWithTheirPositions) {
  const auto file = parse(R"(
x-gpu: &gpu
  x-migctl: &wish {profile: 1g.10gb}
  devices: [nvidia.com/gpu=train-a]
x-more: &more {image: other, privileged: true}
services:
  a:
    <<: [*gpu, *more]
    image: own
  b: {x-migctl: *wish}
)");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->services[0].image, "own");
  EXPECT_TRUE(file->services[0].privileged);
  ASSERT_EQ(file->services[0].devices.size(), 1U);
  EXPECT_EQ(file->services[0].devices[0].position.line, 4);
  ASSERT_TRUE(file->services[1].wish);
  EXPECT_EQ(file->services[1].wish->str(), "1g.10gb");
}

TEST(ComposeFile, WhatAWishMayBe) {
  const auto file = parse(
      "services:\n  a: {x-migctl: {memory: 20GiB, sm: 20, gpu: 0, count: 2, shared: true}}\n"
      "  b: {x-migctl: {slot: train-a}}\n  c: {x-migctl: {}}\n");
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->services[0].wish->str(), "2 of 20 GiB or more with 20 SMs or more on GPU 0");
  EXPECT_TRUE(file->services[0].wish->shared);
  EXPECT_EQ(file->services[1].wish->str(), "slot train-a");
  EXPECT_EQ(file->services[2].wish->str(), "any instance");
  const auto wish = [](const std::string& text) {
    return error_of("services: {a: {x-migctl: " + text + "}}");
  };
  EXPECT_EQ(wish("{profle: 1g.10gb}"),
            "compose.yaml:1:27: unexpected field \"profle\" in x-migctl");
  EXPECT_NE(wish("{profile: big}").find("compose.yaml:1:36: x-migctl: profile: "),
            std::string::npos);
  EXPECT_NE(wish("{memory: 20}").find("a size as 20GiB is expected"), std::string::npos);
  EXPECT_NE(wish("{count: 0}").find("from 1 to 64"), std::string::npos);
  EXPECT_NE(wish("{slot: a, count: 2}").find("a slot is one instance"), std::string::npos);
  EXPECT_NE(wish("1g.10gb").find("x-migctl is names with values"), std::string::npos);
  EXPECT_EQ(parse_compose_wish("slot:train-a")->slot, "train-a");
  EXPECT_EQ(parse_compose_wish("20GiB")->memory_mib, 20480U);
  EXPECT_FALSE(parse_compose_wish("slot:"));
}

TEST(ComposeFile, Variables) {
  const auto text = [](const std::string& from) { return interpolate(from, no_variable); };
  EXPECT_EQ(text("a $SET b").text, "a MIG-set b");
  EXPECT_EQ(text("${SET}${SET:-x}${NOT:-x}${NOT-y}${SET+z}${NOT:+z}").text, "MIG-setMIG-setxyz");
  EXPECT_EQ(text("$$NOT").text, "$NOT");
  EXPECT_EQ(text("${NOT}").unknown, "NOT");
  EXPECT_EQ(text("${NOT}").text, "${NOT}");
  EXPECT_EQ(text("${NOT:?why}").unknown, "NOT");
  EXPECT_EQ(text("${SET:-${X}}").unknown, "SET");
  for (const char* broken : {"$", "${", "${}", "$1", "${SET", "${SET:}", "${SET:x}"}) {
    EXPECT_TRUE(text(broken).unknown) << broken;
  }
}

TEST(ComposeFile, BadInputSaysWhereAndWhy) {
  EXPECT_NE(error_of("").find("a Compose file is a map with services, not nothing"),
            std::string::npos);
  EXPECT_NE(error_of("- a\n").find("compose.yaml:1:1: a Compose file is a map"), std::string::npos);
  EXPECT_NE(error_of("{}").find("the file has no services"), std::string::npos);
  EXPECT_NE(error_of("services: [a]").find("services is a map, not a list"), std::string::npos);
  EXPECT_NE(error_of("services: {a: 1}").find("service \"a\" is a map, not \"1\""),
            std::string::npos);
  EXPECT_NE(error_of("services: {a: {devices: nvidia.com/gpu=0}}").find("devices is a list"),
            std::string::npos);
  EXPECT_NE(error_of("services: {a: {devices: [[x]]}}").find("a device is a text"),
            std::string::npos);
  EXPECT_NE(error_of("services: {a: {deploy: {resources: {reservations: {devices: [x]}}}}}")
                .find("a device request is a map"),
            std::string::npos);
  EXPECT_NE(
      error_of("services:\n  a: {image: x}\n  a: {image: y}\n").find("key \"a\" is there twice"),
      std::string::npos);
  EXPECT_NE(error_of("services: {a: {<<: 7}}").find("takes a map or a list of maps"),
            std::string::npos);
  EXPECT_NE(error_of("services: &a [*a]").find("inside of the value of its own anchor"),
            std::string::npos);
  EXPECT_NE(error_of("services: {a: {image: *b}}").find("not valid YAML"), std::string::npos);
  EXPECT_NE(error_of("services: {a: {image: \x01}}").find("control byte"), std::string::npos);
  EXPECT_NE(error_of("services:\n\ta: 1\n").find("a tab"), std::string::npos);
  EXPECT_NE(error_of(std::string(100, '[')).find("nested deeper than"), std::string::npos);
  EXPECT_EQ(parse(std::string(10U << 20U, '#')).error().code, ErrorCode::kTooLarge);
}

TEST(ComposeFile, AliasesCannotMakeAFewLinesIntoBillions) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int n = 0; n < 10; ++n) {
      text += (n == 0 ? "" : ", ") + last;
    }
    text += "]\n";
  }
  EXPECT_NE(error_of(text + "services: {}\n").find("more than 100000 values"), std::string::npos);
  std::string deep = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    deep += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_NE(error_of(deep + "services: {}\n").find("nested deeper"), std::string::npos);
}

// Random edits of a file: read or refused, with a message; and what was read is written so that it
// is read again. For long runs under the sanitizers: MIG_COMPOSE_TEXTS=100000.
TEST(ComposeFile, RandomEditsAreReadOrRefused) {
  const std::string seed =
      "x: &a {image: t, environment: [NVIDIA_VISIBLE_DEVICES=$X]}\nservices:\n  a:\n    <<: *a\n"
      "    x-migctl: {profile: 1g.10gb, count: 2}\n    devices: !override [nvidia.com/gpu=b]\n"
      "  b: {gpus: [{driver: nvidia, device_ids: ['0:1']}]}\n";
  const std::vector<std::string> pieces = {
      "&a ", "*a", "<<: ", "!reset ", "[",  "]",    "{",  "}", ": ",    "\n", "- ", "\"",
      "'",   "|",  ">",    "${",      ":-", "\xff", "\t", "#", "---\n", "~",  "? ", "gpus"};
  const char* more = std::getenv("MIG_COMPOSE_TEXTS");  // NOLINT(concurrency-mt-unsafe)
  const int texts = more == nullptr ? 2000 : std::atoi(more);
  std::mt19937 random(7);
  int read = 0;
  for (int i = 0; i < texts; ++i) {
    std::string text = seed;
    for (auto edits = 1 + random() % 4; edits > 0; --edits) {
      const std::size_t at = random() % (text.size() + 1);
      switch (random() % 3) {
        case 0:
          text.insert(at, pieces[random() % pieces.size()]);
          break;
        case 1:
          text.erase(at, random() % 20);
          break;
        default:
          text.insert(at, 1, static_cast<char>(random()));
      }
    }
    const auto file = parse(text);
    if (!file) {
      ASSERT_FALSE(file.error().message.empty()) << text;
      continue;
    }
    ++read;
    for (const ComposeService& service : file->services) {
      ComposeServiceText written;
      written.name = service.name;
      written.image = service.image;
      const auto again = parse(compose_text({written}, {}));
      ASSERT_TRUE(again) << again.error().text() << text;
      ASSERT_EQ(again->services.at(0).name, service.name);
      ASSERT_EQ(again->services.at(0).image, service.image);
    }
  }
  EXPECT_GT(read, texts / 100);
}

TEST(ComposeText, WhatIsWrittenIsReadAgain) {
  ComposeServiceText service;
  service.name = "odd \"name\": #1";
  service.image = "a:b@c #x";
  service.wish = {{"profile", "1g.10gb+me"}, {"gpu", "0"}};
  service.devices = {{"nvidia.com/gpu=train-a"}, true};
  service.driver = "cdi";
  service.device_ids = {{"nvidia.com/gpu=1g.10gb-0"}, false};
  service.resets_gpus = true;
  service.variables = {{"NVIDIA_VISIBLE_DEVICES", std::nullopt}, {"CUDA_VISIBLE_DEVICES", "MIG-x"}};
  const std::string text = compose_text({service}, {"A comment."});
  const auto file = parse(text);
  ASSERT_TRUE(file) << file.error().text() << text;
  const ComposeService& read = file->services.at(0);
  EXPECT_EQ(read.name, service.name);
  EXPECT_EQ(read.image, service.image);
  EXPECT_EQ(read.wish->str(), "1g.10gb+me on GPU 0");
  EXPECT_TRUE(read.replaces_devices && read.resets_gpus && read.resets_visible);
  EXPECT_FALSE(read.replaces_requests);
  ASSERT_EQ(read.devices.size(), 3U);
  EXPECT_EQ(read.devices[1].driver, "cdi");
  EXPECT_EQ(read.devices[2].text, "MIG-x");
}

}  // namespace
}  // namespace mig::config
