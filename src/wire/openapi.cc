// SPDX-License-Identifier: Apache-2.0
#include "wire/openapi.h"

#include <cctype>

#include "wire/document.h"

namespace mig::wire {
namespace {

constexpr const char* kSchemaText =
#include "migctl_v1_schema.inc"  // written by CMake from docs/reference/json
    ;

// The schemas under components, with references to where they are there.
Json schemas() {
  std::string text = kSchemaText;
  const std::string from = "#/$defs/";
  const std::string to = "#/components/schemas/";
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
  return Json::parse(text).at("$defs");
}

Json reference(const std::string& kind) {
  return Json{{"$ref", "#/components/schemas/" + kind}};
}

Json answer_json(const std::string& kind, const std::string& description) {
  Json answer;
  answer["description"] = description;
  answer["content"]["application/json"]["schema"] = reference(kind);
  return answer;
}

Json parameter_json(const ApiParameter& parameter) {
  Json json;
  json["name"] = parameter.name;
  json["in"] = parameter.in_path ? "path" : "query";
  json["required"] = parameter.in_path;
  json["description"] = parameter.description;
  json["schema"] = parameter.number ? Json{{"type", "integer"}, {"minimum", 0}}
                                    : Json{{"type", "string"}, {"minLength", 1}};
  if (!parameter.example.empty()) {
    json["example"] = parameter.number ? Json::parse(parameter.example) : Json(parameter.example);
  }
  return json;
}

// "getLeasesId" of GET /v1/leases/{id}.
std::string operation_id(const ApiPath& path) {
  std::string id;
  for (const char c : path.method) {
    id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  bool word = true;
  for (const char c : path.path.starts_with("/v1") ? path.path.substr(3) : path.path) {
    const bool letter = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if (letter) {
      id += word ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    }
    word = !letter;
  }
  return id;
}

Json security_json(ApiPath::Access access) {
  const Json token{{"token", Json::array()}};
  switch (access) {
    case ApiPath::Access::kToken:
      return Json::array({token});
    case ApiPath::Access::kAnonymousHere:
      return Json::array({Json::object(), token});
    case ApiPath::Access::kNobody:
      break;
  }
  return Json::array();
}

const char* access_text(ApiPath::Access access) {
  switch (access) {
    case ApiPath::Access::kToken:
      return "token";
    case ApiPath::Access::kAnonymousHere:
      return "anonymous on loopback";
    case ApiPath::Access::kNobody:
      break;
  }
  return "UNIX socket only";
}

Json operation_json(const ApiPath& path) {
  Json json;
  json["operationId"] = operation_id(path);
  json["summary"] = path.summary;
  for (const ApiParameter& parameter : path.parameters) {
    json["parameters"].push_back(parameter_json(parameter));
  }
  if (!path.body_example.empty()) {
    json["requestBody"]["required"] = true;
    json["requestBody"]["content"]["application/json"] =
        Json{{"schema", {{"type", "object"}}}, {"example", Json::parse(path.body_example)}};
  }
  if (!path.text_answer.empty()) {
    json["responses"]["200"]["description"] = path.summary;
    json["responses"]["200"]["content"][path.text_answer]["schema"]["type"] =
        path.text_answer == "application/json" ? "object" : "string";
  }
  for (const auto& [status, kind] : path.answers) {
    json["responses"][std::to_string(status)] = answer_json(kind, path.summary);
  }
  json["responses"]["default"] =
      answer_json("Error", "Why not; the status is that of the error's code.");
  json["security"] = security_json(path.access);
  json["x-migctl-access"] = access_text(path.access);
  return json;
}

}  // namespace

std::string openapi_document(const std::vector<ApiPath>& paths, const std::string& version) {
  Json document;
  document["openapi"] = "3.1.0";
  document["info"] =
      Json{{"title", "migd"},
           {"version", version},
           {"summary", "Leases, layouts and readings of MIG instances on one machine."},
           {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["jsonSchemaDialect"] = "https://json-schema.org/draft/2020-12/schema";
  document["servers"] = Json::array({Json{{"url", "/"}}});
  document["paths"] = Json::object();
  for (const ApiPath& path : paths) {
    std::string method;
    for (const char c : path.method) {
      method += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    document["paths"][path.path][method] = operation_json(path);
  }
  document["components"]["securitySchemes"]["token"] =
      Json{{"type", "http"},
           {"scheme", "bearer"},
           {"description",
            "migctl token create makes one; clients of the UNIX socket need none, the kernel says "
            "who they are."}};
  document["components"]["schemas"] = schemas();
  return finish(document);
}

}  // namespace mig::wire
