// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <optional>

#include <fmt/chrono.h>
#include <fmt/core.h>

#include "base/file.h"
#include "base/strings.h"
#include "base/unix_time.h"
#include "cli/commands.h"
#include "cli/units.h"
#include "daemon/tokens.h"
#include "service/lease_desk.h"
#include "wire/tokens.h"

namespace mig::cli {
namespace {

std::string day(std::int64_t ms) {
  return fmt::format("{:%Y-%m-%d %H:%M}", fmt::localtime(static_cast<std::time_t>(ms / 1000)));
}

class TokenCommand final : public Command {
 public:
  CommandText text() const override {
    return {"token",
            "Make, list and revoke tokens for clients of migd over TCP.",
            "create prints a new token once, to standard output or into --out FILE (mode 0600); it "
            "is kept as a hash only and cannot be shown again. It acts as --user, with what the "
            "tenants file gives that user, and at most --role; never as root. revoke ends it at "
            "once, also what is open with it. Clients send it as \"Authorization: Bearer ...\" "
            "(docs/reference/api.md).",
            {"token create grafana --user grafana --out /etc/grafana/migd.token",
             "token create ci --user ci --role user --expires 30d",
             "token list",
             "token revoke 3f9c01ab"},
            {ErrorCode::kInvalidInput,
             ErrorCode::kNotFound,
             ErrorCode::kPermission,
             ErrorCode::kConflict,
             ErrorCode::kIo}};
  }

  std::vector<std::string> first_words() const override { return {"create", "list", "revoke"}; }

  void declare(Options& options) override {
    options.positional(
        {"create NAME|list|revoke ID", "", "what to do; the name is for people"}, words_, true);
    options.text({"--user", "USER", "create: as whom it acts, by name or number"}, user_);
    options.text({"--role",
                  "viewer|user|operator|admin",
                  "create: at most the rights of this role (default: viewer)"},
                 role_);
    options.text({"--expires", "TIME", "create: it is over after so long (default: never)"},
                 expires_);
    options.text({"--out", "FILE", "create: write it there, readable by its owner only"}, out_);
    options.text({"--tokens", "FILE", "the file of tokens (default: beside the journal)"}, file_);
  }

  Result<int> run(Context& context) override {
    const std::string verb = words_.front();
    const auto verbs = first_words();
    if (std::find(verbs.begin(), verbs.end(), verb) == verbs.end() ||
        words_.size() != (verb == "list" ? 1U : 2U)) {
      return fail(ErrorCode::kUsage,
                  "token: create NAME, list, or revoke ID is expected",
                  "migctl token --help shows how it is used");
    }
    std::string file = file_;
    if (file.empty()) {
      MIG_ASSIGN_OR_RETURN(node::Node * node, context.node());
      file = daemon::default_tokens(*node);
    }
    if (verb == "create") {
      return create(context, file);
    }
    if (verb == "revoke") {
      MIG_TRY(daemon::revoke_token(file, words_[1]));
      context.output().progress(fmt::format("token {} is revoked\n", words_[1]));
    }
    return list(context, file);
  }

 private:
  Result<int> create(Context& context, const std::string& file) const {
    Token token;
    token.name = words_[1];
    if (user_.empty()) {
      return fail(ErrorCode::kUsage,
                  "token create: --user is missing",
                  "it says as whom the token acts, and so what it may");
    }
    MIG_ASSIGN_OR_RETURN(token.uid, service::uid_of(user_));
    const auto role = parse_role(role_);
    if (!role || *role == Role::kNone) {
      return fail(
          ErrorCode::kUsage,
          fmt::format("--role {} is none of viewer, user, operator, admin", base::quoted(role_)));
    }
    token.role = *role;
    if (!expires_.empty()) {
      MIG_ASSIGN_OR_RETURN(const auto time, parse_duration("--expires", expires_));
      token.expires_ms = base::unix_ms() + time.count();
    }
    MIG_ASSIGN_OR_RETURN(const std::string secret, daemon::create_token(file, token));
    if (!out_.empty()) {
      MIG_TRY(base::write_file_atomic(out_, secret + "\n", 0600));
      context.output().progress(fmt::format("the token is in {}\n", out_));
    } else if (context.globals().json) {
      context.output().result(
          wire::token_created_document(secret, file, context.source_or_default()));
    } else {
      context.output().result(secret + "\n");
    }
    return 0;
  }

  static Result<int> list(Context& context, const std::string& file) {
    MIG_ASSIGN_OR_RETURN(const std::vector<Token> tokens, daemon::read_tokens(file));
    if (context.globals().json) {
      context.output().result(wire::token_list_document(tokens, context.source_or_default()));
      return 0;
    }
    if (tokens.empty()) {
      context.output().result("no tokens\n");
      return 0;
    }
    std::string text = fmt::format(
        "{:<10}{:<14}{:<10}{:<18}{:<18}{}\n", "ID", "USER", "ROLE", "CREATED", "EXPIRES", "NAME");
    for (const Token& token : tokens) {
      text += fmt::format("{:<10}{:<14}{:<10}{:<18}{:<18}{}\n",
                          token.id,
                          service::user_text(token.uid),
                          name_of(token.role),
                          day(token.created_ms),
                          token.expires_ms ? day(*token.expires_ms) : "never",
                          token.name);
    }
    context.output().result(text);
    return 0;
  }

  std::vector<std::string> words_;
  std::string user_, role_ = "viewer", expires_, out_, file_;
};

}  // namespace

std::unique_ptr<Command> make_token() {
  return std::make_unique<TokenCommand>();
}

}  // namespace mig::cli
