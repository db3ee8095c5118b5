// SPDX-License-Identifier: Apache-2.0
// Test data: what the page of expose/ has beside the sample (model/testing/test_sample.h).
#ifndef MIGCTL_EXPOSE_TEST_FIGURES_H_
#define MIGCTL_EXPOSE_TEST_FIGURES_H_

#include "expose/render.h"

namespace mig::expose {

inline NodeFigures test_figures() {
  NodeFigures figures;
  figures.changes = {{ChangeState::kApplied, 12}, {ChangeState::kRolledBack, 1}};
  figures.last_change_seconds = 3.25;
  figures.waiting = {{"team-a", "3g.71gb", 2, 1'789'999'880'000}};
  figures.hpc_jobs = {{{GpuIndex{0}, GpuInstanceId{2}}, {"88123", "88124"}}};
  figures.version = "0.1.0";
  return figures;
}

}  // namespace mig::expose

#endif  // MIGCTL_EXPOSE_TEST_FIGURES_H_
