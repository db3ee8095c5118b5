// SPDX-License-Identifier: Apache-2.0
// Files of a web page that are part of the program: GET and HEAD, ETag and 304, gzip made once,
// and headers that let a browser do nothing but show them (Content-Security-Policy: scripts,
// styles and images of this origin only, no inline code, in no frame).
//
// Threading: as the server. Example:
//   http::Assets page(kFiles, writer);
//   if (const auto answer = page.answer(request, accepts_gzip)) { reply(*answer); }
#ifndef MIGCTL_HTTP_ASSETS_H_
#define MIGCTL_HTTP_ASSETS_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/server.h"

namespace mig::http {

struct Asset {
  std::string_view path;  // "/web/main.js"
  std::string_view type;  // "text/javascript; charset=utf-8"
  std::string_view text;
};

// Of the ending: "js", "css", ...; "application/octet-stream" for others.
std::string_view media_type(std::string_view path);

class Assets {
 public:
  // The files must outlive this object.
  Assets(std::span<const Asset> files, ErrorWriter writer);

  bool has(std::string_view path) const { return files_.contains(path); }

  // nullopt: the path is none of these. Another method than GET and HEAD: 405, with Allow.
  std::optional<Response> answer(const Request& request, bool gzip);

 private:
  struct File {
    Asset asset;
    std::string tag;                       // without quotes
    std::optional<std::string> gzip = {};  // made when it is asked for; "" = is not smaller
  };

  ErrorWriter writer_;
  std::map<std::string_view, File> files_;
};

}  // namespace mig::http

#endif  // MIGCTL_HTTP_ASSETS_H_
