// SPDX-License-Identifier: Apache-2.0
// Random states of a GPU and random desired layouts, in the oracle's and in the planner's
// representation.
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

  // Uniform in 0 .. limit - 1.
  std::size_t below(std::size_t limit) { return engine_() % limit; }

  bool chance(std::size_t percent) { return below(100) < percent; }

  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

// A number from an environment variable, so that one program serves as quick test and long run.
inline std::uint64_t number_from(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

struct RandomGpu {
  std::vector<Held> held;
  std::vector<Wish> wishes;
  Gpu gpu;  // MIG enabled, instances as in `held`; ids by index
  DesiredGpu desired;
};

RandomGpu random_gpu(Random& random, const BruteForce& brute, std::uint32_t index);

// A case for messages: "3g.20gb@4[1c.3g.20gb@0 ...]".
std::string text_of(const BoardFacts& board, const RandomGpu& random);

}  // namespace mig::property

#endif  // MIGCTL_TESTS_PROPERTY_RANDOM_CASE_H_
