// SPDX-License-Identifier: Apache-2.0
// This program once more, as a process of its own: for what a daemon must not do with its own
// rights or in its own time. Its output goes to memory, at most kMostOutput of it; nothing here
// waits.
//
//   MIG_ASSIGN_OR_RETURN(auto command, service::OwnCommand::start({"jobs", "--json"}, {}));
//   server.when_readable(*command.end(), [...] { const auto done = command.result(); });
//
// Threading: each object belongs to one thread.
#ifndef MIGCTL_SERVICE_OWN_COMMAND_H_
#define MIGCTL_SERVICE_OWN_COMMAND_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "mig/result.h"

#include "base/fd.h"

namespace mig::service {

class OwnCommand {
 public:
  static constexpr std::size_t kMostOutput = 1U << 20U;

  // Starts /proc/self/exe with these words and additional variables, standard output and error in
  // one text.
  static Result<OwnCommand> start(
      const std::vector<std::string>& words,
      const std::vector<std::pair<std::string, std::string>>& variables);
  OwnCommand(OwnCommand&&) = default;
  OwnCommand& operator=(OwnCommand&&) = default;
  OwnCommand(const OwnCommand&) = delete;
  OwnCommand& operator=(const OwnCommand&) = delete;
  ~OwnCommand() = default;

  // A descriptor that becomes readable when the process has ended.
  Result<base::Fd> end() const;
  void kill() const;

  struct Done {
    int exit_code = 0;  // 128 + signal where one ended it
    std::string output;
    bool cut = false;  // there was more
  };

  // Once, after its end.
  Result<Done> result() const;

 private:
  OwnCommand(base::Fd process, base::Fd output)
      : process_(std::move(process)), output_(std::move(output)) {}

  base::Fd process_, output_;
};

}  // namespace mig::service

#endif  // MIGCTL_SERVICE_OWN_COMMAND_H_
