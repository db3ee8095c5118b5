// SPDX-License-Identifier: Apache-2.0
// The OpenAPI 3.1 document of the daemon's API. Its schemas are those of
// docs/reference/json/migctl-v1.schema.json, which is part of the program. Threading: pure
// functions.
#ifndef MIGCTL_WIRE_OPENAPI_H_
#define MIGCTL_WIRE_OPENAPI_H_

#include <string>
#include <utility>
#include <vector>

namespace mig::wire {

struct ApiParameter {
  std::string name;
  std::string description;
  bool in_path = false;
  bool number = false;
  std::string example;  // "" = none
};

struct ApiPath {
  // Who may ask over TCP.
  enum class Access { kToken, kAnonymousHere, kNobody };

  std::string method, path;  // "GET", "/v1/leases/{id}"
  std::string summary;
  std::vector<ApiParameter> parameters;
  std::string body_example;                          // JSON; "" = takes no body
  std::vector<std::pair<int, std::string>> answers;  // status and kind of document
  std::string text_answer;                           // of 200: media type of what is no document
  Access access = Access::kToken;
};

std::string openapi_document(const std::vector<ApiPath>& paths, const std::string& version);

}  // namespace mig::wire

#endif  // MIGCTL_WIRE_OPENAPI_H_
