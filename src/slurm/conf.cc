// SPDX-License-Identifier: Apache-2.0
#include "slurm/conf.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "base/strings.h"

namespace mig::slurm {
namespace {

bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

// One logical line from `at`: its bytes with comment and continuations as blanks, so that offsets
// stay.
struct Raw {
  std::string text;
  std::size_t begin = 0, end = 0, newlines = 0;
};

Raw raw_line(std::string_view text, std::size_t at) {
  Raw raw;
  raw.begin = at;
  bool comment = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\n') {
      ++raw.newlines;
      const bool goes_on = !comment && !raw.text.empty() && raw.text.back() == '\\';
      if (!goes_on) {
        ++at;
        break;
      }
      raw.text.back() = ' ';
      raw.text += ' ';
      continue;
    }
    comment = comment || (c == '#' && (raw.text.empty() || raw.text.back() != '\\'));
    raw.text += comment ? ' ' : c;
  }
  raw.end = at;
  return raw;
}

std::size_t skip_blanks(const std::string& text, std::size_t at) {
  while (at < text.size() && blank(text[at])) {
    ++at;
  }
  return at;
}

// End of a value, which may be quoted.
std::size_t value_end(const std::string& text, std::size_t at) {
  if (at < text.size() && text[at] == '"') {
    const std::size_t quote = text.find('"', at + 1);
    return quote == std::string::npos ? text.size() : quote + 1;
  }
  while (at < text.size() && !blank(text[at])) {
    ++at;
  }
  return at;
}

std::string unquoted(const std::string& text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"'
             ? text.substr(1, text.size() - 2)
             : text;
}

std::optional<ConfPair> include_pair(const Raw& raw, std::size_t at) {
  constexpr std::string_view kInclude = "include";
  const std::string word = base::lower(std::string_view(raw.text).substr(at, kInclude.size()));
  const std::size_t after = at + kInclude.size();
  if (word != kInclude || after >= raw.text.size() || !blank(raw.text[after])) {
    return std::nullopt;
  }
  const std::size_t value = skip_blanks(raw.text, after);
  const std::size_t end = value_end(raw.text, value);
  return ConfPair{std::string(kInclude),
                  unquoted(raw.text.substr(value, end - value)),
                  raw.begin + value,
                  raw.begin + end,
                  raw.begin + at};
}

std::vector<ConfPair> pairs_of(const Raw& raw) {
  std::vector<ConfPair> pairs;
  std::size_t at = skip_blanks(raw.text, 0);
  if (auto include = include_pair(raw, at)) {
    return {std::move(*include)};
  }
  while (at < raw.text.size()) {
    std::size_t key_end = at;
    while (key_end < raw.text.size() && raw.text[key_end] != '=' && !blank(raw.text[key_end])) {
      ++key_end;
    }
    const std::size_t equals = skip_blanks(raw.text, key_end);
    if (equals >= raw.text.size() || raw.text[equals] != '=') {
      at = std::max(equals, key_end + 1);  // a word alone: none that we know
      continue;
    }
    const std::size_t value = skip_blanks(raw.text, equals + 1);
    const std::size_t end = value_end(raw.text, value);
    pairs.push_back({base::lower(std::string_view(raw.text).substr(at, key_end - at)),
                     unquoted(raw.text.substr(value, end - value)),
                     raw.begin + value,
                     raw.begin + end,
                     raw.begin + at});
    at = skip_blanks(raw.text, std::max(end, equals + 1));
  }
  return pairs;
}

// Items of a list, with commas inside brackets and parentheses left alone.
std::vector<std::string> items_of(std::string_view list) {
  std::vector<std::string> items;
  std::string item;
  int depth = 0;
  for (const char c : list) {
    depth += c == '[' || c == '(' ? 1 : 0;
    depth -= c == ']' || c == ')' ? 1 : 0;
    if (c == ',' && depth == 0) {
      items.push_back(std::move(item));
      item.clear();
    } else {
      item += c;
    }
  }
  if (!item.empty()) {
    items.push_back(std::move(item));
  }
  return items;
}

bool is_gpu(std::string_view item) {
  const std::string name = base::lower(item.substr(0, item.find(':')));
  return name == "gpu";
}

struct Block {
  std::size_t begin = 0, end = 0;  // with both comments
};

