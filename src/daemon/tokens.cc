// SPDX-License-Identifier: Apache-2.0
#include "daemon/tokens.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/file_lock.h"
#include "base/own_path.h"
#include "base/strings.h"
#include "base/unix_time.h"
#include "http/digest.h"
#include "store/places.h"

namespace mig::daemon {
namespace {

constexpr std::size_t kMostBytesOfTokens = 1U << 20U;
constexpr std::size_t kMostTokens = 1000;
constexpr std::size_t kIdDigits = 8;
constexpr std::size_t kSecretDigits = 64;
constexpr std::size_t kLongestName = 64;
constexpr std::string_view kFirstLine = "migctl tokens v1";
constexpr std::string_view kPrefix = "migt_";
constexpr std::chrono::milliseconds kLockPatience{5'000};

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

std::optional<std::int64_t> number(const std::string& text) {
  const auto value = base::parse_decimal(text, INT64_MAX);
  return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
}

// "ID HASH UID ROLE CREATED EXPIRES NAME"; the column of the word that is wrong otherwise.
struct Line {
  Token token;
  std::size_t wrong_at = 0;  // from 1; 0 = right
};

Line parse_line(const std::string& text) {
  constexpr std::size_t kWords = 7;
  Line line;
  const std::vector<std::string> words = base::split(text, ' ');
  std::size_t column = 1;
  for (std::size_t i = 0; i < kWords; ++i) {
    const std::string word = i < words.size() ? words[i] : "";
    bool right = false;
    Token& token = line.token;
    if (i == 0) {
      right = is_hex(word, kIdDigits);
      token.id = word;
    } else if (i == 1) {
      right = is_hex(word, kSecretDigits);
      token.hash = word;
    } else if (i == 2) {
      const auto uid = base::parse_decimal(word, UINT32_MAX - 1);
      right = uid && *uid != 0;  // none acts as root
      token.uid = static_cast<std::uint32_t>(uid.value_or(UINT32_MAX));
    } else if (i == 3) {
      const auto role = parse_role(word);
      right = role && *role != Role::kNone;
      token.role = role.value_or(Role::kNone);
    } else if (i == 4) {
      const auto created = number(word);
      right = created.has_value();
      token.created_ms = created.value_or(0);
    } else if (i == 5) {
      token.expires_ms = number(word);
      right = token.expires_ms || word == "-";
    } else {
      right = is_name(word) && words.size() == kWords;
      token.name = word;
    }
    if (!right) {
      line.wrong_at = column;
      return line;
    }
    column += word.size() + 1;
  }
  return line;
}

Error wrong(const std::string& file, std::size_t line, std::size_t column, const char* what) {
  return Error{ErrorCode::kInvalidInput,
               fmt::format("{}:{}:{}: {}", file, line, column, what),
               "migctl token writes this file; remove the line, or make the token again",
               {},
               {}};
}

Result<std::vector<Token>> parse_tokens(const std::string& text, const std::string& file) {
  std::vector<Token> tokens;
  const std::vector<std::string> lines = base::split(text, '\n');
  if (lines.empty() || lines.front() != kFirstLine) {
    return wrong(file, 1, 1, "the first line of a file of tokens is: migctl tokens v1");
  }
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) {
      continue;
    }
    Line line = parse_line(lines[i]);
    if (line.wrong_at != 0) {
      return wrong(file, i + 1, line.wrong_at, "this is no part of a token");
    }
    const bool twice = std::any_of(tokens.begin(), tokens.end(), [&](const Token& token) {
      return token.id == line.token.id;
    });
    if (twice || tokens.size() >= kMostTokens) {
      return wrong(file, i + 1, 1, twice ? "this id stands here twice" : "more than 1000 tokens");
    }
    tokens.push_back(std::move(line.token));
  }
  return tokens;
}

Result<void> write_tokens(const std::string& file, const std::vector<Token>& tokens) {
  std::string text = std::string(kFirstLine) + "\n";
  for (const Token& token : tokens) {
    text += fmt::format("{} {} {} {} {} {} {}\n",
                        token.id,
                        token.hash,
                        token.uid,
                        name_of(token.role),
                        token.created_ms,
                        token.expires_ms ? fmt::format("{}", *token.expires_ms) : "-",
                        token.name);
  }
  return base::write_file_atomic(file, text, 0600);
}

// Reads, changes and writes the file, one process at a time.
template <class Change>
Result<void> change_file(const std::string& file, const Change& change) {
  MIG_ASSIGN_OR_RETURN(
      const base::FileLock lock,
      base::FileLock::acquire(file + ".lock", kLockPatience, base::system_clock(), "token"));
  MIG_ASSIGN_OR_RETURN(std::vector<Token> tokens, read_tokens(file));
  MIG_TRY(change(tokens));
  return write_tokens(file, tokens);
}

}  // namespace

