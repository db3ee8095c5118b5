// SPDX-License-Identifier: Apache-2.0
// A sample goes to JSON and back without loss; what is absent stays absent.
#include "wire/sample.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "model/testing/test_sample.h"

namespace mig::wire {
namespace {

// With what JSON could lose: large numbers, values that differ from their neighbours', a GPU of
// which nothing is known.
MachineSample machine() {
  MachineSample sample = test_sample();
  GpuSample& gpu = sample.gpus.at(0);
  gpu.mig_pending = MigMode::kDisabled;
  GpuInstanceSample& instance = gpu.instances.at(0);
  instance.generation = 0xFEDC'BA98'7654'3210U;
  instance.energy_mj = 9'007'199'254'740'993U;  // no double has this number
  instance.memory_used_bytes = 0;
  instance.activity.sm = 1.0625;
  gpu.processes.at(0).uid = 1000;
  gpu.processes.at(0).memory_bytes = 1U << 30U;
  gpu.processes.at(0).owner.slurm_job = "17";
  gpu.processes.at(0).tenant = "team-a";
  sample.gpus.push_back({});
  return sample;
}

// The document of what was read equals the document that it was read from: equality by the text
// covers every member, since the writer walks the same list as the reader, and the values below
// cover the reader.
TEST(Sample, ToJsonAndBack) {
  const std::string text = sample_document(machine());
  const auto read = parse_sample(text);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(sample_document(*read), text);
  const GpuSample& gpu = read->gpus.at(0);
  const GpuInstanceSample& instance = gpu.instances.at(0);
  EXPECT_EQ(read->simulated_machine, "box");
  EXPECT_EQ(gpu.mig_pending, MigMode::kDisabled);
  EXPECT_EQ(instance.generation, 0xFEDC'BA98'7654'3210U);
  EXPECT_EQ(instance.energy_mj, 9'007'199'254'740'993U);
  EXPECT_EQ(instance.memory_used_bytes, 0U);
  EXPECT_EQ(instance.source, ActivitySource::kGpm);
  const GpuInstanceSample written = machine().gpus.at(0).instances.at(0);
  EXPECT_EQ(instance.activity, written.activity);
  EXPECT_EQ(instance.compute_instances.at(0).activity, written.compute_instances.at(0).activity);
  EXPECT_EQ(instance.compute_instances.at(1).activity, std::nullopt);
  EXPECT_EQ(gpu.processes.at(0).owner.slurm_job, "17");
  EXPECT_EQ(gpu.processes.at(1).lease, std::nullopt);
  EXPECT_EQ(gpu.xids.at(0).compute_instance, std::nullopt);
  EXPECT_EQ(gpu.xids.at(1).compute_instance, ComputeInstanceId{0});
  EXPECT_EQ(read->gpus.at(2).power_watts, std::nullopt) << "absent, not 0";
  EXPECT_EQ(read->collectors.at(1).error, "GPU 1: not supported");
}

TEST(Sample, SaysWhyNothingIsRead) {
  MachineSample sample = machine();
  sample.gpus.clear();
  sample.withdrawn = "the driver has not answered for 4 s (gpm, GPU 3)";
  const auto read = parse_sample(sample_document(sample));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->withdrawn, sample.withdrawn);
}

TEST(Sample, WhatIsNoSampleIsRefusedByItsMember) {
  const auto refused = [](const std::string& from, const std::string& to) {
    std::string text = sample_document(machine());
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    const auto read = parse_sample(text.replace(at, from.size(), to));
    return read ? std::string("read") : read.error().message;
  };
  EXPECT_EQ(refused(R"("tick": 42)", R"("tick": -9)"),
            "a Sample document: tick: a whole number is expected");
  EXPECT_EQ(refused(R"("migCurrent": "enabled")", R"("migCurrent": "on")"),
            "a Sample document: gpus[0].migCurrent: this word is not known");
  EXPECT_EQ(refused(R"("sm": 1.0625)", R"("sm": "much")"),
            "a Sample document: gpus[0].gpuInstances[0].activity.sm: a number is expected");
  EXPECT_EQ(refused(R"("fedcba9876543210")", R"("fedcba987654321g")"),
            "a Sample document: gpus[0].gpuInstances[0].generation: sixteen hexadecimal digits are "
            "expected");
  EXPECT_EQ(refused(R"("kind": "Sample")", R"("kind": "Inventory")"),
            "a Sample document: kind: Sample is expected");
  EXPECT_EQ(refused(R"("uuid": "GPU-00000000-0000-0000-0000-000000000000",)", ""),
            "a Sample document: gpus[0].uuid: missing");
  EXPECT_FALSE(parse_sample(std::string(17U << 20U, ' ')));
}

TEST(SampleHistory, AsValuesSeparatedByCommas) {
  SampleRow row;
  row.begin_s = 1'790'000'000;
  row.period_s = 60;
  row.gpu_uuid = "GPU-1";
  row.gpu_instance = 3;
  row.generation = 255;
  row.profile = "1g.18gb";
  row.tenant = "a, \"b\"";
  row.job = "=cmd()";
  row.ticks = 60;
  row.sm = 250'000;
  row.power_mw = 1500;
  SampleRow board = row;
  board.gpu_instance = -1;
  const std::string text = sample_history_csv({row, board}, {true, "lab"});
  EXPECT_EQ(
      text.substr(text.find('\n') + 1),
      "1790000000000,60000,GPU-1,3,00000000000000ff,1g.18gb,\"a, \"\"b\"\"\",'=cmd(),60,0.25,,,,,,,"
      ",1.5,true\n"
      "1790000000000,60000,GPU-1,,,1g.18gb,\"a, \"\"b\"\"\",'=cmd(),60,0.25,,,,,,,,1.5,true\n");
  const std::string names = text.substr(0, text.find('\n'));
  EXPECT_EQ(std::count(names.begin(), names.end(), ','), 18);
  EXPECT_NE(sample_history_document({row}, {true, "lab"}).find(R"("simulated": true)"),
            std::string::npos);
}

}  // namespace
}  // namespace mig::wire
