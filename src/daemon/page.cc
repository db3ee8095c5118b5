// SPDX-License-Identifier: Apache-2.0
#include "daemon/page.h"

#include <utility>

#include "daemon/web_files.h"
#include "expose/negotiate.h"

namespace mig::daemon {

Page::Page(http::ErrorWriter writer) {
  paths_.reserve(kWebFiles.size());
  std::vector<http::Asset> assets;
  for (const WebFile& file : kWebFiles) {
    const std::string name(file.name);
    paths_.push_back(name == "index.html" ? "/" : "/web/" + name);
    assets.push_back({paths_.back(), http::media_type(file.name), file.text});
  }
  assets_.emplace(assets, std::move(writer));
}

std::optional<http::Response> Page::answer(const http::Request& request) {
  const auto accepted = request.headers.find("accept-encoding");
  return assets_->answer(request,
                         accepted != request.headers.end() && expose::gzip_for(accepted->second));
}

}  // namespace mig::daemon
