// SPDX-License-Identifier: Apache-2.0
// Inside of catalog/: the table that embed.cmake generates from sim/gpus/*.json.
#ifndef MIGCTL_CATALOG_BOARD_FILES_H_
#define MIGCTL_CATALOG_BOARD_FILES_H_

#include <span>
#include <string_view>

namespace mig::catalog {

struct BoardFile {
  std::string_view name;  // "h200-141gb"
  std::string_view json;
};

extern const std::span<const BoardFile> kBoardFiles;  // ascending name

}  // namespace mig::catalog

#endif  // MIGCTL_CATALOG_BOARD_FILES_H_
