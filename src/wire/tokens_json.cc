// SPDX-License-Identifier: Apache-2.0
#include "wire/document.h"
#include "wire/tokens.h"

namespace mig::wire {

std::string token_list_document(const std::vector<Token>& tokens, const Source& source) {
  Json document = begin_document("TokenList", source);
  document["tokens"] = Json::array();
  for (const Token& token : tokens) {
    document["tokens"].push_back(Json{{"id", token.id},
                                      {"name", token.name},
                                      {"uid", token.uid},
                                      {"role", name_of(token.role)},
                                      {"createdMs", token.created_ms},
                                      {"expiresMs", or_null(token.expires_ms)}});
  }
  return finish(document);
}

std::string token_created_document(const std::string& secret,
                                   const std::string& file,
                                   const Source& source) {
  Json document = begin_document("TokenCreated", source);
  document["token"] = secret;
  document["file"] = file;
  return finish(document);
}

}  // namespace mig::wire
