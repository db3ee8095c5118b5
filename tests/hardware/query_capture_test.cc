// SPDX-License-Identifier: Apache-2.0
// The published --query-gpu of an idle H200 with MIG on (driver 590.48.01), all 212 properties,
// compared with the same layout on a simulated one.
#include <unistd.h>

#include <map>
#include <set>

#include <gtest/gtest.h>

#include "base/strings.h"
#include "simulated_machine.h"
#include "smi/golden.h"

namespace mig::hardware {
namespace {

using Cells = std::vector<std::string>;

Cells cells(const std::string& line) {
  Cells out;
  for (std::string rest = line + ", "; !rest.empty();) {
    const std::size_t at = rest.find(", ");
    out.push_back(rest.substr(0, at));
    rest.erase(0, at + 2);
  }
  return out;
}

// Allowed differences by reason: the properties whose value differs on the simulated machine.
const std::map<std::string, std::set<std::string>> kDiffer = {
    {"another machine", {"timestamp", "serial", "uuid", "pci.bus_id", "pci.bus"}},
    {"another card than ours, and applications clocks, which R590 deprecates",
     {"pci.sub_device_id",
      "vbios_version",
      "inforom.img",
      "memory.reserved",
      "memory.free",
      "clocks.applications.graphics",
      "clocks.applications.memory",
      "clocks.default_applications.graphics",
      "clocks.default_applications.memory"}},
    {"idle power, heat and clocks: our H200's reading, and the model's; memory heat has no model",
     {"temperature.gpu",
      "temperature.gpu.tlimit",
      "temperature.memory",
      "power.draw",
      "power.draw.average",
      "power.draw.instant",
      "clocks.current.graphics",
      "clocks.current.sm",
      "clocks.current.video"}},
    {"no public call, or none that is simulated",
     {"display_attached",
      "edpp_multiplier",
      "platform.chassis_serial_number",
      "platform.slot_number",
      "platform.tray_index",
      "platform.host_id",
      "platform.peer_type",
      "platform.gpu_fabric_guid"}},
    {"a fabric manager runs there",
     {"fabric.state", "fabric.status", "fabric.cliqueId", "fabric.clusterUuid"}},
};

std::string why_different(const std::string& name) {
  for (const auto& [why, names] : kDiffer) {
    if (names.count(name) != 0) {
      return why;
    }
  }
  return "";
}

TEST(QueryCapture, EveryPropertyOfAnIdleH200WithMig) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "a driver lets only root change instances";
  }
  SimulatedMachine box("1x h200-141gb", {"--driver", "590.48.01"});
  ASSERT_TRUE(box.created());
  for (const char* line :
       {"-i 0 -mig 1", "mig -cgi 9,14,19,19", "mig -cci 0,1 -gi 2", "mig -cci -gi 3,9,10"}) {
    box.smi(line);
    ASSERT_EQ(box.exit_code(), 0) << line;
  }
  const Cells reading = base::split(smi::golden("h200_590_mig_query.csv"), '\n');
  ASSERT_GE(reading.size(), 2U);
  std::string names;
  for (const std::string& title : cells(reading[0])) {
    names += (names.empty() ? "" : ",") + title.substr(0, title.find(" ["));
  }
  const Cells said = base::split(box.smi("--query-gpu=" + names + " --format=csv"), '\n');
  ASSERT_GE(said.size(), 2U) << said[0];
  EXPECT_EQ(said[0], reading[0]);
  const Cells titles = cells(reading[0]), theirs = cells(reading[1]), ours = cells(said[1]);
  ASSERT_EQ(theirs.size(), 212U);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < titles.size(); ++i) {
    const std::string name = titles[i].substr(0, titles[i].find(" ["));
    if (const std::string why = why_different(name); why.empty()) {
      EXPECT_EQ(ours[i], theirs[i]) << name;
    } else {
      EXPECT_NE(ours[i], theirs[i]) << name << " is no longer different: " << why;
    }
  }
}

}  // namespace
}  // namespace mig::hardware
