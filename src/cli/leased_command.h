// SPDX-License-Identifier: Apache-2.0
// Inside of cli/: commands that run a job on leased instances: `run`, `docker run`, `podman run`.
#ifndef MIGCTL_CLI_LEASED_COMMAND_H_
#define MIGCTL_CLI_LEASED_COMMAND_H_

#include <cstdint>

#include "mig/result.h"

#include "cli/command.h"
#include "cli/run_options.h"
#include "client/leased_run.h"
#include "service/run_job.h"
#include "wire/wire.h"

namespace mig::cli {

class Detached;

class LeasedCommand : public Command {
 public:
  void declare(Options& options) override { options_.declare(options); }

  bool takes_rest() const override { return true; }

 protected:
  explicit LeasedCommand(RunOptions::Job job) : options_(job) {}

  const RunOptions& options() const { return options_; }

  // Runs the job, here or in the background; its exit code.
  Result<int> start(Context& context, service::RunRequest& request);

 private:
  Result<int> run_here(Context& context, service::RunRequest& request, Detached* detached);
  void tell(Context& context, service::RunRequest& request) const;
  // With a lease the instances are chosen by the lease store.
  Result<void> find_places(Context& context, node::Node& node, Need& selection) const;
  wire::Source source(const Context& context) const;
  // stdout belongs to the command: with --json the result goes to stderr, after its end.
  void report(Context& context, const service::RunResult& result) const;

  RunOptions options_;
  client::RunLeaseOptions lease_;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_LEASED_COMMAND_H_
