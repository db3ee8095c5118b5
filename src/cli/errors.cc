// SPDX-License-Identifier: Apache-2.0
#include "cli/errors.h"

#include "service/driver_code.h"

namespace mig::cli {

std::string error_text(const Error& error, const Paint& paint) {
  std::string text = "migctl: " + paint(Style::kRed, "error:") + " " + error.text() + "\n";
  if (!error.hint.empty()) {
    text += paint(Style::kBold, "hint:") + " " + error.hint + "\n";
  }
  return text;
}

int print_error(const Error& error,
                bool json,
                const std::optional<wire::Source>& source,
                Output& output) {
  if (json) {
    output.result(wire::error_document(error, service::nvml_name(error), source));
  } else {
    output.message(error_text(error, output.err_paint()));
  }
  return error_info(error.code).exit_code;
}

int end_of_looking(const Inventory& inventory, Output& output) {
  const auto whole = inventory.none_lost();
  if (whole) {
    return 0;
  }
  output.message(error_text(whole.error(), output.err_paint()));
  return error_info(whole.error().code).exit_code;
}

}  // namespace mig::cli