// Where our part is; the comments stand at the beginning of a line.
Result<std::optional<Block>> find_block(std::string_view text,
                                        const std::string& file,
                                        const std::string& node) {
  const std::string first = block_begin(node) + "\n";
  const std::string last = block_end(node) + "\n";
  const auto at_line = [&](const std::string& what, std::size_t from) {
    std::size_t at = text.find(what, from);
    while (at != std::string_view::npos && at > 0 && text[at - 1] != '\n') {
      at = text.find(what, at + 1);
    }
    return at;
  };
  const std::size_t begin = at_line(first, 0);
  if (begin == std::string_view::npos) {
    return std::optional<Block>();
  }
  const std::size_t end = at_line(last, begin);
  if (end == std::string_view::npos || at_line(first, begin + 1) != std::string_view::npos) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("{}: the part that begins with \"{}\" {}",
                            file,
                            block_begin(node),
                            end == std::string_view::npos ? "has no end" : "is there twice"),
                "remove it; migctl slurm writes it anew");
  }
  return std::optional<Block>({begin, end + last.size()});
}

}  // namespace

const ConfPair* ConfLine::find(std::string_view key) const {
  const auto found = std::find_if(
      pairs.begin(), pairs.end(), [&](const ConfPair& pair) { return pair.key == key; });
  return found == pairs.end() ? nullptr : &*found;
}

std::vector<ConfLine> conf_lines(std::string_view text) {
  std::vector<ConfLine> lines;
  std::size_t number = 1;
  for (std::size_t at = 0; at < text.size();) {
    const Raw raw = raw_line(text, at);
    auto pairs = pairs_of(raw);
    if (!pairs.empty()) {
      lines.push_back({number, raw.begin, raw.end, std::move(pairs)});
    }
    number += std::max<std::size_t>(raw.newlines, 1);
    at = raw.end;
  }
  return lines;
}

std::string value_of(std::string_view text, std::string_view key) {
  std::string value;
  for (const ConfLine& line : conf_lines(text)) {
    if (const ConfPair* pair = line.find(key)) {
      value = pair->value;
    }
  }
  return value;
}

bool may_name(std::string_view expression, std::string_view node) {
  for (const std::string& item : items_of(expression)) {
    const std::size_t bracket = item.find('[');
    if (item == node ||
        (bracket != std::string::npos && node.starts_with(item.substr(0, bracket)))) {
      return true;
    }
  }
  return false;
}

Result<ConfLine> node_line(std::string_view text,
                           const std::string& file,
                           const std::string& node) {
  std::optional<ConfLine> several;
  for (ConfLine& line : conf_lines(text)) {
    const ConfPair* name = line.find("nodename");
    if (name == nullptr) {
      continue;
    }
    if (name->value == node) {
      return std::move(line);
    }
    if (!several && may_name(name->value, node)) {
      several = std::move(line);
    }
  }
  if (several) {
    return fail(
        ErrorCode::kConflict,
        fmt::format("{}:{}: the line NodeName={} describes other nodes too: instances of {} "
                    "would be counted on each",
                    file,
                    several->number,
                    several->find("nodename")->value,
                    node),
        fmt::format("give it a line of its own: NodeName={} Gres=gpu:...", node));
  }
  return fail(ErrorCode::kNotFound,
              fmt::format("{}: there is no line NodeName={}", file, node),
              "node: in /etc/migctl/slurm.yaml, or --node, says what this machine is called there");
}

std::string gpus_of(std::string_view gres) {
  std::vector<std::string> gpus;
  for (const std::string& item : items_of(gres)) {
    if (is_gpu(item)) {
      gpus.push_back(item.substr(0, item.find('(')));
    }
  }
  return base::join(gpus, ",");
}

std::string with_gres(std::string_view text, const ConfLine& line, const std::string& gres) {
  std::string out(text);
  const ConfPair* now = line.find("gres");
  if (now == nullptr) {
    const ConfPair* name = line.find("nodename");
    return gres.empty() ? out : out.insert(name->end, " Gres=" + gres);
  }
  std::vector<std::string> items;
  if (!gres.empty()) {
    items.push_back(gres);
  }
  for (std::string& item : items_of(now->value)) {
    if (!is_gpu(item)) {
      items.push_back(std::move(item));
    }
  }
  if (!items.empty()) {
    return out.replace(now->begin, now->end - now->begin, base::join(items, ","));
  }
  std::size_t from = now->key_begin;
  while (from > line.begin && blank(out[from - 1])) {
    --from;
  }
  return out.erase(from, now->end - from);
}

