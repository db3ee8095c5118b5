// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "config/document.h"
#include "kubernetes/api/client.h"
#include "kubernetes/api/kubeconfig.h"

namespace mig::kube {
namespace {

constexpr const char* kAccount = "/var/run/secrets/kubernetes.io/serviceaccount/";
constexpr std::size_t kLongestNamespace = 64;

std::string variable(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read at start
  return value != nullptr ? value : "";
}

Result<ApiConfig> of_pod(const PodPlace& pod) {
  if (pod.host.empty() || pod.port.empty()) {
    return fail(ErrorCode::kNotFound,
                "no API server: no kubeconfig was named, and this is no pod "
                "(KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set)",
                "--kubeconfig FILE names one");
  }
  if (!base::parse_decimal(pod.port, 65'535)) {
    return fail(ErrorCode::kInvalidInput,
                fmt::format("KUBERNETES_SERVICE_PORT is no port: {}", base::quoted(pod.port)));
  }
  ApiConfig out;
  const bool v6 = pod.host.find(':') != std::string::npos;
  out.server = fmt::format("https://{}:{}", v6 ? "[" + pod.host + "]" : pod.host, pod.port);
  const std::string account = pod.root + kAccount;
  out.token_file = account + "token";
  out.ca_file = account + "ca.crt";
  MIG_ASSIGN_OR_RETURN(out.own_namespace,
                       base::read_file(account + "namespace", kLongestNamespace));
  while (!out.own_namespace.empty() && out.own_namespace.back() == '\n') {
    out.own_namespace.pop_back();
  }
  return out;
}

}  // namespace

PodPlace PodPlace::of_this_process() {
  return {variable("KUBERNETES_SERVICE_HOST"), variable("KUBERNETES_SERVICE_PORT"), {}};
}

Result<ApiConfig> api_config(const std::string& kubeconfig, const PodPlace& pod) {
  if (kubeconfig.empty()) {
    return of_pod(pod);
  }
  MIG_ASSIGN_OR_RETURN(const std::string text, base::read_file(kubeconfig, config::kMostBytes));
  MIG_ASSIGN_OR_RETURN(ApiConfig out, parse_kubeconfig(text, kubeconfig));

  struct stat info {};

  const bool secrets = !out.token.empty() || !out.client_key_data.empty();
  if (secrets && ::stat(kubeconfig.c_str(), &info) == 0 && (info.st_mode & 077U) != 0) {
    out.warnings.push_back(
        fmt::format("{} holds secrets, and other users may read or change it (mode {:04o})",
                    kubeconfig,
                    info.st_mode & 07777U));
  }
  return out;
}

}  // namespace mig::kube
