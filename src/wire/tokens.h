// SPDX-License-Identifier: Apache-2.0
// JSON of tokens. Threading: pure functions.
#ifndef MIGCTL_WIRE_TOKENS_H_
#define MIGCTL_WIRE_TOKENS_H_

#include <string>
#include <vector>

#include "model/token.h"
#include "wire/wire.h"

namespace mig::wire {

// A document of kind TokenList, without secrets and hashes.
std::string token_list_document(const std::vector<Token>& tokens, const Source& source);
// A document of kind TokenCreated: the only place where a secret is ever written.
std::string token_created_document(const std::string& secret,
                                   const std::string& file,
                                   const Source& source);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_TOKENS_H_
