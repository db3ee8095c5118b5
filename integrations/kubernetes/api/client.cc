// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/client.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"
#include "kubernetes/api/answer.h"
#include "kubernetes/api/client_impl.h"

namespace mig::kube {
namespace {

constexpr std::size_t kLongestPath = 4096;

Result<void> check_path(const std::string& path) {
  bool fine = path.starts_with('/') && path.size() <= kLongestPath;
  for (const char c : path) {
    fine = fine && c > ' ' && c < '\x7f' && c != '?' && c != '#';
  }
  for (const std::string& segment : base::split(path, '/')) {
    fine = fine && segment != "." && segment != "..";
  }
  if (!fine) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("this is no path of the Kubernetes API: {}", base::quoted(path, 200)));
  }
  return {};
}

HttpRequest request_of(const char* method, const base::Json& body, const char* type) {
  HttpRequest request;
  request.method = method;
  request.most_bytes = kMostBytesOfObject;
  request.headers.push_back(fmt::format("Content-Type: {}", type));
  // What is not UTF-8 in a text of ours is replaced, not thrown about.
  request.body = body.dump(-1, ' ', false, base::Json::error_handler_t::replace);
  return request;
}

HttpRequest get_request() {
  HttpRequest request;
  request.most_bytes = kMostBytesOfObject;
  return request;
}

base::Json preconditions(const std::string& uid) {
  base::Json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (!uid.empty()) {
    options["preconditions"] = {{"uid", uid}};
  }
  return options;
}

}  // namespace

ApiClient::ApiClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ApiClient::~ApiClient() = default;

const ApiConfig& ApiClient::config() const {
  return impl_->config;
}

Result<std::unique_ptr<ApiClient>> ApiClient::open(ApiConfig config) {
  auto impl = std::make_unique<Impl>(std::move(config));
  MIG_ASSIGN_OR_RETURN(impl->server, server_url(impl->config.server, impl->config.tls_server_name));
  for (KeptFile* file : {&impl->token, &impl->ca, &impl->cert, &impl->key}) {
    MIG_TRY(file->content());  // what is missing now is a wrong configuration
  }
  return std::unique_ptr<ApiClient>(new ApiClient(std::move(impl)));
}

Result<base::Json> ApiClient::get(const std::string& path) {
  MIG_TRY(check_path(path));
  return impl_->object(get_request(), path, nullptr);
}

Result<base::Json> ApiClient::list(const std::string& path, const std::string& query) {
  return impl_->list(path, query, nullptr);
}

Result<base::Json> ApiClient::create(const std::string& path, const base::Json& object) {
  MIG_TRY(check_path(path));
  return impl_->object(request_of("POST", object, "application/json"), path, nullptr);
}

Result<base::Json> ApiClient::replace(const std::string& path, const base::Json& object) {
  MIG_TRY(check_path(path));
  return impl_->object(request_of("PUT", object, "application/json"), path, nullptr);
}

Result<base::Json> ApiClient::patch(const std::string& path, const base::Json& patch) {
  MIG_TRY(check_path(path));
  return impl_->object(request_of("PATCH", patch, "application/merge-patch+json"), path, nullptr);
}

// Whether the object is not at the path (any more), by the answer to a request for its end:
// removed, not there, or the path has one of another uid, which is what a conflict of a
// precondition means.
static Result<bool> is_gone(ApiClient& api,
                            const HttpAnswer& answer,
                            const std::string& path,
                            const std::string& uid) {
  if (answer.status / 100 == 2 || answer.status == 404) {
    return true;
  }
  if (answer.status != 409 || uid.empty()) {
    return false;
  }
  const Result<base::Json> now = api.get(path);
  if (!now && now.error().code == ErrorCode::kNotFound) {
    return true;
  }
  MIG_TRY(now);
  return metadata_text(*now, "uid") != uid;
}

Result<void> ApiClient::remove(const std::string& path, const std::string& uid) {
  MIG_TRY(check_path(path));
  MIG_ASSIGN_OR_RETURN(
      const HttpAnswer answer,
      impl_->exchange(request_of("DELETE", preconditions(uid), "application/json"), path, nullptr));
  MIG_ASSIGN_OR_RETURN(const bool gone, is_gone(*this, answer, path, uid));
  if (gone) {
    return {};
  }
  return refusal(answer, "delete " + path);
}

Result<void> ApiClient::evict(const std::string& name_space,
                              const std::string& pod,
                              const std::string& uid) {
  const std::string path = fmt::format(
      "/api/v1/namespaces/{}/pods/{}", percent_encoded(name_space), percent_encoded(pod));
  MIG_TRY(check_path(path));
  base::Json options = preconditions(uid);
  const base::Json eviction = {{"apiVersion", "policy/v1"},
                               {"kind", "Eviction"},
                               {"metadata", {{"name", pod}, {"namespace", name_space}}},
                               {"deleteOptions", std::move(options)}};
  MIG_ASSIGN_OR_RETURN(
      const HttpAnswer answer,
      impl_->exchange(
          request_of("POST", eviction, "application/json"), path + "/eviction", nullptr));
  MIG_ASSIGN_OR_RETURN(const bool gone, is_gone(*this, answer, path, uid));
  if (gone) {
    return {};
  }
  Error error = refusal(answer, fmt::format("evict pod {}/{}", name_space, pod));
  if (is_disruption_budget(answer)) {
    error.code = ErrorCode::kInUse;
    error.hint = "a PodDisruptionBudget does not allow it now; it is tried again";
  }
  return error;
}

std::string claim_path(const std::string& name_space, const std::string& name) {
  return fmt::format("/apis/resource.k8s.io/v1/namespaces/{}/resourceclaims/{}",
                     percent_encoded(name_space),
                     percent_encoded(name));
}

}  // namespace mig::kube
