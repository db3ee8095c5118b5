// SPDX-License-Identifier: Apache-2.0
// Lines of -L, pmon and -q against recorded output.
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "smi/detail.h"
#include "smi/golden.h"
#include "smi/list_gpus.h"
#include "smi/pmon.h"
#include "smi/property.h"
#include "smi/query.h"
#include "smi/text.h"

namespace mig::smi {
namespace {

TEST(Lines, ListOfAnH200WithMig) {
  std::string out = gpu_line(0, "NVIDIA H200", "GPU-00000000-0000-0000-0000-000000000000");
  const char* profiles[] = {"1c.3g.71gb", "2c.3g.71gb", "2g.35gb", "1g.18gb", "1g.18gb"};
  for (unsigned i = 0; i < 5; ++i) {
    out += mig_device_line(
        i, profiles[i], text("MIG-%08u-0000-0000-0000-%012u", i, i));  // masked as in the capture
  }
  EXPECT_EQ(out, golden("h200_590_mig_list.txt"));
}

TEST(Lines, PmonIdle) {
  EXPECT_EQ(pmon_heading() + pmon_idle_line({}, 0), golden("h200_580_pmon.txt"));
}

TEST(Lines, PmonWithProcessesOnMig) {
  std::string out = pmon_heading();
  for (const auto& [pid, name] : {std::pair(12249U, "/root/tools/memhog"),
                                  {12250U, "/root/tools/memhog"},
                                  {12267U, "./gpu_burn"}}) {
    out += pmon_line({}, {0, pid, 2, 1, "C", name, {}}, {});
  }
  EXPECT_EQ(out, golden("h200_590_mig_pmon.txt"));
}

TEST(Lines, PmonCutsLongNames) {
  EXPECT_EQ(
      pmon_line(
          {}, {1, 25384, {}, {}, "C", "nvidia-cuda-mps-server", {}}, {{12, 3, 0, 0, {}, {}}, {}}),
      "    1      25384     C     12      3      0      0      -      -    nvidia-cuda-mps\n");
}

std::string label_of(const std::string& line) {
  const std::size_t colon = line.find(": ", 40);
  const std::string label = line.substr(0, colon);
  return label.substr(0, label.find_last_not_of(' ') + 1);
}

// Compares with a real -q: every line below "GPU ...", in order and indentation.
TEST(Lines, DetailHasTheLinesOfARealReading) {
  std::istringstream reading(golden("h200_580_q.txt"));
  std::string line;
  std::vector<std::string> wanted;
  bool body = false;
  while (std::getline(reading, line)) {
    if (body && !line.empty()) {
      wanted.push_back(label_of(line));
    }
    body = body || line.rfind("GPU 0", 0) == 0;
  }
  ASSERT_GT(wanted.size(), 200U);
  std::vector<std::string> have;
  for (const DetailRow& row : detail_rows()) {
    if ((row.source == nullptr || std::string(row.source) != "#mig") && *row.section != '+' &&
        (row.when == nullptr || *row.when != '!')) {
      have.push_back(label_of(text("%*s%s", static_cast<int>(4 * row.depth), "", row.label)));
    }
  }
  EXPECT_EQ(have, wanted);
}

TEST(Lines, DetailLineColumns) {
  const std::string reading = golden("h200_580_q.txt");
  EXPECT_NE(reading.find(detail_line(1, "Product Name", "NVIDIA H200")), std::string::npos);
  EXPECT_NE(reading.find(detail_line(4, "Max", "5")), std::string::npos);
  EXPECT_NE(reading.find(detail_line(0, "Attached GPUs", "1")), std::string::npos);
  EXPECT_NE(reading.find(detail_line(1, "MIG Mode", "")), std::string::npos);
}

TEST(Lines, EveryDetailSourceExists) {
  for (const DetailRow& row : detail_rows()) {
    const std::string source = row.source == nullptr ? "" : row.source;
    if (source.empty() || source.front() == '#') {
      continue;
    }
    const std::string name = source.front() == '?' ? source.substr(1) : source;
    bool found = false;
    found = find_property(name.c_str()) != nullptr;
    EXPECT_TRUE(found) << name;
  }
}

TEST(Lines, QueryFieldNamesAreUnique) {
  std::set<std::string> names;
  for (const QueryField& field : query_fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    if (field.alias != nullptr) {
      EXPECT_TRUE(names.insert(field.alias).second) << field.alias;
    }
  }
}

TEST(Lines, CsvHeader) {
  std::string error;
  std::string header;
  for (const QueryField& field :
       pick_fields("index, name, gpu_uuid, mig.mode.current, mig.mode.pending, gpu_bus_id, "
                   "memory.total, compute_cap",
                   &error)) {
    header += (header.empty() ? "" : ", ") + csv_header(field.name, field.unit);
  }
  const std::string reading = golden("h200_580_query.csv");
  EXPECT_EQ(header, reading.substr(0, reading.find('\n')));
  EXPECT_EQ(error, "");
}

TEST(Lines, BytesAsMibRoundUp) {
  EXPECT_EQ(mib(0), 0U);
  EXPECT_EQ(mib(1), 1U);
  EXPECT_EQ(mib(644939776), 616U);        // reserved memory of the H200
  EXPECT_EQ(mib(150754820096), 143771U);  // total memory of the H200
}

}  // namespace
}  // namespace mig::smi
