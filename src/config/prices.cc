// SPDX-License-Identifier: Apache-2.0
#include "config/prices.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "config/document.h"
#include "config/tenant_fields.h"

namespace mig::config {
namespace {

constexpr std::size_t kLongestPriceText = 300;

constexpr const char* kShippedPrices =
#include "shipped_prices.inc"  // written by CMake from prices.yaml
    ;

bool is_day(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00";
  bool good = text.size() == kForm.size();
  for (std::size_t i = 0; good && i < text.size(); ++i) {
    good = kForm[i] == '-' ? text[i] == '-' : text[i] >= '0' && text[i] <= '9';
  }
  return good;
}

KeyReader text_reader(std::string& target, const char* what) {
  return [&target, what](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kScalar) || node.text.empty() ||
        node.text.size() > kLongestPriceText) {
      return complaint(node.position,
                       fmt::format("{} is a text of at most {} characters, not {}",
                                   what,
                                   kLongestPriceText,
                                   node.described()));
    }
    target = node.text;
    return {};
  };
}

KeyReader date_reader(std::string& target) {
  return [&target](const Node& node) -> Result<void> {
    if (!node.is(Node::Kind::kScalar) || !is_day(node.text)) {
      return complaint(node.position,
                       fmt::format("date is a day, not {}", node.described()),
                       "for example date: 2026-11-01");
    }
    target = node.text;
    return {};
  };
}

Result<cost::Micros> money_of(const Node& node, const char* what) {
  const auto money =
      node.is(Node::Kind::kScalar) ? cost::parse_money(node.text) : std::optional<cost::Micros>();
  if (!money || *money > kMostHour) {
    return complaint(node.position,
                     fmt::format("{} is an amount from 0 to {}, not {}",
                                 what,
                                 cost::money_text(kMostHour, 0),
                                 node.described()),
                     "plain decimal with at most six decimals and without a currency: 3.50");
  }
  return *money;
}

class PriceReader {
 public:
  explicit PriceReader(const std::string& file) { table_.file = file; }

  Result<cost::PriceTable> read(const Node& root) {
    bool versioned = false;
    MIG_TRY(read_keys(root,
                      "the price file",
                      {{"version", [&](const Node& node) { return read_version(node, versioned); }},
                       {"currency", [this](const Node& node) { return read_currency(node); }},
                       {"date", date_reader(table_.date)},
                       {"electricity",
                        [this](const Node& node) -> Result<void> {
                          MIG_ASSIGN_OR_RETURN(table_.electricity, money_of(node, "electricity"));
                          return {};
                        }},
                       {"prices", [this](const Node& node) { return read_all(node); }}}));
    if (!versioned) {
      return complaint(root.position, "the price file has no version", "begin it with version: v1");
    }
    if (table_.currency.empty()) {
      return complaint(root.position,
                       "the price file has no currency",
                       "one for all of its prices, by its three letters: currency: EUR");
    }
    return std::move(table_);
  }

 private:
  static Result<void> read_version(const Node& node, bool& versioned) {
    versioned = node.is(Node::Kind::kScalar) && node.text == "v1";
    if (!versioned) {
      return complaint(node.position,
                       fmt::format("unknown version: {}", node.described()),
                       "this migctl knows v1");
    }
    return {};
  }

  Result<void> read_currency(const Node& node) {
    const bool good = node.is(Node::Kind::kScalar) && node.text.size() == 3 &&
                      std::all_of(node.text.begin(), node.text.end(), [](char c) {
                        return c >= 'A' && c <= 'Z';
                      });
    if (!good) {
      return complaint(node.position,
                       fmt::format("{} is no currency", node.described()),
                       "the three capital letters of ISO 4217: EUR, USD, JPY");
    }
    table_.currency = node.text;
    return {};
  }

  static Result<void> read_memory(const Node& node, cost::Price& price) {
    constexpr std::uint64_t kMostGb = 100'000;
    const std::string text = node.is(Node::Kind::kScalar) ? node.text : "";
    const auto number = text.ends_with("GB")
                            ? base::parse_decimal(text.substr(0, text.size() - 2), kMostGb)
                            : std::nullopt;
    if (!number || *number == 0) {
      return complaint(
          node.position,
          fmt::format("memory is what the board is sold with, not {}", node.described()),
          "for example memory: 80GB");
    }
    price.memory_gb = *number;
    return {};
  }

  Result<void> read_one(const Node& node) {
    cost::Price price;
    price.line = static_cast<std::uint32_t>(node.position.line);
    bool priced = false;
    MIG_TRY(read_keys(node,
                      "a price",
                      {{"gpu", text_reader(price.gpu, "gpu")},
                       {"uuid", text_reader(price.uuid, "uuid")},
                       {"hour",
                        [&](const Node& value) -> Result<void> {
                          priced = true;
                          MIG_ASSIGN_OR_RETURN(price.hour, money_of(value, "hour"));
                          return {};
                        }},
                       {"memory", [&](const Node& value) { return read_memory(value, price); }},
                       {"provider", text_reader(price.provider, "provider")},
                       {"source", text_reader(price.source, "source")},
                       {"date", date_reader(price.date)}}));
    if (price.gpu.empty() == price.uuid.empty()) {
      return complaint(
          node.position,
          price.gpu.empty() ? "a price without gpu or uuid" : "a price with both gpu and uuid",
          "gpu: words of the board's name, as `migctl list` shows it: H200; or uuid: "
          "of one GPU");
    }
    if (!price.gpu.empty() && std::none_of(price.gpu.begin(), price.gpu.end(), [](char c) {
          return std::isalnum(static_cast<unsigned char>(c)) != 0;
        })) {
      return complaint(node.position, "gpu has no word", "gpu: H200");
    }
    if (!priced) {
      return complaint(node.position, "a price without hour", "hour: 3.50");
    }
    const std::string key =
        price.uuid + "|" + base::lower(price.gpu) + "|" + base::lower(price.provider);
    if (const auto [known, added] = keys_.emplace(key, price.line); !added) {
      return complaint(node.position,
                       fmt::format("{} has a price in line {} already",
                                   price.uuid.empty() ? price.gpu : price.uuid,
                                   known->second),
                       "one of them must go; several providers are told apart by provider:");
    }
    table_.prices.push_back(std::move(price));
    return {};
  }

  Result<void> read_all(const Node& node) {
    if (!node.is(Node::Kind::kSequence)) {
      return complaint(node.position,
                       fmt::format("prices is a list, not {}", node.described()),
                       "prices:\n  - {gpu: H200, hour: 3.50}");
    }
    if (node.items.size() > kMostPrices) {
      return complaint(node.position, fmt::format("more than {} prices", kMostPrices));
    }
    for (const Node& item : node.items) {
      MIG_TRY(read_one(item));
    }
    return {};
  }

  cost::PriceTable table_;
  std::map<std::string, std::uint32_t> keys_;
};

}  // namespace

Result<cost::PriceTable> parse_prices(std::string_view text, const std::string& file) {
  MIG_ASSIGN_OR_RETURN(const Node root, parse_document(text, file));
  return PriceReader(file).read(root);
}

Result<cost::PriceTable> read_prices(const std::string& path) {
  auto text = base::read_file(path, kMostBytes);
  if (!text) {
    return std::move(text).error().in("the price file");
  }
  return parse_prices(*text, path);
}

Result<cost::PriceTable> shipped_prices() {
  MIG_ASSIGN_OR_RETURN(cost::PriceTable table, parse_prices(kShippedPrices, "the shipped table"));
  table.file.clear();
  return table;
}

}  // namespace mig::config
