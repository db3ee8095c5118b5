// SPDX-License-Identifier: Apache-2.0
// Slurm's own files as text: slurm.conf, gres.conf, cgroup.conf. Read as Slurm reads them (keys in
// either case, continued lines, comments, quotes), and changed so that every byte that is not meant
// stays. Threading: pure functions.
//
//   const auto lines = slurm::conf_lines(text);
//   MIG_ASSIGN_OR_RETURN(const ConfLine line, slurm::node_line(text, "slurm.conf", "gpu01"));
//   text = slurm::with_gres(text, line, "gpu:1g.18gb:2");
#ifndef MIGCTL_SLURM_CONF_H_
#define MIGCTL_SLURM_CONF_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "model/slurm_values.h"

namespace mig::slurm {

struct ConfPair {
  std::string key;        // lower case
  std::string value;      // without quotes
  std::size_t begin = 0;  // of the value in the text, quotes included
  std::size_t end = 0;
  std::size_t key_begin = 0;
};

// A line with its continuations. An Include line has the one pair "include".
struct ConfLine {
  std::size_t number = 0;          // 1-based, of its first
  std::size_t begin = 0, end = 0;  // in the text, with the last newline
  std::vector<ConfPair> pairs;

  const ConfPair* find(std::string_view key) const;  // lower case; nullptr = none
};

// Lines that say something, comments left out.
std::vector<ConfLine> conf_lines(std::string_view text);

// Last value of a key that stands alone ("TaskProlog"); "" = none.
std::string value_of(std::string_view text, std::string_view key);

// The line NodeName=`node`. kNotFound when there is none; kConflict when only a line for several
// nodes ("gpu[01-04]") may be meant, since what is said of one of them would hold for all.
Result<ConfLine> node_line(std::string_view text, const std::string& file, const std::string& node);

// True when a NodeName expression may mean that node.
bool may_name(std::string_view expression, std::string_view node);

// The text with the GPUs of the node's line replaced: "gpu:..." items of its Gres, others stay.
// "" = none.
std::string with_gres(std::string_view text, const ConfLine& line, const std::string& gres);

// "gpu:..." items of a Gres value: sockets in brackets are left out.
std::string gpus_of(std::string_view gres);

// Our part of gres.conf for a node: between two comments.
std::string block_begin(const std::string& node);
std::string block_end(const std::string& node);

// nullopt = none; kInvalidInput for a beginning without an end, or a second one.
Result<std::optional<std::string>> block_of(std::string_view text,
                                            const std::string& file,
                                            const std::string& node);
// The text with our part replaced, or added at its end.
Result<std::string> with_block(std::string_view text,
                               const std::string& file,
                               const std::string& node,
                               const std::string& block);

// Lines about GPUs of the node outside of our part, which Slurm would count too.
std::vector<ConfLine> foreign_lines(std::string_view text, const std::string& node);

// What our part says: devices in its order. kInvalidInput for lines that are not as we write them.
Result<std::vector<Device>> devices_in(const std::string& block, const std::string& file);

}  // namespace mig::slurm

#endif  // MIGCTL_SLURM_CONF_H_
