// SPDX-License-Identifier: Apache-2.0
// A client of the Kubernetes API server over HTTPS (libcurl): requests on paths and JSON objects.
//
//   MIG_ASSIGN_OR_RETURN(const kube::ApiConfig config, kube::api_config(kubeconfig_or_empty));
//   MIG_ASSIGN_OR_RETURN(const auto api, kube::ApiClient::open(config));
//   MIG_ASSIGN_OR_RETURN(const base::Json claim, api->get(kube::claim_path("team", "train")));
//
// Threading: thread-safe; a call blocks at most ApiConfig::timeout. Errors: kNotFound (404),
// kConflict (409, 410), kPermission (401, 403), kInvalidInput (400, 422), kInUse (429 of an
// eviction: a PodDisruptionBudget), kTimeout, kTooLarge, kIo (unreachable, TLS, other answers); the
// message has the server's own words. Credentials are read again when their files change, and after
// a 401. A 429 with Retry-After is waited for once, within the time limit. Redirects are not
// followed; proxies are as curl's environment variables say.
#ifndef MIGCTL_KUBERNETES_API_CLIENT_H_
#define MIGCTL_KUBERNETES_API_CLIENT_H_

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "mig/result.h"

#include "base/json.h"

namespace mig::kube {

struct ApiConfig {
  // "https://127.0.0.1:6443"; http only to this machine (kubectl proxy).
  std::string server;
  std::string ca_file;  // "" = ca_data, else the system's
  std::string ca_data;  // PEM
  bool skip_tls_verify = false;
  std::string tls_server_name;  // that the certificate must have; "" = the server's
  std::string token_file;       // read again when it changes
  std::string token;            // of a kubeconfig that has it inline
  std::string client_cert_file, client_key_file;
  std::string client_cert_data, client_key_data;  // PEM
  std::string own_namespace;                      // "" = unknown
  std::vector<std::string> warnings;              // for the log: secrets that others can read
  std::chrono::milliseconds timeout{10'000};      // of a request
  // What a server's "second" of Retry-After is; tests shorten it.
  std::chrono::milliseconds second{1'000};
};

// What the kubelet gives to a pod.
struct PodPlace {
  std::string host, port;  // of the API server; "" = this is no pod
  std::string root;        // before /var/run/secrets/...; tests have a folder of their own

  static PodPlace of_this_process();
};

// Of a kubeconfig file's current context; "" = of the pod that this process runs in (service
// account). Errors: kInvalidInput names file, line and member; kNotSupported: a way to authenticate
// that is not built in (exec plugins); kNotFound when neither is there.
Result<ApiConfig> api_config(const std::string& kubeconfig,
                             const PodPlace& pod = PodPlace::of_this_process());

class ApiClient {
 public:
  static Result<std::unique_ptr<ApiClient>> open(ApiConfig config);
  ~ApiClient();
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;
  ApiClient(ApiClient&&) = delete;
  ApiClient& operator=(ApiClient&&) = delete;

  const ApiConfig& config() const;

  Result<base::Json> get(const std::string& path);
  // All pages, as one list: at most 64 MiB. Its metadata.resourceVersion is that of the list.
  // `query`: "fieldSelector=spec.nodeName%3Dn1" or "".
  Result<base::Json> list(const std::string& path, const std::string& query);
  Result<base::Json> create(const std::string& path, const base::Json& object);
  Result<base::Json> replace(const std::string& path, const base::Json& object);
  // RFC 7386 (merge patch). With metadata.resourceVersion in it, kConflict when it is another one.
  Result<base::Json> patch(const std::string& path, const base::Json& patch);
  // Already gone is success. `uid`: only that object ("" = any).
  Result<void> remove(const std::string& path, const std::string& uid);
  // By the eviction API, which respects PodDisruptionBudgets (kInUse: refused for now). Already
  // gone is success.
  Result<void> evict(const std::string& name_space, const std::string& pod, const std::string& uid);

  struct Impl;

  // For what is made of exchanges of its own kind, inside of api/.
  Impl& impl() { return *impl_; }

 private:
  explicit ApiClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// "/apis/resource.k8s.io/v1/namespaces/team/resourceclaims/train"; names are percent-encoded.
std::string claim_path(const std::string& name_space, const std::string& name);
// `text` percent-encoded, for a segment of a path or a value of a query.
std::string percent_encoded(const std::string& text);

}  // namespace mig::kube

#endif  // MIGCTL_KUBERNETES_API_CLIENT_H_
