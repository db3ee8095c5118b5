// SPDX-License-Identifier: Apache-2.0
// Test data: the samples that tests and benchmarks of the higher rooms show, write, read and
// answer with. Made by hand, so that each reading is present somewhere and absent elsewhere.
#ifndef MIGCTL_MODEL_TESTING_TEST_SAMPLE_H_
#define MIGCTL_MODEL_TESTING_TEST_SAMPLE_H_

#include <cstdint>

#include "model/sample.h"

namespace mig {

// GPU 0: an H200 in MIG mode with a leased 3g of two compute instances, an idle 1g, and a GPU
// instance without compute instance. GPU 1: an A100 without MIG.
MachineSample test_sample();

// `gpus` GPUs of seven busy 1g instances each, each with a lease and a process.
MachineSample large_sample(std::uint32_t gpus);

}  // namespace mig

#endif  // MIGCTL_MODEL_TESTING_TEST_SAMPLE_H_