std::string default_tokens(const node::Node& node) {
  std::string path = store::beside_journal(node.places().journal(), "tokens");
  constexpr std::string_view kDatabase = ".db";
  if (path.ends_with(kDatabase)) {
    path.resize(path.size() - kDatabase.size());
  }
  return path + ".txt";
}

Result<std::vector<Token>> read_tokens(const std::string& file) {
  struct stat info {};

  if (::stat(file.c_str(), &info) != 0 && errno == ENOENT) {
    return std::vector<Token>();
  }
  MIG_TRY(base::only_trusted_write(file));
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(file, kMostBytesOfTokens));
  return parse_tokens(text, file);
}

Result<std::string> create_token(const std::string& file, Token token) {
  if (token.uid == 0) {
    return fail(ErrorCode::kPermission,
                "no token acts as root",
                "name another user, whose tenant has the role admin in the tenants file");
  }
  if (!is_name(token.name)) {
    return fail(ErrorCode::kUsage,
                fmt::format("{} is no name for a token", base::quoted(token.name)),
                "1 to 64 visible ASCII characters, without blanks");
  }
  MIG_ASSIGN_OR_RETURN(token.id, http::random_hex(kIdDigits / 2));
  MIG_ASSIGN_OR_RETURN(const std::string random, http::random_hex(kSecretDigits / 2));
  const std::string secret = fmt::format("{}{}_{}", kPrefix, token.id, random);
  token.hash = http::sha256(secret);
  token.created_ms = base::unix_ms();
  MIG_TRY(change_file(file, [&](std::vector<Token>& tokens) -> Result<void> {
    if (tokens.size() >= kMostTokens) {
      return fail(ErrorCode::kTooLarge,
                  fmt::format("{} has {} tokens already", file, tokens.size()),
                  "revoke those that nobody uses: migctl token list");
    }
    const bool taken = std::any_of(
        tokens.begin(), tokens.end(), [&](const Token& one) { return one.id == token.id; });
    if (taken) {
      return fail(ErrorCode::kConflict, "that id is taken", "try again");
    }
    tokens.push_back(token);
    return {};
  }));
  return secret;
}

Result<void> revoke_token(const std::string& file, const std::string& id) {
  return change_file(file, [&](std::vector<Token>& tokens) -> Result<void> {
    if (std::erase_if(tokens, [&](const Token& token) { return token.id == id; }) == 0) {
      return fail(ErrorCode::kNotFound,
                  fmt::format("there is no token {}", base::quoted(id)),
                  "migctl token list shows their ids");
    }
    return {};
  });
}

Result<void> TokenBook::refresh() {
  struct stat info {};

  std::optional<Mark> mark;
  if (!file_.empty() && ::stat(file_.c_str(), &info) == 0) {
    mark = Mark{info.st_dev,
                info.st_ino,
                static_cast<std::uint64_t>(info.st_size),
                info.st_ctim.tv_sec,
                info.st_ctim.tv_nsec};
  }
  if (mark != mark_) {
    mark_ = mark;
    tokens_ = mark ? read_tokens(file_) : std::vector<Token>();
  }
  return tokens_ ? Result<void>() : tokens_.error();
}

const Token* TokenBook::by_id(std::string_view id) const {
  const auto found = std::find_if(
      tokens_->begin(), tokens_->end(), [&](const Token& token) { return token.id == id; });
  const bool over =
      found == tokens_->end() || (found->expires_ms && *found->expires_ms <= base::unix_ms(clock_));
  return over ? nullptr : &*found;
}

Result<const Token*> TokenBook::find(std::string_view secret) {
  MIG_TRY(refresh());
  if (secret.size() != kPrefix.size() + kIdDigits + 1 + kSecretDigits ||
      !secret.starts_with(kPrefix)) {
    return nullptr;
  }
  const Token* token = by_id(secret.substr(kPrefix.size(), kIdDigits));
  if (token == nullptr || !http::same_secret(http::sha256(secret), token->hash)) {
    return nullptr;
  }
  return token;
}

bool TokenBook::counts(const std::string& id) {
  return refresh() && by_id(id) != nullptr;
}

}  // namespace mig::daemon
