// SPDX-License-Identifier: Apache-2.0
// Random states of a GPU and random wishes for it, once as the brute force reads them and once as
// the planner does.
#ifndef MIGCTL_TESTS_PROPERTY_RANDOM_CASE_H_
#define MIGCTL_TESTS_PROPERTY_RANDOM_CASE_H_

#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "mig/inventory.h"
#include "mig/layout.h"

#include "brute_force.h"

namespace mig::property {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  // 0 .. limit - 1.
  std::size_t below(std::size_t limit) { return engine_() % limit; }

  bool chance(std::size_t percent) { return below(100) < percent; }

  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

// A number from the environment, so that one program is the quick test and the long run.
inline std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

struct RandomGpu {
  std::vector<Held> held;
  std::vector<Wish> wishes;
  Gpu gpu;  // MIG enabled, with `held` as instances; ids by index
  DesiredGpu desired;
};

RandomGpu random_gpu(Random& random, const BruteForce& brute, std::uint32_t index);

// Windows of a wish on its board: "3g.20gb@4[1c.3g.20gb@0 ...]", for messages.
std::string text_of(const BoardFacts& board, const RandomGpu& random);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_RANDOM_CASE_H_
