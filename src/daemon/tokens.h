// SPDX-License-Identifier: Apache-2.0
// Tokens of clients over TCP. A token acts as a user of this machine, with at most its role; what
// the user may is in the tenants file. The file of tokens holds a SHA-256 of each: who reads it
// cannot use them. The secret has 256 random bits, so nothing slower than a hash is needed. One
// line for each token: id, hash, uid, role, when it was made and when it ends (Unix time in
// milliseconds, "-" = never), name.
//
// Threading: not thread-safe; several processes may write (a lock file beside it).
#ifndef MIGCTL_DAEMON_TOKENS_H_
#define MIGCTL_DAEMON_TOKENS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mig/result.h"

#include "base/clock.h"
#include "model/token.h"
#include "node/node.h"

namespace mig::daemon {

// Beside the machine's journal: /var/lib/migctl/tokens.txt.
std::string default_tokens(const node::Node& node);

// No file = no tokens. Errors have file:line:column. kPermission for a file that others can write.
Result<std::vector<Token>> read_tokens(const std::string& file);
// Returns the secret, "migt_ID_SECRET", which is kept nowhere. kPermission for root: whoever has a
// token could then do what it takes to be on the machine as root.
Result<std::string> create_token(const std::string& file, Token token);
// kNotFound when there is none with that id. It ends at once.
Result<void> revoke_token(const std::string& file, const std::string& id);

// The tokens of a running daemon: reads the file again when it has changed.
class TokenBook {
 public:
  // `file`: "" = there are none.
  TokenBook(std::string file, base::Clock& clock) : file_(std::move(file)), clock_(clock) {}

  // The token of "migt_ID_SECRET"; nullptr: none, or it is over. Valid until the next call. An
  // error: the file cannot be used, and no token counts.
  Result<const Token*> find(std::string_view secret);
  // True while the token counts.
  bool counts(const std::string& id);

 private:
  Result<void> refresh();
  const Token* by_id(std::string_view id) const;

  // What tells one state of the file from another.
  struct Mark {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t changed_s = 0, changed_ns = 0;

    friend bool operator==(const Mark&, const Mark&) = default;
  };

  std::string file_;
  base::Clock& clock_;
  std::optional<Mark> mark_;
  Result<std::vector<Token>> tokens_ = std::vector<Token>();
};

}  // namespace mig::daemon

#endif  // MIGCTL_DAEMON_TOKENS_H_
