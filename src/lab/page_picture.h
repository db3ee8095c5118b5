// SPDX-License-Identifier: Apache-2.0
// Inside of lab/: a picture of a daemon's page, as a headless Chromium draws it. Threading: one
// thread, and one of its own while the picture is taken.
#ifndef MIGCTL_LAB_PAGE_PICTURE_H_
#define MIGCTL_LAB_PAGE_PICTURE_H_

#include <string>

#include "mig/result.h"

#include "lab/terminal.h"

namespace mig::lab {

// Bytes of a PNG. A browser knows no unix sockets, so for these seconds a port of 127.0.0.1 leads
// to `socket`, as `ssh -L` does: everybody on the host could reach that daemon by it, which is why
// this is for daemons of private simulated machines only. `folder`: for the browser's files.
//
// kNotFound: no browser; kIo: it drew nothing.
Result<std::string> picture_of_page(const Terminal& terminal,
                                    const std::string& socket,
                                    const std::string& folder);

}  // namespace mig::lab

#endif  // MIGCTL_LAB_PAGE_PICTURE_H_
