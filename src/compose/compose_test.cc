// SPDX-License-Identifier: Apache-2.0
// Compose files against made-up machines: what each reference means, what is stale, and what is
// written.
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cdi/devices.h"
#include "compose/check.h"
#include "compose/render.h"
#include "config/compose_text.h"

namespace mig::compose {
namespace {

std::optional<std::string> no_variable(const std::string& /*name*/) {
  return std::nullopt;
}

config::ComposeFile parse(const std::string& text, const std::string& name = "c.yaml") {
  auto parsed = config::parse_compose_file(text, name, no_variable);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  return parsed ? *parsed : config::ComposeFile{};
}

class ComposeTest : public testing::Test {
 protected:
  // GPU 0: two 1g.10gb, one of them at slot train-a, and a 2g.20gb; GPU 1 without MIG.
  void SetUp() override {
    Gpu first;
    first.index = {0};
    first.uuid = "GPU-a";
    first.mig_current = MigMode::kEnabled;
    first.instances = {instance(7, "1g.10gb", {0, 1}, "MIG-a", 0, 9856),
                       instance(8, "1g.10gb", {1, 1}, "MIG-b", 1, 9856),
                       instance(3, "2g.20gb", {4, 2}, "MIG-c", 2, 19968)};
    Gpu second;
    second.index = {1};
    second.uuid = "GPU-b";
    second.mig_current = MigMode::kDisabled;
    machine_.now.gpus = {first, second};
    Slot slot;
    slot.row.name = "train-a";
    slot.row.gpu_uuid = "GPU-a";
    slot.row.profile = "1g.10gb";
    slot.row.start = 1;
    slot.row.size = 1;
    slot.state = SlotState::kReady;
    slot.gpu = GpuIndex{0};
    slot.uuid = "MIG-b";
    machine_.slots = {slot};
    name_devices();
    machine_.kept = "/run/cdi/migctl.json";
  }

  static GpuInstance instance(std::uint32_t id,
                              const std::string& profile,
                              Placement place,
                              const std::string& uuid,
                              std::uint32_t index,
                              std::uint64_t memory) {
    GpuInstance made;
    made.id = {id};
    made.name = *ProfileName::parse(profile);
    made.placement = place;
    made.memory_mib = memory;
    ComputeInstance compute;
    compute.id = {0};
    compute.name = made.name;
    compute.uuid = uuid;
    compute.device_index = index;
    made.compute_instances.push_back(compute);
    return made;
  }

  void name(const std::string& word, cdi::Naming naming, const std::string& uuid) {
    machine_.devices.push_back({word,
                                naming,
                                uuid.starts_with("GPU") ? uuid : "GPU-a",
                                uuid.starts_with("GPU") ? "" : uuid,
                                {}});
    machine_.in_files["nvidia.com/gpu=" + word] = {"/run/cdi/migctl.json"};
  }

  // As cdi::devices_of names them, whose own test this is not.
  void name_devices() {
    std::map<std::string, int> ordinals;
    for (const Placed& one : placed_instances(machine_.now)) {
      const std::string word = cdi::profile_word(one.instance.profile);
      name(fmt::format("0:{}", *one.device_index), cdi::Naming::kIndex, one.instance.uuid);
      name(one.instance.uuid, cdi::Naming::kUuid, one.instance.uuid);
      name(fmt::format("{}-{}", word, ordinals[word]++), cdi::Naming::kOrdinal, one.instance.uuid);
    }
    name("1", cdi::Naming::kIndex, "GPU-b");
    for (const Slot& slot : machine_.slots) {
      name(slot.row.name, cdi::Naming::kSlot, slot.uuid);
    }
  }

  static PastInstance past(const std::string& uuid,
                           const std::string& profile,
                           Placement place,
                           std::uint32_t index) {
    PastInstance was;
    was.uuid = uuid;
    was.gpu_uuid = "GPU-a";
    was.profile = *ProfileName::parse(profile);
    was.placement = place;
    was.device_index = index;
    return was;
  }

