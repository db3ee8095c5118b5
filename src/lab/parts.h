// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: the exercises, one function each, in the lab's order. Each leaves the machine as
// the next one begins. Threading: one thread.
#ifndef MIGCTL_LAB_PARTS_H_
#define MIGCTL_LAB_PARTS_H_

#include "lab/chapter.h"

namespace mig::lab {

void enable_mode(Chapter& chapter);       // 1.1
void explore_profiles(Chapter& chapter);  // 1.2
void uniform_layout(Chapter& chapter);    // 2.1
void mixed_layout(Chapter& chapter);      // 2.2
void select_instance(Chapter& chapter);   // 2.3
void concurrent_jobs(Chapter& chapter);   // 3.1
void fault_isolation(Chapter& chapter);   // 3.2
void containers(Chapter& chapter);        // 4.1
void compose_services(Chapter& chapter);  // 4.2
void watch_instances(Chapter& chapter);   // 5.1
void export_metrics(Chapter& chapter);    // 5.2
void right_sizes(Chapter& chapter);       // 6.1
void clean_up(Chapter& chapter);          // 6.2

void kubernetes(Chapter& chapter);           // bonus 1
void reconfigure(Chapter& chapter);          // bonus 2
void cost_analysis(Chapter& chapter);        // bonus 3
void advanced_monitoring(Chapter& chapter);  // bonus 4
void troubleshooting(Chapter& chapter);

// Deliverables 2 to 4: from what the exercises found.
void performance_analysis(Chapter& chapter);
void best_practices(Chapter& chapter);
void use_cases(Chapter& chapter);

// Makes the layout that an exercise begins with; false, and a failed check, when it cannot.
bool set_layout(Chapter& chapter, Start start);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_PARTS_H_
