// SPDX-License-Identifier: Apache-2.0
// A sub-command: declares its options, then runs once in a Context. One file each: parse, call one
// service function, print.
#ifndef MIGCTL_CLI_COMMAND_H_
#define MIGCTL_CLI_COMMAND_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mig/inventory.h"
#include "mig/result.h"

#include "cli/options.h"
#include "cli/output.h"
#include "wire/machine.h"
#include "wire/wire.h"

namespace mig::node {
struct Versions;
class Node;  // node/node.h: only commands that use it include it
struct DriverChoice;
}  // namespace mig::node

namespace mig::cli {

struct Globals {
  bool json = false;
  bool quiet = false;
  bool no_color = false;
  bool verbose = false;
  bool direct = false;
  std::string nvml_library;
  std::string simulated;

  void declare(Options& options);
};

// Environment of a command. Owns the driver session, opened on demand.
class Context {
 public:
  Context(Globals globals, Output& output);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  Context(Context&&) = delete;
  Context& operator=(Context&&) = delete;

  const Globals& globals() const { return globals_; }

  Output& output() const { return *output_; }

  Result<node::Node*> node();

  // For commands that only read, called before node(): permits a warm reading through a running
  // daemon. `part` is the part of the machine that the command prints.
  void only_looks(wire::MachinePart part) { looks_at_ = part; }

  // As node(), but never falls back to a simulated machine: for unattended use.
  Result<node::Node*> unattended();
  // As node(), for commands that read the machine or its records: warns once of an interrupted
  // change.
  Result<node::Node*> machine();
  // A reading of the machine, shared by the whole command (node/age.h).
  Result<Inventory> inventory();
  // Node::inventory_to_show(); and the versions, for which no GPU is read.
  Result<Inventory> inventory_to_show(bool idle_profiles);
  Result<node::Versions> versions();

  // At the end of the command: prints errors of after-change listeners.
  void tell_warnings();

  // Known after the driver was opened.
  const std::optional<wire::Source>& source() const { return source_; }

  // For commands that read no machine.
  void set_source(wire::Source source) { source_ = std::move(source); }

  wire::Source source_or_default() const { return source_.value_or(wire::Source{}); }

  // Command line without the program, for history: "apply -f layouts.yaml".
  std::string command_line;

  // Words after `--` (run), or after `sim` and `smi`.
  std::vector<std::string> rest;
  bool rest_given = false;

  // The process exits after the command: the driver need not be closed.
  bool process_ends = false;

 private:
  Result<node::Node*> node(const node::DriverChoice& choice);
  void prepare_node();
  void warn_of_interruption(node::Node& node);
  template <class T>
  Result<T> looked(const node::Node& opened, Result<T> answer);

  Globals globals_;
  Output* output_;
  std::unique_ptr<node::Node> node_;
  std::optional<wire::Source> source_;
  std::optional<wire::MachinePart> looks_at_;
  bool told_of_interruption_ = false;
};

struct CommandText {
  std::string name;
  std::string purpose;                // one line
  std::string details;                // paragraphs; "" = none
  std::vector<std::string> examples;  // command lines without "migctl "
  std::vector<ErrorCode> exit_codes;  // in addition to 0 and usage
};

class Command {
 public:
  virtual ~Command() = default;
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
  Command(Command&&) = delete;
  Command& operator=(Command&&) = delete;

  virtual CommandText text() const = 0;

  virtual void declare(Options& /*options*/) {}

  // Candidates for the first word after the command's name, for completion.
  virtual std::vector<std::string> first_words() const { return {}; }

  // True for commands that take `-- CMD...`.
  virtual bool takes_rest() const { return false; }

  // A word that has to follow the command's name: "run" of `podman run`; "" = none.
  virtual std::string verb() const { return ""; }

  // True for commands that parse their own arguments (sim, smi).
  virtual bool passes_through() const { return false; }

  // Returns the exit code, or an Error that main prints.
  virtual Result<int> run(Context& context) = 0;

 protected:
  Command() = default;
};

}  // namespace mig::cli

#endif  // MIGCTL_CLI_COMMAND_H_
