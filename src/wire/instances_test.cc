// SPDX-License-Identifier: Apache-2.0
// Requests for instances and their answers, both ways. The goldens are shared with golden_test.cc:
// after an intended change: MIG_UPDATE_GOLDENS=1 wire_test
#include "wire/instances.h"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace mig::wire {
namespace {

PlacedInstance placed() {
  PlacedInstance placed;
  placed.instance.uuid = "MIG-1";
  placed.instance.profile = *ProfileName::parse("1g.10gb");
  placed.instance.gpu = GpuIndex{1};
  placed.instance.gpu_uuid = "GPU-1";
  placed.instance.gpu_minor = 1;
  placed.instance.gpu_instance = GpuInstanceId{7};
  placed.instance.memory_mib = 9856;
  placed.instance.slices = 1;
  placed.placement = {3, 1};
  placed.made = true;
  placed.lease = 12;
  placed.cdi_device = "nvidia.com/gpu=MIG-1";
  return placed;
}

void same_as_golden(const std::string& file, const std::string& text) {
  const std::string path = std::string(MIG_WIRE_TESTDATA) + "/" + file;
  if (std::getenv("MIG_UPDATE_GOLDENS") != nullptr) {
    std::ofstream(path) << text;
  }
  std::ifstream stream(path);
  std::ostringstream golden;
  golden << stream.rdbuf();
  EXPECT_EQ(golden.str(), text) << path;
}

TEST(PlacedInstances, AnAnswerIsReadAsItWasWritten) {
  const std::string text = placed_instance_document(placed(), {true, "lab"});
  same_as_golden("placed_instance.json", text);
  const auto read = parse_placed_instance(text);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->placed.instance, placed().instance);
  EXPECT_EQ(read->placed.placement, placed().placement);
  EXPECT_TRUE(read->placed.made);
  EXPECT_EQ(read->placed.lease, 12);
  EXPECT_EQ(read->placed.cdi_device, "nvidia.com/gpu=MIG-1");
  const std::string gone = destroyed_instance_document("MIG-1", {true, "lab"});
  same_as_golden("destroyed_instance.json", gone);
  EXPECT_EQ(*parse_destroyed_instance(gone), "MIG-1");
  EXPECT_FALSE(parse_placed_instance(gone));
}

TEST(PlacedInstances, ARequestIsReadAsItWasWritten) {
  PlacedRequest request;
  request.gpu_uuid = "GPU-1";
  request.profile = *ProfileName::parse("2g.20gb");
  request.start = 4;
  request.key = "k";
  request.reason = "why";
  request.compute = *ProfileName::parse("1c.2g.20gb");
  request.lease_job = "default/claim";
  request.existing = true;
  request.uuid = "MIG-1";
  const auto read = parse_placed_request(placed_request_document(request));
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(placed_request_document(*read), placed_request_document(request));
  EXPECT_EQ(read->compute, request.compute);
  EXPECT_EQ(read->lease_job, "default/claim");
  EXPECT_EQ(read->uuid, "MIG-1");
}

TEST(PlacedInstances, ABadRequestNamesTheMember) {
  const auto why = [](const std::string& text) {
    const auto read = parse_placed_request(text);
    return read ? std::string("taken") : read.error().message;
  };
  const std::string good = R"("gpu": "GPU-1", "profile": "1g.5gb", "start": 0)";
  EXPECT_EQ(why("{" + good + R"(, "key": "k"})"), "taken");
  EXPECT_NE(why("{" + good + "}").find("key"), std::string::npos);
  EXPECT_NE(why("{" + good + R"(, "key": "a\nb"})").find("control"), std::string::npos);
  EXPECT_NE(why("{" + good + R"(, "key": ")" + std::string(181, 'k') + "\"}").find("long"),
            std::string::npos);
  EXPECT_NE(why("{" + good + R"(, "key": "k", "kye": 1})").find("kye"), std::string::npos);
  EXPECT_NE(why("{" + good + R"(, "key": "k", "existing": true})").find("lease"),
            std::string::npos);
  EXPECT_NE(why("{" + good + R"(, "key": "k", "uuid": "MIG-1"})").find("lease"), std::string::npos);
}

}  // namespace
}  // namespace mig::wire
