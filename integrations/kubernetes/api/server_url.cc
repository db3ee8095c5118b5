// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/server_url.h"

#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/strings.h"

namespace mig::kube {
namespace {

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part(CURLU* url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, flags) != CURLUE_OK) {
    return {};
  }
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

Result<ServerUrl> server_url(const std::string& server, const std::string& tls_name) {
  const std::string shown = base::quoted(server, 200);
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, server.c_str(), 0) != CURLUE_OK) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("the API server's address is no URL: {}", shown),
                "an API server has an address of https, a host and a port");
  }
  const std::string scheme = part(url.get(), CURLUPART_SCHEME);
  const std::string host = part(url.get(), CURLUPART_HOST);
  const std::string port = part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  if (!part(url.get(), CURLUPART_USER).empty() || !part(url.get(), CURLUPART_PASSWORD).empty()) {
    return fail(ErrorCode::kInvalidInput, "the API server's address has a user or password in it");
  }
  const bool here = host == "localhost" || host.starts_with("127.") || host == "[::1]";
  if (scheme != "https" && !(scheme == "http" && here)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("the API server's address is not https: {}", shown),
                "http is for this machine only: credentials would travel unencrypted");
  }
  std::string path = part(url.get(), CURLUPART_PATH);
  while (path.ends_with('/')) {
    path.pop_back();
  }
  ServerUrl out;
  const std::string& name = tls_name.empty() ? host : tls_name;
  out.base = fmt::format("{}://{}:{}{}", scheme, name, port, path);
  if (name != host) {
    // curl takes the name to verify from the URL; CONNECT_TO sends the connection elsewhere.
    out.connect_to = fmt::format("{}:{}:{}:{}", name, port, host, port);
    out.host = fmt::format("{}:{}", host, port);
  }
  return out;
}

}  // namespace mig::kube
