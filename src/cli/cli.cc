// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.h"

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/help.h"
#include "cli/mig_parted.h"
#include "cli/parse.h"

namespace mig::cli {
namespace {

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

int run_invocation(Invocation invocation,
                   const std::string& command_line,
                   bool process_ends,
                   Output& output) {
  output.quiet(invocation.globals.quiet);
  output.no_color(invocation.globals.no_color);
  Context context(invocation.globals, output);
  context.command_line = command_line;
  context.rest = std::move(invocation.rest);
  context.rest_given = invocation.rest_given;
  context.process_ends = process_ends;
  const Result<int> code = invocation.command->run(context);
  context.tell_warnings();
  if (code) {
    return *code;
  }
  return print_error(code.error(), invocation.globals.json, context.source(), output);
}

}  // namespace

int run_cli(const std::vector<std::string>& argv, Output& output, bool process_ends) {
  std::vector<std::string> args(argv.empty() ? argv.begin() : argv.begin() + 1, argv.end());
  if (!argv.empty() && base_name(argv.front()) == "nvidia-mig-parted") {
    return run_mig_parted(args, output);
  }
  if (!argv.empty() && base_name(argv.front()) == "nvidia-smi") {
    args.insert(args.begin(), "smi");
  }
  if (!argv.empty() && base_name(argv.front()) == "migd") {
    args.insert(args.begin(), "serve");
  }
  Globals globals;
  auto invocation = parse_command_line(args, globals);
  if (!invocation) {
    return print_error(invocation.error(), globals.json, std::nullopt, output);
  }
  if (invocation->help) {
    output.result(invocation->command ? command_help(*invocation->command) : overview());
    return 0;
  }
  if (invocation->version) {
    invocation->command = make_command("version");
    invocation->globals = globals;
  }
  if (!invocation->command) {
    output.result(overview());
    return 0;
  }
  return run_invocation(*std::move(invocation), base::join(args, " "), process_ends, output);
}

}  // namespace mig::cli
