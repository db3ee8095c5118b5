// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "base/strings.h"
#include "cli/commands.h"
#include "cli/completion.h"

namespace mig::cli {
namespace {

class Completion final : public Command {
 public:
  CommandText text() const override {
    return {"completion",
            "Print the completion script for a shell.",
            "bash: source <(migctl completion bash)\n"
            "zsh: source <(migctl completion zsh), after compinit\n"
            "fish: migctl completion fish | source",
            {"completion bash > /etc/bash_completion.d/migctl"},
            {}};
  }

  void declare(Options& options) override {
    options.positional({"bash|zsh|fish", "", "which shell"}, words_, true);
  }

  std::vector<std::string> first_words() const override { return {"bash", "zsh", "fish"}; }

  Result<int> run(Context& context) override {
    const std::string shell = base::join(words_, " ");
    if (shell == "bash") {
      context.output().result(bash_completion());
    } else if (shell == "zsh") {
      context.output().result(zsh_completion());
    } else if (shell == "fish") {
      context.output().result(fish_completion());
    } else {
      return fail(ErrorCode::kUsage,
                  fmt::format("completion: {} is none of bash, zsh, fish", base::quoted(shell)));
    }
    return 0;
  }

 private:
  std::vector<std::string> words_;
};

}  // namespace

std::unique_ptr<Command> make_completion() {
  return std::make_unique<Completion>();
}

}  // namespace mig::cli