  // Change 5, at 1000 ms: MIG-old at 1:1 and MIG-gone at 4:4 went.
  void remember() {
    PastChange change{5, 1000, "apply -f x.yaml", {}, PastLayout{{"GPU-a"}, {}}};
    change.before = {
        {"GPU-a"}, {past("MIG-old", "1g.10gb", {1, 1}, 0), past("MIG-gone", "3g.40gb", {4, 4}, 1)}};
    machine_.past = {change};
  }

  // "rule service line" for every finding but "ok".
  std::vector<std::string> found(const std::vector<config::ComposeFile>& files,
                                 std::int64_t written = 2000) {
    Project project{files, {}};
    for (const config::ComposeFile& file : files) {
      project.written[file.file] = written;
    }
    report_ = check(project, machine_);
    std::vector<std::string> lines;
    for (const ComposeFinding& one : report_.findings) {
      if (one.verdict != Verdict::kOk) {
        lines.push_back(fmt::format("{} {} {}", one.rule, one.service, one.where.line));
      }
    }
    return lines;
  }

  // The findings of a service with this under `devices:`.
  ComposeFinding of_device(const std::string& device) {
    found({parse("services: {a: {devices: [\"" + device + "\"]}}")});
    EXPECT_EQ(report_.findings.size(), 1U) << device;
    return report_.findings.empty() ? ComposeFinding{} : report_.findings.front();
  }

  ComposeFinding of_id(const std::string& id) {
    found({parse("services: {a: {gpus: [{driver: nvidia, capabilities: [gpu], device_ids: [\"" +
                 id + "\"]}]}}")});
    EXPECT_EQ(report_.findings.size(), 1U) << id;
    return report_.findings.empty() ? ComposeFinding{} : report_.findings.front();
  }

  std::string rendered(const RenderRequest& request) {
    const auto out = render(request, machine_);
    return out ? out->text.substr(out->text.find("services:")) : out.error().text();
  }

  static std::pair<std::string, config::ComposeWish> want(const std::string& service,
                                                          const std::string& word) {
    return {service, *config::parse_compose_wish(word)};
  }

