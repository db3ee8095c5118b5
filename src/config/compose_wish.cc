// SPDX-License-Identifier: Apache-2.0
#include "config/compose_wish.h"

#include <utility>

#include <fmt/format.h>

#include "base/strings.h"
#include "base/units.h"
#include "config/compose_file.h"
#include "config/tenant_fields.h"

namespace mig::config {
namespace {

constexpr std::uint64_t kMostWishMib = 16ULL << 20U;
constexpr std::uint32_t kMostWishCount = 64;
constexpr std::uint32_t kMostWishSm = 100'000;

Error wrong_wish(const Node& node, const std::string& key, const std::string& expected) {
  return complaint(
      node.position,
      fmt::format("x-migctl: {}: {} is expected, not {}", key, expected, node.described()));
}

KeyReader wish_number(std::uint32_t& target, const std::string& key, std::uint32_t most) {
  return [&target, key, most](const Node& node) -> Result<void> {
    const auto number =
        node.is(Node::Kind::kScalar) ? base::parse_decimal(node.text, most) : std::nullopt;
    if (!number || *number == 0) {
      return wrong_wish(node, key, fmt::format("a whole number from 1 to {}", most));
    }
    target = static_cast<std::uint32_t>(*number);
    return {};
  };
}

KeyReader wish_text(std::string& target, const std::string& key) {
  return [&target, key](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kScalar) || node.text.empty()) {
      return wrong_wish(node, key, "a text");
    }
    target = node.text;
    return {};
  };
}

}  // namespace

Result<ComposeWish> read_compose_wish(const Node& node) {
  ComposeWish wish;
  wish.position = node.position;
  std::uint32_t sm = 0;
  std::string profile, memory;
  const auto profile_reader = [&](const Node& value) -> Result<void> {
    auto parsed = value.is(Node::Kind::kScalar)
                      ? ProfileName::parse(value.text)
                      : Result<ProfileName>(wrong_wish(value, "profile", "a text"));
    if (!parsed) {
      return complaint(
          value.position, "x-migctl: profile: " + parsed.error().message, parsed.error().hint);
    }
    wish.profile = *parsed;
    return {};
  };
  const auto memory_reader = [&](const Node& value) -> Result<void> {
    wish.memory_mib = value.is(Node::Kind::kScalar) ? base::parse_size_mib(value.text, kMostWishMib)
                                                    : std::nullopt;
    return wish.memory_mib ? Result<void>() : wrong_wish(value, "memory", "a size as 20GiB");
  };
  MIG_TRY(read_keys(node,
                    "x-migctl",
                    {{"profile", profile_reader},
                     {"slot", wish_text(wish.slot, "slot")},
                     {"memory", memory_reader},
                     {"sm", wish_number(sm, "sm", kMostWishSm)},
                     {"gpu", wish_text(wish.gpu, "gpu")},
                     {"count", wish_number(wish.count, "count", kMostWishCount)},
                     {"shared", flag_reader(wish.shared, "shared")}}));
  if (sm != 0) {
    wish.sm = sm;
  }
  if (!wish.slot.empty() && wish.count != 1) {
    return complaint(node.position, "x-migctl: a slot is one instance: count does not go with it");
  }
  return wish;
}

Result<ComposeWish> parse_compose_wish(const std::string& word) {
  ComposeWish wish;
  wish.position = {word, 1, 1};
  if (word == "any") {
    return wish;
  }
  constexpr std::string_view kSlot = "slot:";
  if (word.starts_with(kSlot) && word.size() > kSlot.size()) {
    wish.slot = word.substr(kSlot.size());
    return wish;
  }
  if (auto profile = ProfileName::parse(word)) {
    wish.profile = *profile;
    return wish;
  }
  wish.memory_mib = base::parse_size_mib(word, kMostWishMib);
  if (wish.memory_mib) {
    return wish;
  }
  return fail(ErrorCode::kUsage,
              fmt::format("--want: {} is no profile, slot or size", base::quoted(word)),
              "one of 1g.10gb, slot:train-a, 20GiB, any");
}

std::string ComposeWish::str() const {
  std::vector<std::string> words;
  if (profile) {
    words.push_back(profile->str());
  }
  if (!slot.empty()) {
    words.push_back("slot " + base::printable(slot));
  }
  if (memory_mib) {
    words.push_back(fmt::format("{} GiB or more", base::gib_text(*memory_mib)));
  }
  if (sm) {
    words.push_back(fmt::format("{} SMs or more", *sm));
  }
  std::string text = words.empty() ? "any instance" : base::join(words, " with ");
  if (!gpu.empty()) {
    text += " on GPU " + base::printable(gpu);
  }
  return count == 1 ? text : fmt::format("{} of {}", count, text);
}

}  // namespace mig::config
