// SPDX-License-Identifier: Apache-2.0
#include "http/assets.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/strings.h"
#include "http/digest.h"
#include "http/gzip.h"

namespace mig::http {
namespace {

constexpr int kNotModified = 304;
constexpr int kWrongMethod = 405;
constexpr std::size_t kMethodAsSaid = 10;
constexpr std::size_t kTagDigits = 24;
constexpr std::size_t kWorthPacking = 512;

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kTypes{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".json", "application/json"},
}};

// What a browser may do with these files. Trusted types: text never becomes markup, also where a
// script forgets to take care.
constexpr std::array<std::pair<const char*, const char*>, 7> kHeaders{{
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
     "require-trusted-types-for 'script'; trusted-types 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Permissions-Policy", "camera=(), geolocation=(), microphone=()"},
}};

// Whether the client has it: If-None-Match, weakly compared (RFC 9110, 13.1.2).
bool has_it(const Request& request, const std::string& tag) {
  const auto field = request.headers.find("if-none-match");
  if (field == request.headers.end()) {
    return false;
  }
  const std::vector<std::string> parts = base::split(field->second, ',');
  return std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
    std::string_view shown = part;
    while (shown.starts_with(' ')) {
      shown.remove_prefix(1);
    }
    while (shown.ends_with(' ')) {
      shown.remove_suffix(1);
    }
    if (shown.starts_with("W/")) {
      shown.remove_prefix(2);
    }
    return shown == "*" || shown == '"' + tag + '"';
  });
}

}  // namespace

std::string_view media_type(std::string_view path) {
  for (const auto& [ending, type] : kTypes) {
    if (path.ends_with(ending)) {
      return type;
    }
  }
  return "application/octet-stream";
}

Assets::Assets(std::span<const Asset> files, ErrorWriter writer) : writer_(std::move(writer)) {
  for (const Asset& asset : files) {
    files_.emplace(asset.path, File{asset, sha256(asset.text).substr(0, kTagDigits)});
  }
}

std::optional<Response> Assets::answer(const Request& request, bool gzip) {
  const auto found = files_.find(request.path);
  if (found == files_.end()) {
    return std::nullopt;
  }
  if (request.method != "GET" && request.method != "HEAD") {
    const Error error{ErrorCode::kUsage,
                      base::quoted(request.method, kMethodAsSaid) + " cannot be done to a page",
                      "it takes GET, HEAD",
                      {},
                      {}};
    Response refused = refusal(error, writer_);
    refused.status = kWrongMethod;  // HTTP's own status; the exit code is the table's
    refused.headers.emplace_back("Allow", "GET, HEAD");
    return refused;
  }
  File& file = found->second;
  Response response;
  response.content_type = std::string(file.asset.type);
  for (const auto& [name, value] : kHeaders) {
    response.headers.emplace_back(name, value);
  }
  if (gzip && !file.gzip && file.asset.text.size() >= kWorthPacking) {
    file.gzip = http::gzip(file.asset.text).value_or("");
  }
  const bool packed = gzip && file.gzip && !file.gzip->empty();
  const std::string tag = file.tag + (packed ? "-gzip" : "");
  response.headers.emplace_back("ETag", '"' + tag + '"');
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.headers.emplace_back("Cache-Control", "no-cache");  // ask whether it is still this one
  if (has_it(request, tag)) {
    response.status = kNotModified;
    return response;
  }
  if (packed) {
    response.headers.emplace_back("Content-Encoding", "gzip");
  }
  response.body = packed ? *file.gzip : std::string(file.asset.text);
  return response;
}

}  // namespace mig::http
