// SPDX-License-Identifier: Apache-2.0
// The router's table of methods, paths and query parameters, without a socket.
#include "http/router.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "http/query.h"

namespace mig::http {
namespace {

using Names = std::vector<std::string>;

class RouterTest : public testing::Test {
 protected:
  void SetUp() override {
    add("GET", "/v1/leases", {"tenant", "limit"});
    add("POST", "/v1/leases", {});
    add("DELETE", "/v1/leases/{id:number}", {});
    add("GET", "/v1/slots/{name}", {});
    add("GET", "/v1/slots/{name}/uuid", {"name"});
  }

  void add(const std::string& method, const std::string& path, const Names& parameters) {
    router_.add(method, path, parameters, [method, path](const Request& request, const Reply& re) {
      std::string text = method + " " + path;
      for (const auto& [name, value] : request.values) {
        text += " " + name + "=" + value;
      }
      re({200, text + " [" + request.body + "]", "text/plain", {}});
    });
  }

  Response ask(const std::string& method, const std::string& path, const std::string& query = "") {
    Request request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = "b";
    std::optional<Response> answer;
    router_.handle(request, [&answer](Response response) {
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(response);
    });
    EXPECT_TRUE(answer) << method << " " << path << ": no answer";
    return answer.value_or(Response{});
  }

  Router router_{[](const Error& error) {
                   return std::string(error_info(error.code).name) + "|" + error.message + "|" +
                          error.hint;
                 },
                 "the page has them"};
};

TEST_F(RouterTest, ARequestGoesToItsRouteWithItsValues) {
  EXPECT_EQ(ask("GET", "/v1/leases").body, "GET /v1/leases [b]");
  EXPECT_EQ(ask("GET", "/v1/leases", "limit=5&tenant=a").body,
            "GET /v1/leases limit=5 tenant=a [b]");
  EXPECT_EQ(ask("POST", "/v1/leases").body, "POST /v1/leases [b]");
  EXPECT_EQ(ask("DELETE", "/v1/leases/12").body, "DELETE /v1/leases/{id:number} id=12 [b]");
  EXPECT_EQ(ask("GET", "/v1/slots/train%20a").body, "GET /v1/slots/{name} name=train a [b]");
}

TEST_F(RouterTest, APathThatIsNotThereIsNotFound) {
  for (const char* path : {"/",
                           "",
                           "/v1",
                           "/v1/leases/",
                           "/v1/leases/-1",
                           "/v1/leases/1x",
                           "/v1/leases/01",
                           "/v1/leases/+1",
                           "/v1/leases/9223372036854775808",
                           "/v1/leases/1/2",
                           "//v1/leases",
                           "/v1/leases/%31%00",
                           "/v1/slots/",
                           "/v1/slots/a%2",
                           "/v1/Leases"}) {
    const Response answer = ask("DELETE", path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_TRUE(answer.body.starts_with("not_found|there is no \"DELETE\" ")) << answer.body;
    EXPECT_TRUE(answer.body.ends_with("|the page has them")) << answer.body;
  }
  EXPECT_EQ(ask("DELETE", "/v1/leases/9223372036854775807").status, 200);
}

TEST_F(RouterTest, AnotherMethodIsToldWhichThereAre) {
  for (const char* method : {"PUT", "DELETE", "get", "", "PROPFIND"}) {
    const Response answer = ask(method, "/v1/leases", "nonsense");
    EXPECT_EQ(answer.status, 405) << method;
    ASSERT_EQ(answer.headers.size(), 1U);
    EXPECT_EQ(answer.headers[0], (std::pair<std::string, std::string>("Allow", "GET, HEAD, POST")));
    EXPECT_TRUE(answer.body.starts_with("usage|")) << answer.body;
    EXPECT_TRUE(answer.body.ends_with("|it takes GET, HEAD, POST")) << answer.body;
  }
  EXPECT_EQ(ask("GET", "/v1/leases/1").headers.at(0).second, "DELETE");
  EXPECT_TRUE(ask("GET", "/v1/leases").headers.empty());
}

TEST_F(RouterTest, AQueryThatIsNotUnderstoodIsRefused) {
  struct Row {
    const char *query, *words;
  };

  for (const Row& row :
       {Row{"user=a", "there is no query parameter \"user\"|this path takes: tenant, limit"},
        Row{"Tenant=a", "there is no query parameter \"Tenant\"|"},
        Row{"tenant=a&tenant=a", "the query parameter tenant is given twice|give it once"},
        Row{"tenant", "the query parameter tenant has no value|write tenant=VALUE"},
        Row{"tenant=", "the query parameter tenant has no value|"},
        Row{"tenant=a&", "there is no query parameter \"\"|"},
        Row{"&", "there is no query parameter \"\"|"},
        Row{"=a", "there is no query parameter \"\"|"},
        Row{"tenant=%4", "the value of the query parameter tenant is not percent-encoded text"},
        Row{"tenant=%zz", "the value of the query parameter tenant is not percent-encoded text"},
        Row{"tenant=%00", "the value of the query parameter tenant is not percent-encoded text"},
        Row{"tenant=%0a", "the value of the query parameter tenant is not percent-encoded text"},
        Row{"tenant=%ff", "the value of the query parameter tenant is not percent-encoded text"},
        Row{"%ten=a", "there is no query parameter \"%ten\"|"}}) {
    const Response answer = ask("GET", "/v1/leases", row.query);
    EXPECT_EQ(answer.status, 400) << row.query;
    EXPECT_TRUE(answer.body.starts_with(std::string("usage|") + row.words))
        << row.query << ": " << answer.body;
  }
  EXPECT_NE(ask("POST", "/v1/leases", "tenant=a").body.find("takes no query parameters"),
            std::string::npos)
      << "parameters are those of a method, not of a path";
  EXPECT_EQ(ask("DELETE", "/v1/leases/1", "id=2").status, 400)
      << "no parameter may take the place of a part of the path";
}

TEST(Query, IsDecoded) {
  const auto values = parse_query("a=%C3%A9+%2B%26%3d&b=x=y", {"a", "b", "c"});
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->at("a"), "\xC3\xA9 +&=");
  EXPECT_EQ(values->at("b"), "x=y");
  EXPECT_FALSE(values->contains("c"));
  EXPECT_TRUE(parse_query("", {})->empty());
  EXPECT_EQ(percent_decoded("a+b", false), "a+b");
  const std::string odd = "a b&c=d/\xC3\xA9+~%";
  EXPECT_EQ(percent_encoded(odd), "a%20b%26c%3Dd%2F%C3%A9%2B~%25");
  EXPECT_EQ(percent_decoded(percent_encoded(odd), true), odd);
}

}  // namespace
}  // namespace mig::http
