// SPDX-License-Identifier: Apache-2.0
// Hours of watching a machine whose layout, tenants and processes change all the time: what is kept
// has bounds, and memory is flat.
#include <string>

#include <gtest/gtest.h>
#include <malloc.h>

#include "top/frame.h"
#include "top/test_sample.h"

namespace mig::top {
namespace {

// Bytes in use of the heap.
std::size_t heap_bytes() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

MachineSample changing(int second) {
  MachineSample sample = testing::machine(testing::kNoon + std::int64_t{second} * 1000);
  GpuSample& gpu = sample.gpus[0];
  gpu.instances[0].generation = static_cast<std::uint64_t>(second);
  gpu.instances[0].compute_instances[0].uses[0].lease = second;
  gpu.instances[0].compute_instances[0].uses[0].tenant = "tenant-" + std::to_string(second);
  gpu.processes[0].pid = 10'000 + static_cast<std::uint32_t>(second);
  gpu.xids[0].count = static_cast<std::uint64_t>(second);
  sample.gpus[1].instances[0].activity.sm = second % 100 / 100.0;
  return sample;
}

TEST(Growth, TwentyThousandFramesKeepNoMore) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer's allocator does not tell what is in use";
#endif
  constexpr int kWarm = 5000;  // until every bound is reached: 4096 tenants
  constexpr int kFrames = 20'000;
  Content content;
  View view;
  std::size_t warm = 0;
  std::size_t most = 0;
  for (int second = 0; second < kWarm + kFrames; ++second) {
    content.note(changing(second), testing::kNoon + std::int64_t{second} * 1000);
    if (second >= kWarm || second % 100 == 0) {
      view.page = static_cast<Page>(second % 3);
      view.menu = static_cast<Menu>(second % 7);
      const Frame frame = draw({80, 24}, content, view);
      ASSERT_EQ(frame.grid.height(), 24);
    }
    if (second == kWarm) {
      warm = heap_bytes();
    }
    if (second > kWarm) {
      most = std::max(most, heap_bytes());
    }
  }
  EXPECT_EQ(content.history.size(), 7U);
  EXPECT_LE(content.events.events().size(), EventLog::kMost);
  constexpr std::size_t kSlack = 64U << 10U;  // lengths of texts
  EXPECT_LE(most, warm + kSlack);
}

}  // namespace
}  // namespace mig::top
