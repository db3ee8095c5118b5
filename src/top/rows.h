// SPDX-License-Identifier: Apache-2.0
// Rows of the two lists, in their order: used by the frame and by the keys alike. The rows point
// into the sample, and live no longer. Threading: pure functions.
#ifndef MIGCTL_TOP_ROWS_H_
#define MIGCTL_TOP_ROWS_H_

#include <string>
#include <vector>

#include "top/view.h"

namespace mig::top {

struct MachineRow {
  const GpuSample* gpu = nullptr;
  const GpuInstanceSample* instance = nullptr;     // nullptr: the GPU itself
  const ComputeInstanceSample* compute = nullptr;  // nullptr: not a row of a compute instance
  MachineKey key;
};

// GPUs by index, below each its instances by placement; compute instances where there are several.
std::vector<MachineRow> machine_rows(const MachineSample& sample);

struct ProcessRow {
  const GpuSample* gpu = nullptr;
  const ProcessSample* process = nullptr;
  ProcessKey key;
  int depth = 0;  // in the tree
};

// Processes of the selected row (all: none selected) that the filter keeps, sorted; in the tree
// below their nearest ancestor of the list.
std::vector<ProcessRow> process_rows(const Content& content, const View& view);

// Processes before the filter.
std::size_t process_count(const Content& content, const View& view);

// Index of the selected row; -1: none, or gone.
int selected_index(const std::vector<MachineRow>& rows, const View& view);
int selected_index(const std::vector<ProcessRow>& rows, const View& view);

// Text of a row that the filter searches, in lower case.
std::string searched_text(const Content& content, const ProcessRow& row);

}  // namespace mig::top

#endif  // MIGCTL_TOP_ROWS_H_