  Machine machine_;
  ComposeReport report_;
};

using Lines = std::vector<std::string>;

TEST_F(ComposeTest, NamesThatAreRight) {
  for (const char* name : {"train-a", "1g.10gb-0", "MIG-c", "2g.20gb-0", "1"}) {
    EXPECT_EQ(of_device(std::string("nvidia.com/gpu=") + name).verdict, Verdict::kOk) << name;
  }
  EXPECT_EQ(of_device("nvidia.com/gpu=train-a").found, "1g.10gb on GPU 0 at 1:1 (MIG-b)");
  EXPECT_EQ(of_id("0:2").uuid, "MIG-c");
  EXPECT_EQ(of_id("MIG-a").uuid, "MIG-a");
  EXPECT_EQ(of_id("GPU-b").uuid, "GPU-b");
}

TEST_F(ComposeTest, AGoneUuidIsToldByItsPlaceAndWhatIsThereNow) {
  remember();
  const ComposeFinding old = of_device("nvidia.com/gpu=MIG-old");
  EXPECT_EQ(old.rule, "gone");
  EXPECT_EQ(
      old.found,
      "gone: it was 1g.10gb on GPU 0 at 1:1, slot train-a until change 5 (apply -f x.yaml; migctl "
      "history --change 5); MIG-b is there now");
  EXPECT_EQ(old.mend, Lines{"write nvidia.com/gpu=train-a"});
  EXPECT_EQ(of_id("MIG-old").mend, Lines{"write MIG-b"});
  const ComposeFinding gone = of_id("MIG-gone");
  EXPECT_NE(gone.found.find("it was 3g.40gb on GPU 0 at 4:4 until change 5"), std::string::npos);
  EXPECT_EQ(gone.mend.front(), "migctl create -i 0 3g.40gb:4");
  EXPECT_EQ(of_id("MIG-never").rule, "unknown");
  EXPECT_EQ(of_id("MIG-<UUID-0>").rule, "placeholder");
}

TEST_F(ComposeTest, SlotsRememberWhatTheJournalDoesNot) {
  machine_.slots[0].row.previous_uuid = "MIG-before";
  const ComposeFinding gone = of_id("MIG-before");
  EXPECT_EQ(gone.rule, "gone");
  EXPECT_EQ(gone.mend, Lines{"write MIG-b"});
}

TEST_F(ComposeTest, AnIndexThatMeantAnotherInstanceWhenTheFileWasWritten) {
  remember();
  const std::string text =
      "services: {a: {gpus: [{driver: nvidia, capabilities: [gpu], device_ids: ['0:1']}]}}";
  EXPECT_EQ(found({parse(text)}, 500), Lines{"moved a 1"});
  EXPECT_EQ(
      report_.findings[0].found,
      "was 3g.40gb on GPU 0 at 4:4 when the file was written, and is 1g.10gb on GPU 0 at 1:1 now");
  EXPECT_EQ(found({parse(text)}, 2000), Lines{});  // written after the change
}

TEST_F(ComposeTest, WhatCannotBe) {
  EXPECT_EQ(of_device("nvidia.com/gpu=0:1").rule, "colon");
  EXPECT_EQ(of_device("nvidia.com/gpu=0:1").mend, Lines{"write nvidia.com/gpu=train-a"});
  EXPECT_EQ(of_device("nvidia.com/gpu=0:9").rule, "colon");
  EXPECT_EQ(of_device("nvidia.com/gpu=nope").rule, "unknown");
  EXPECT_EQ(of_device("nvidia.com/mig=0").rule, "no-cdi-device");
  EXPECT_EQ(of_device("/dev/nvidia-caps/nvidia-cap12").rule, "node");
  EXPECT_EQ(of_device("nvidia.com/gpu=all").rule, "no-cdi-device");
  EXPECT_EQ(of_device("nvidia.com/gpu=${X}").rule, "variable");
  EXPECT_EQ(of_device("amd.com/gpu=0").verdict, Verdict::kWarning);
  EXPECT_EQ(of_id("all").rule, "all");
  EXPECT_EQ(of_id("0").rule, "mig-gpu");
  EXPECT_EQ(of_id("GPU-a").rule, "mig-gpu");
  EXPECT_EQ(of_id("5").rule, "no-gpu");
  EXPECT_EQ(of_id("0:9").rule, "no-index");
  EXPECT_EQ(of_id("train-a").rule, "name-for-driver");
  EXPECT_EQ(of_id("nvidia.com/gpu=train-a").rule, "driver");
  EXPECT_EQ(of_id("MIG-GPU-a/8/0").rule, "old-id");
  EXPECT_EQ(of_id("MIG-GPU-a/8/0").mend, Lines{"write MIG-b"});
  EXPECT_EQ(of_id("MIG-GPU-a/6/0").rule, "old-id");
  EXPECT_EQ(of_id("MIG-GPU-x/8/0").rule, "old-id");
}

TEST_F(ComposeTest, CdiFilesThatLackADeviceOrAreNotOurs) {
  machine_.in_files.erase("nvidia.com/gpu=train-a");
  EXPECT_EQ(of_device("nvidia.com/gpu=train-a").mend, Lines{"migctl cdi generate"});
  machine_.in_files["nvidia.com/gpu=train-a"] = {"/etc/cdi/nvidia.yaml"};
  EXPECT_EQ(found({parse("services: {a: {devices: [nvidia.com/gpu=train-a]}}")}),
            Lines{"foreign a 1"});
}

TEST_F(ComposeTest, SharedInstancesWishesAndMarks) {
  EXPECT_EQ(found({parse(R"(services:
  a: {devices: [nvidia.com/gpu=train-a]}
  b: {environment: {NVIDIA_VISIBLE_DEVICES: MIG-b}, runtime: nvidia}
  c: {x-migctl: {profile: 2g.20gb}, devices: [nvidia.com/gpu=1g.10gb-0]}
  d: {x-migctl: {profile: 2g.20gb}}
  e: {devices: [nvidia.com/gpu=2g.20gb-0], deploy: {replicas: 3}}
  f: {privileged: true}
  g: {deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1}]}}}}
)")}),
            (Lines{"shared b 3",
                   "runtime b 3",
                   "mismatch c 4",
                   "not-given d 5",
                   "replicas e 6",
                   "privileged f 7",
                   "no-capabilities g 8",
                   "unnamed g 8"}));
  EXPECT_EQ(found({parse(R"(services:
  a: {x-migctl: {shared: true}, devices: [nvidia.com/gpu=train-a]}
  b: {x-migctl: {shared: true}, devices: [nvidia.com/gpu=MIG-b], scale: 2}
)")}),
            Lines{});
}

TEST_F(ComposeTest, FilesTogetherAreOneProject) {
  const config::ComposeFile base =
      parse("services: {a: {x-migctl: {profile: 2g.20gb}, devices: [nvidia.com/gpu=MIG-never]}}",
            "a.yaml");
  EXPECT_EQ(found({base}), Lines{"unknown a 1"});
  EXPECT_EQ(
      found({base,
             parse("services: {a: {devices: !override [nvidia.com/gpu=2g.20gb-0]}}", "b.yaml")}),
      Lines{});
  EXPECT_EQ(found({base, parse("services: {a: {devices: [nvidia.com/gpu=2g.20gb-0]}}", "b.yaml")}),
            Lines{"unknown a 1"});
}

TEST_F(ComposeTest, EachServiceGetsAnInstanceThatServesIt) {
  const config::ComposeFile file = parse(R"(services:
  any: {x-migctl: {}}
  small: {x-migctl: {profile: 1g.10gb}}
  named: {x-migctl: {slot: train-a}}
  none: {image: x}
)");
  EXPECT_EQ(rendered({.files = {file}}), R"(services:
  any:
    devices: ["nvidia.com/gpu=2g.20gb-0"]
  small:
    devices: ["nvidia.com/gpu=1g.10gb-0"]
  named:
    devices: ["nvidia.com/gpu=train-a"]
)");
  EXPECT_EQ(rendered({.files = {file}, .form = Form::kNvidia}), R"(services:
  any:
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ["MIG-c"]
              capabilities: [gpu]
  small:
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ["MIG-a"]
              capabilities: [gpu]
  named:
    deploy:
      resources:
        reservations:
          devices:
            - driver: nvidia
              device_ids: ["MIG-b"]
              capabilities: [gpu]
)");
}

TEST_F(ComposeTest, AnOverrideReplacesWhatTheFileNames) {
  remember();
  const config::ComposeFile file = parse(R"(services:
  a:
    devices: [nvidia.com/gpu=MIG-old, /dev/fuse]
    runtime: nvidia
    environment: [NVIDIA_VISIBLE_DEVICES=MIG-old]
  b:
    deploy: {resources: {reservations: {devices: [{driver: nvidia, device_ids: [MIG-<UUID-0>], capabilities: [gpu]}]}}}
)");
  EXPECT_NE(rendered({.files = {file}})
                .find("no instance, and they do not say what they want: b (c.yaml:6:3)"),
            std::string::npos);
  EXPECT_EQ(rendered({.files = {file}, .wants = {want("", "any")}}), R"(services:
  a:
    devices: !override ["/dev/fuse", "nvidia.com/gpu=train-a"]
    runtime: !reset null
    environment:
      NVIDIA_VISIBLE_DEVICES: "void"
  b:
    devices: ["nvidia.com/gpu=1g.10gb-0"]
    deploy:
      resources:
        reservations:
          devices: !override []
)");
  const config::ComposeFile map =
      parse("services: {a: {x-migctl: {}, environment: {CUDA_VISIBLE_DEVICES: MIG-x}}}");
  EXPECT_NE(rendered({.files = {map}}).find("CUDA_VISIBLE_DEVICES: !reset null"),
            std::string::npos);
  EXPECT_EQ(rendered({.files = {file}, .wants = {want("b", "20GiB"), want("a", "1g.10gb")}})
                .find("services"),
            std::string::npos);  // 19968 MiB are less
}

TEST_F(ComposeTest, WholeFiles) {
  EXPECT_EQ(rendered({.image = "train"}), R"(services:
  1g.10gb-0:
    image: "train"
    x-migctl: {profile: 1g.10gb}
    devices: ["nvidia.com/gpu=1g.10gb-0"]
  train-a:
    image: "train"
    x-migctl: {slot: train-a}
    devices: ["nvidia.com/gpu=train-a"]
  2g.20gb-0:
    image: "train"
    x-migctl: {profile: 2g.20gb}
    devices: ["nvidia.com/gpu=2g.20gb-0"]
)");
  EXPECT_EQ(
      rendered(
          {.wants = {want("x", "2g.20gb")}, .image = "train", .form = Form::kCdi, .uuids = true}),
      R"(services:
  x:
    image: "train"
    x-migctl: {profile: 2g.20gb}
    deploy:
      resources:
        reservations:
          devices:
            - driver: cdi
              device_ids: ["nvidia.com/gpu=MIG-c"]
              capabilities: []
)");
}

TEST_F(ComposeTest, InstancesOfALayoutThatIsNotThereYet) {
  DesiredLayout layout;
  layout.label = "seven";
  DesiredGpu gpu;
  gpu.gpu = {0};
  gpu.mig_enabled = true;
  for (const char* profile : {"3g.40gb", "3g.40gb"}) {
    DesiredInstance one;
    one.profile = *ProfileName::parse(profile);
    one.compute_instances = {one.profile};
    gpu.instances.push_back(one);
  }
  layout.gpus = {gpu};
  RenderRequest request{
      .wants = {want("x", "3g.40gb"), want("y", "3g.40gb")}, .image = "train", .layout = layout};
  const std::string text = rendered(request);
  EXPECT_NE(text.find("nvidia.com/gpu=3g.40gb-0"), std::string::npos) << text;
  EXPECT_NE(text.find("nvidia.com/gpu=3g.40gb-1"), std::string::npos);
  request.form = Form::kNvidia;
  EXPECT_NE(rendered(request).find("there is no UUID yet"), std::string::npos);
  request.wants.push_back(want("z", "3g.40gb"));
  EXPECT_EQ(render(request, machine_).error().code, ErrorCode::kNoCapacity);
}

TEST_F(ComposeTest, WhatCannotBeRendered) {
  const auto code = [&](const RenderRequest& request) {
    const auto out = render(request, machine_);
    return out ? ErrorCode::kInternal : out.error().code;
  };
  EXPECT_EQ(code({}), ErrorCode::kUsage);
  EXPECT_EQ(code({.files = {parse("services: {a: {image: x}}")}}), ErrorCode::kNothingMatched);
  EXPECT_EQ(code({.wants = {want("a", "slot:nope")}, .image = "x"}), ErrorCode::kNotFound);
  EXPECT_EQ(code({.wants = {want("a", "7g.80gb")}, .image = "x"}), ErrorCode::kNothingMatched);
  EXPECT_EQ(code({.wants = {want("a", "2g.20gb"), want("b", "2g.20gb")}, .image = "x"}),
            ErrorCode::kNoCapacity);
  EXPECT_EQ(code({.files = {parse("services: {a: {x-migctl: {gpu: 9}}}")}}), ErrorCode::kNotFound);
  EXPECT_EQ(code({.files = {parse("services: {a: {x-migctl: {}}}")}, .wants = {want("b", "any")}}),
            ErrorCode::kNotFound);
  EXPECT_EQ(code({.files = {parse("services: {a: {x-migctl: {}, devices: [nvidia.com/gpu=x, "
                                  "{source: /dev/fuse}]}}")}}),
            ErrorCode::kInvalidInput);
  EXPECT_EQ(
      code({.files = {parse(
                "services: {a: {x-migctl: {}, environment: [CUDA_VISIBLE_DEVICES=MIG-x]}}")}}),
      ErrorCode::kInvalidInput);
  const config::ComposeFile shared = parse(
      "services: {a: {x-migctl: {profile: 2g.20gb, shared: true}}, b: {x-migctl: {profile: "
      "2g.20gb, shared: true}}}");
  EXPECT_EQ(code({.files = {shared}}), ErrorCode::kInternal);  // no error: they share it
}

}  // namespace
}  // namespace mig::compose