std::string block_begin(const std::string& node) {
  return fmt::format("# BEGIN migctl {}: written by migctl slurm, changes here are lost", node);
}

std::string block_end(const std::string& node) {
  return fmt::format("# END migctl {}", node);
}

Result<std::optional<std::string>> block_of(std::string_view text,
                                            const std::string& file,
                                            const std::string& node) {
  MIG_ASSIGN_OR_RETURN(const std::optional<Block> block, find_block(text, file, node));
  return block ? std::optional(std::string(text.substr(block->begin, block->end - block->begin)))
               : std::nullopt;
}

Result<std::string> with_block(std::string_view text,
                               const std::string& file,
                               const std::string& node,
                               const std::string& block) {
  MIG_ASSIGN_OR_RETURN(const std::optional<Block> found, find_block(text, file, node));
  std::string out(text);
  if (found) {
    return out.replace(found->begin, found->end - found->begin, block);
  }
  if (!out.empty() && out.back() != '\n') {
    out += '\n';
  }
  return out + block;
}

std::vector<ConfLine> foreign_lines(std::string_view text, const std::string& node) {
  const auto block = find_block(text, "", node);
  std::vector<ConfLine> lines;
  for (ConfLine& line : conf_lines(text)) {
    const bool ours = block && *block && line.begin >= (*block)->begin && line.end <= (*block)->end;
    const ConfPair* name = line.find("name");
    const ConfPair* nodes = line.find("nodename");
    const bool of_gpus = (name != nullptr && base::lower(name->value) == "gpu") ||
                         (name == nullptr && line.find("autodetect") != nullptr);
    if (!ours && of_gpus && (nodes == nullptr || may_name(nodes->value, node))) {
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

namespace {

// "index=0 uuid=MIG-... gpu=0 gi=3 ci=0": what our comment behind a line says.
std::optional<Device> device_of(const std::string& comment) {
  Device device;
  bool index = false;
  for (const std::string& word : base::split(comment, ' ')) {
    const std::size_t equals = word.find('=');
    const std::string key = word.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : word.substr(equals + 1);
    const auto number = base::parse_decimal(value, UINT32_MAX);
    const auto id = static_cast<std::uint32_t>(number.value_or(0));
    if (key == "uuid") {
      device.uuid = value;
    } else if (!number) {
      continue;
    } else if (key == "index") {
      device.index = id;
      index = true;
    } else if (key == "gpu") {
      device.gpu = GpuIndex{id};
    } else if (key == "gi") {
      device.gpu_instance = GpuInstanceId{id};
    } else if (key == "ci") {
      device.compute_instance = ComputeInstanceId{id};
    }
  }
  return index && !device.uuid.empty() ? std::optional(device) : std::nullopt;
}

// The device of a line that migctl wrote: behind it, or in a comment of its own where Slurm finds
// the devices by itself.
std::optional<Device> device_in(const std::string& line, const std::vector<ConfLine>& words) {
  const std::size_t comment = line.find(" # ");
  if (words.empty()) {
    return device_of(line.substr(2));
  }
  auto device = comment == std::string::npos ? std::nullopt : device_of(line.substr(comment + 3));
  if (!device) {
    return std::nullopt;
  }
  if (const ConfPair* type = words.front().find("type")) {
    device->type = type->value;
  }
  for (const char* key : {"multiplefiles", "file"}) {
    if (const ConfPair* files = words.front().find(key)) {
      device->files = base::split(files->value, ',');
    }
  }
  return device;
}

}  // namespace

Result<std::vector<Device>> devices_in(const std::string& block, const std::string& file) {
  std::vector<Device> devices;
  for (const std::string& line : base::split(block, '\n')) {
    const auto words = conf_lines(line);
    const bool detects = !words.empty() && words.front().find("autodetect") != nullptr;
    if (detects || (words.empty() && !line.starts_with("# index="))) {
      continue;
    }
    auto device = device_in(line, words);
    if (!device) {
      return fail(ErrorCode::kInvalidInput,
                  fmt::format("{}: our part has a line that migctl did not write: {}",
                              file,
                              base::quoted(line, 120)),
                  "migctl slurm generate shows it as it should be");
    }
    devices.push_back(std::move(*device));
  }
  return devices;
}

}  // namespace mig::slurm
