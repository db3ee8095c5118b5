// SPDX-License-Identifier: Apache-2.0
#include "lab/terminal.h"

#include <string_view>

#include <fmt/format.h>

#include "base/find_program.h"
#include "base/strings.h"

namespace mig::lab {
namespace {

constexpr std::size_t kMostPrinted = std::size_t{8} << 20U;

// As a shell would need it.
std::string word_text(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./,:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return text + "'";
}

}  // namespace

report::Transcript Ran::transcript() const {
  report::Transcript shown;
  shown.command = typed;
  shown.exit_code = exit_code;
  shown.printed = printed;
  shown.duration_ms = ms;
  shown.note = note;
  return shown;
}

std::string Terminal::path_of(const std::string& program) const {
  if (const auto known = setting_.programs.find(program); known != setting_.programs.end()) {
    return known->second;
  }
  return base::find_program(program);
}

bool Terminal::has(const std::string& program) const {
  return !path_of(program).empty();
}

std::vector<std::string> Terminal::full(const std::vector<std::string>& words) const {
  std::vector<std::string> all = words;
  const bool names_machine = words.size() > 1 && words[1] == "sim";
  if (all.front() == "migctl" && !setting_.machine.empty() && !names_machine) {
    all.insert(all.begin() + 1, {"--sim", setting_.machine});
  }
  return all;
}

std::string Terminal::typed(const std::vector<std::string>& words, const Ways& ways) const {
  std::string text;
  for (const auto& [name, value] : ways.environment) {
    text += name + "=" + word_text(value) + " ";
  }
  std::vector<std::string> quoted;
  for (const std::string& word : full(words)) {
    quoted.push_back(word_text(word));
  }
  return text + base::join(quoted, " ");
}

Result<launch::Worker> Terminal::start(const std::vector<std::string>& words,
                                       const Ways& ways) const {
  launch::WorkerRequest request;
  request.argv = full(words);
  request.argv.front() = path_of(words.front());
  if (request.argv.front().empty()) {
    return fail(ErrorCode::kNotFound, words.front() + ": command not found");
  }
  request.environment = setting_.environment;
  request.environment.insert(
      request.environment.end(), ways.environment.begin(), ways.environment.end());
  request.unset = setting_.unset;
  request.one_text = !ways.only_output;
  request.most_output = kMostPrinted;
  return launch::Worker::start(request);
}

Ran Terminal::run(const std::vector<std::string>& words, const Ways& ways) const {
  Ran ran;
  ran.typed = typed(words, ways);
  const auto begin = std::chrono::steady_clock::now();
  auto worker = start(words, ways);
  if (!worker) {
    ran.exit_code = worker.error().code == ErrorCode::kPermission ? 126 : 127;
    ran.printed = worker.error().message + "\n";
    return ran;
  }
  if (!worker->wait(ways.patience, ways.to_the_end ? nullptr : setting_.stop)) {
    ran.note =
        stopped() ? "interrupted" : fmt::format("stopped after {} s", ways.patience.count() / 1000);
    worker->stop(kToEnd);
  }
  ran.exit_code = worker->exit_code();
  ran.printed = worker->output();
  if (ways.only_output && ran.exit_code != 0) {
    ran.printed += worker->errors();
  }
  ran.ms = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begin)
               .count();
  return ran;
}

}  // namespace mig::lab
