// SPDX-License-Identifier: Apache-2.0
#include "http/assets.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace mig::http {
namespace {

const std::string kLong(2000, 'x');

std::array<Asset, 2> files() {
  return {{{"/", media_type("index.html"), "<p>short"}, {"/web/a.js", media_type("a.js"), kLong}}};
}

Request asking(const std::string& path, const std::string& method = "GET") {
  Request request;
  request.method = method;
  request.path = path;
  return request;
}

std::string field(const Response& response, const std::string& name) {
  std::string found;
  for (const auto& [key, value] : response.headers) {
    found = key == name ? value : found;
  }
  return found;
}

TEST(Assets, GivesFilesWithTheirTypeAndNothingElse) {
  const auto table = files();
  Assets assets(table, [](const Error& error) { return error.message; });
  const auto page = assets.answer(asking("/"), false);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->body, "<p>short");
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_EQ(field(*page, "X-Content-Type-Options"), "nosniff");
  EXPECT_TRUE(field(*page, "Content-Security-Policy").starts_with("default-src 'none'; "));
  for (const char* path :
       {"", "/web", "/web/", "/web/b.js", "/web/../", "/web/a.js/", "//", "/index.html"}) {
    EXPECT_FALSE(assets.has(path)) << path;
    EXPECT_FALSE(assets.answer(asking(path), false)) << path;
  }
}

TEST(Assets, SaysNotModifiedToWhoHasIt) {
  const auto table = files();
  Assets assets(table, [](const Error& error) { return error.message; });
  const std::string tag = field(*assets.answer(asking("/web/a.js"), false), "ETag");
  const std::string packed = field(*assets.answer(asking("/web/a.js"), true), "ETag");
  EXPECT_NE(tag, packed);
  EXPECT_NE(tag, field(*assets.answer(asking("/"), false), "ETag"));
  for (const std::string& shown : {tag, "W/" + tag, "\"other\", " + tag, std::string("*")}) {
    Request request = asking("/web/a.js");
    request.headers["if-none-match"] = shown;
    const auto answer = assets.answer(request, false);
    EXPECT_EQ(answer->status, 304) << shown;
    EXPECT_EQ(answer->body, "") << shown;
    EXPECT_EQ(field(*answer, "ETag"), tag) << shown;
  }
  for (const std::string& shown : {packed, std::string("x"), tag.substr(1), std::string()}) {
    Request request = asking("/web/a.js");
    request.headers["if-none-match"] = shown;
    EXPECT_EQ(assets.answer(request, false)->status, 200) << shown;
  }
}

TEST(Assets, PacksWhatGetsSmaller) {
  const auto table = files();
  Assets assets(table, [](const Error& error) { return error.message; });
  const auto packed = assets.answer(asking("/web/a.js"), true);
  EXPECT_EQ(field(*packed, "Content-Encoding"), "gzip");
  EXPECT_LT(packed->body.size(), kLong.size());
  EXPECT_EQ(packed->body, assets.answer(asking("/web/a.js"), true)->body);
  EXPECT_EQ(field(*assets.answer(asking("/web/a.js"), false), "Content-Encoding"), "");
  EXPECT_EQ(field(*assets.answer(asking("/"), true), "Content-Encoding"), "") << "not worth it";
}

TEST(Assets, TakesGetAndHead) {
  const auto table = files();
  Assets assets(table, [](const Error& error) { return error.message; });
  EXPECT_EQ(assets.answer(asking("/", "HEAD"), false)->status, 200);
  for (const char* method : {"POST", "PUT", "DELETE", "get"}) {
    const auto answer = assets.answer(asking("/", method), false);
    EXPECT_EQ(answer->status, 405) << method;
    EXPECT_EQ(field(*answer, "Allow"), "GET, HEAD") << method;
  }
}

}  // namespace
}  // namespace mig::http
