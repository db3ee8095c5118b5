// SPDX-License-Identifier: Apache-2.0
// Writes which instance each service of a Compose project gets: a whole file, or a file beside the
// user's own that overrides the devices of its services and leaves the user's untouched.
//
//   render({.files = {file}}, machine);                      // by x-migctl of each service
//   render({.wants = {{"train", wish}}, .image = "train"}, machine);
//
// Threading: pure functions. Errors: as assign() (compose/wishes.h); kUsage for a whole file
// without an image; kInvalidInput for a service whose devices cannot be replaced.
#ifndef MIGCTL_COMPOSE_RENDER_H_
#define MIGCTL_COMPOSE_RENDER_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/layout.h"
#include "mig/result.h"

#include "compose/machine.h"
#include "config/compose_file.h"
#include "model/compose_values.h"

namespace mig::compose {

enum class Form {
  kDevices,  // devices: ["nvidia.com/gpu=NAME"]
  kCdi,      // deploy.resources.reservations.devices, driver: cdi
  kNvidia,   // the same with driver: nvidia, which knows UUIDs but no names that last
};

std::optional<Form> form_named(const std::string& name);  // "devices", "cdi", "nvidia"

struct RenderRequest {
  std::vector<config::ComposeFile> files;  // empty: a whole file is written
  // By service; "" = every service that asks for a GPU and does not say for which.
  std::vector<std::pair<std::string, config::ComposeWish>> wants;
  std::string image;  // of a whole file's services
  Form form = Form::kDevices;
  bool uuids = false;                   // UUIDs, though there are names that last
  std::optional<DesiredLayout> layout;  // instances that will be, instead of those that are
};

Result<ComposeRendered> render(const RenderRequest& request, const Machine& machine);

}  // namespace mig::compose

#endif  // MIGCTL_COMPOSE_RENDER_H_
