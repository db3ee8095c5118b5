// SPDX-License-Identifier: Apache-2.0
// Lines of -q that the simulated driver does not support, with a real H200's results mocked in,
// compared with the output of NVIDIA's own nvidia-smi there.
#include "smi/detail.h"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "simulated_machine.h"
#include "smi/golden.h"
#include "smi/query.h"
#include "smi/select.h"

namespace mig::hardware {
namespace {

constexpr unsigned long long kMib = 1ULL << 20U;

template <class Signature>
void put(nvml::Function<Signature>* function, typename nvml::Function<Signature>::Pointer answer) {
  *function = nvml::Function<Signature>(answer);
}

nvml::Functions answers_of_an_h200(const nvml::Functions& simulated) {
  nvml::Functions nvml = simulated;
  put(&nvml.nvmlDeviceGetRemappedRows_v2,
      [](nvmlDevice_t, nvmlRemappedRowsInfo_v2_t*) { return NVML_SUCCESS; });
  put(&nvml.nvmlDeviceGetUnrepairableMemoryFlag_v1,
      [](nvmlDevice_t, nvmlUnrepairableMemoryStatus_v1_t*) { return NVML_SUCCESS; });
  put(&nvml.nvmlDeviceGetConfComputeProtectedMemoryUsage,
      [](nvmlDevice_t, nvmlMemory_t*) { return NVML_SUCCESS; });
  put(&nvml.nvmlDeviceGetCapabilities, [](nvmlDevice_t, nvmlDeviceCapabilities_v1_t* capabilities) {
    return capabilities->version == nvmlDeviceCapabilities_v1
               ? NVML_SUCCESS
               : NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
  });
  put(&nvml.nvmlDeviceGetRowRemapperHistogram,
      [](nvmlDevice_t, nvmlRowRemapperHistogramValues_t* banks) {
        banks->max = 3072;
        return NVML_SUCCESS;
      });
  put(&nvml.nvmlDeviceGetBAR1MemoryInfo, [](nvmlDevice_t, nvmlBAR1Memory_t* memory) {
    const unsigned long long total = 262144 * kMib;
    const unsigned long long used = kMib + kMib / 3;
    *memory = {total, total - used, used};
    return NVML_SUCCESS;
  });
  return nvml;
}

class Detail : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(box_.created());
    auto session = nvml::Session::open(MIG_SIM_NVML_LIBRARY);
    ASSERT_TRUE(session) << session.error().text();
    session_ = std::move(*session);
    nvml_ = answers_of_an_h200(session_->nvml());
  }

  std::string detail(const char* section) {
    char* text = nullptr;
    std::size_t size = 0;
    const smi::Run run{*session_, nvml_, open_memstream(&text, &size), stderr};
    int exit = 0;
    const std::string sections = section;
    smi::show_detail(run,
                     smi::select_gpus(run, "", smi::Unmatched::kRefuse, &exit),
                     sections.empty() ? nullptr : &sections);
    std::fclose(run.out);
    std::string out(text, size);
    std::free(text);
    return out;
  }

  // The text from `first` up to `behind`.
  static std::string part(const std::string& text,
                          const std::string& first,
                          const std::string& behind) {
    const std::size_t begin = text.find(first);
    return begin == std::string::npos ? "no " + first
                                      : text.substr(begin, text.find(behind, begin) - begin);
  }

  SimulatedMachine box_{"1x h200-141gb"};
  std::unique_ptr<nvml::Session> session_;
  nvml::Functions nvml_;
};

TEST_F(Detail, LinesOfTheReading) {
  const std::string reading = smi::golden("h200_580_q.txt");
  const std::string all = detail("");
  for (const auto& [first, behind] : {std::pair("    BAR1 Memory Usage", "    Compute Mode"),
                                      {"        Unrepairable Memory", "    Retired Pages"},
                                      {"    Remapped Rows", "    Temperature"},
                                      {"    Capabilities", "\n\n"}}) {
    EXPECT_EQ(part(all, first, behind), part(reading, first, behind));
  }
}

// Other values, so that the lines above are not constants.
TEST_F(Detail, LinesFollowTheDriver) {
  put(&nvml_.nvmlDeviceGetRemappedRows_v2, [](nvmlDevice_t, nvmlRemappedRowsInfo_v2_t* rows) {
    *rows = {1, 2, 3, 4, 0, 0};
    return NVML_SUCCESS;
  });
  put(&nvml_.nvmlDeviceGetUnrepairableMemoryFlag_v1,
      [](nvmlDevice_t, nvmlUnrepairableMemoryStatus_v1_t* status) {
        status->bUnrepairableMemory = 1;
        return NVML_SUCCESS;
      });
  put(&nvml_.nvmlDeviceGetConfComputeProtectedMemoryUsage, [](nvmlDevice_t, nvmlMemory_t* memory) {
    *memory = {30 * kMib, 20 * kMib, 10 * kMib};
    return NVML_SUCCESS;
  });
  const auto has = [this](
                       const char* section, unsigned depth, const char* label, const char* value) {
    return detail(section).find(smi::detail_line(depth, label, value)) != std::string::npos;
  };
  EXPECT_TRUE(has("ROW_REMAPPER", 2, "Inactive Correctable Error", "2"));
  EXPECT_TRUE(has("ROW_REMAPPER", 2, "Inactive Uncorrectable Error", "4"));
  EXPECT_TRUE(has("ECC", 2, "Unrepairable Memory", "Yes"));
  EXPECT_TRUE(has("MEMORY", 2, "Total", "30 MiB"));
  EXPECT_TRUE(has("MEMORY", 2, "Used", "10 MiB"));
  EXPECT_TRUE(has("MEMORY", 2, "Free", "20 MiB"));
}

TEST_F(Detail, FabricInCsv) {
  const smi::Run run{*session_, nvml_, stdout, stderr};
  int exit = 0;
  const std::vector<smi::Gpu> gpus = smi::select_gpus(run, "", smi::Unmatched::kRefuse, &exit);
  std::string error;
  const auto state = smi::pick_fields("fabric.state", &error).at(0).read;
  EXPECT_EQ(state(run, gpus.at(0)).text, "N/A");
  put(&nvml_.nvmlDeviceGetGpuFabricInfoV, [](nvmlDevice_t, nvmlGpuFabricInfo_v3_t* info) {
    info->state = NVML_GPU_FABRIC_STATE_IN_PROGRESS;
    return NVML_SUCCESS;
  });
  EXPECT_EQ(state(run, gpus.at(0)).text, "In Progress");
}

}  // namespace
}  // namespace mig::hardware
