// SPDX-License-Identifier: Apache-2.0
// The check that a container's runtime makes for us directly before the container starts: an engine
// may have read the CDI file before a change, and start the container after it.
//
// Threading: functions of their arguments and of the file.
#ifndef MIGCTL_CDI_START_CHECK_H_
#define MIGCTL_CDI_START_CHECK_H_

#include <string>

#include "mig/result.h"

#include "cdi/spec.h"

namespace mig::cdi {

// The hook of a device: `program` cdi hook FILE NAME NUMBERS.
Hook start_check(const std::string& program, const std::string& file, const Device& device);

// Takes the container's state, which a runtime writes to its hook's standard input, to its end, and
// forgets it: crun before 1.17 fails the start with EPIPE where a hook has ended by then. Another
// thing than a pipe or a socket is left alone; a runtime that does not close it is waited for 10 s.
void take_state(int standard_input);

// What the hook does. kConflict when the file, as it is now, does not have the device with these
// nodes ("195:0,241:12"): it was withdrawn, or means another instance.
Result<void> check_start(const std::string& file,
                         const std::string& name,
                         const std::string& numbers);

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_START_CHECK_H_
