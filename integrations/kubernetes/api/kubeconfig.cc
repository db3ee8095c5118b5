// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/api/kubeconfig.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/strings.h"
#include "config/document.h"

namespace mig::kube {
namespace {

using config::complaint;
using config::Node;

const Node* member(const Node& map, std::string_view key) {
  for (std::size_t at = 0; at + 1 < map.items.size(); at += 2) {
    if (map.items[at].text == key) {
      return &map.items[at + 1];
    }
  }
  return nullptr;
}

// The text of a member; "" when it is not there, or empty.
Result<std::string> text_of_member(const Node& map, std::string_view key) {
  const Node* node = member(map, key);
  if (node == nullptr || node->is(Node::Kind::kNull)) {
    return std::string();
  }
  if (!node->is(Node::Kind::kScalar)) {
    return complaint(node->position,
                     fmt::format("{}: a text is expected, this is {}", key, node->described()));
  }
  return node->text;
}

Result<bool> flag_of_member(const Node& map, std::string_view key) {
  MIG_ASSIGN_OR_RETURN(const std::string text, text_of_member(map, key));
  if (text == "true" || text == "false" || text.empty()) {
    return text == "true";
  }
  return complaint(member(map, key)->position,
                   fmt::format("{}: true or false is expected, this is {}", key, text));
}

// The map `kind` of the entry `name` of a list: clusters: [{name: x, cluster: {...}}].
Result<const Node*> entry(const Node& root,
                          const char* list,
                          const char* kind,
                          const std::string& name) {
  const Node* entries = member(root, list);
  if (entries != nullptr && entries->is(Node::Kind::kSequence)) {
    for (const Node& item : entries->items) {
      const Node* named = member(item, "name");
      const Node* found = member(item, kind);
      if (named != nullptr && named->text == name && found != nullptr &&
          found->is(Node::Kind::kMap)) {
        return found;
      }
    }
  }
  return complaint(entries != nullptr ? entries->position : root.position,
                   fmt::format("{} has no {} {}", list, kind, base::quoted(name)));
}

using Words = std::vector<std::string_view>;

bool has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// A member that we would have to obey and cannot is an error: to go on without it would be to talk
// to somebody else, or as somebody else.
Result<void> only_known(const Node& map,
                        const char* what,
                        const Words& known,
                        const Words& unsupported) {
  for (std::size_t at = 0; at + 1 < map.items.size(); at += 2) {
    const Node& key = map.items[at];
    if (has(known, key.text)) {
      continue;
    }
    Error error =
        complaint(key.position, fmt::format("{}: unknown member {}", what, base::quoted(key.text)));
    if (has(unsupported, key.text)) {
      error = complaint(key.position,
                        fmt::format("{}: {} is not supported", what, key.text),
                        "use a token, a token file or a client certificate");
      error.code = ErrorCode::kNotSupported;
    }
    return error;
  }
  return {};
}

// A file's name beside `file`, or PEM text inline; inline goes before, as in kubectl.
struct PemMember {
  const char* key;
  std::string& file;
  std::string& data;
};

Result<void> read_pem(const Node& map, const std::string& folder, const PemMember& pem) {
  const std::string data_key = fmt::format("{}-data", pem.key);
  MIG_ASSIGN_OR_RETURN(const std::string encoded, text_of_member(map, data_key));
  if (!encoded.empty()) {
    const auto decoded = base::from_base64(encoded);
    if (!decoded || decoded->find("-----BEGIN ") == std::string::npos) {
      return complaint(member(map, data_key)->position,
                       fmt::format("{}: this is no base64 of PEM", data_key));
    }
    pem.data = *decoded;
    return {};
  }
  MIG_ASSIGN_OR_RETURN(pem.file, text_of_member(map, pem.key));
  if (!pem.file.empty() && pem.file.front() != '/') {
    pem.file = folder + pem.file;
  }
  return {};
}

Result<void> read_cluster(const Node& cluster, const std::string& folder, ApiConfig& out) {
  MIG_TRY(only_known(cluster,
                     "cluster",
                     {"server",
                      "certificate-authority",
                      "certificate-authority-data",
                      "insecure-skip-tls-verify",
                      "tls-server-name",
                      "disable-compression",
                      "extensions"},
                     {"proxy-url"}));
  MIG_ASSIGN_OR_RETURN(out.server, text_of_member(cluster, "server"));
  if (out.server.empty()) {
    return complaint(cluster.position, "the cluster has no server");
  }
  MIG_TRY(read_pem(cluster, folder, {"certificate-authority", out.ca_file, out.ca_data}));
  MIG_ASSIGN_OR_RETURN(out.skip_tls_verify, flag_of_member(cluster, "insecure-skip-tls-verify"));
  if (out.skip_tls_verify && (!out.ca_file.empty() || !out.ca_data.empty())) {
    return complaint(cluster.position,
                     "insecure-skip-tls-verify and a certificate-authority exclude one another");
  }
  MIG_ASSIGN_OR_RETURN(out.tls_server_name, text_of_member(cluster, "tls-server-name"));
  return {};
}

Result<void> read_user(const Node& user, const std::string& folder, ApiConfig& out) {
  MIG_TRY(only_known(user,
                     "user",
                     {"token",
                      "tokenFile",
                      "client-certificate",
                      "client-certificate-data",
                      "client-key",
                      "client-key-data",
                      "extensions"},
                     {"exec",
                      "auth-provider",
                      "username",
                      "password",
                      "as",
                      "as-uid",
                      "as-groups",
                      "as-user-extra"}));
  MIG_ASSIGN_OR_RETURN(out.token, text_of_member(user, "token"));
  MIG_ASSIGN_OR_RETURN(out.token_file, text_of_member(user, "tokenFile"));
  if (!out.token_file.empty()) {
    out.token.clear();  // the file goes before, as in kubectl
    if (out.token_file.front() != '/') {
      out.token_file = folder + out.token_file;
    }
  }
  MIG_TRY(
      read_pem(user, folder, {"client-certificate", out.client_cert_file, out.client_cert_data}));
  MIG_TRY(read_pem(user, folder, {"client-key", out.client_key_file, out.client_key_data}));
  const bool cert = !out.client_cert_file.empty() || !out.client_cert_data.empty();
  const bool key = !out.client_key_file.empty() || !out.client_key_data.empty();
  if (cert != key) {
    return complaint(user.position,
                     fmt::format("the user has a client-{} without a client-{}",
                                 cert ? "certificate" : "key",
                                 cert ? "key" : "certificate"));
  }
  return {};
}

}  // namespace

Result<ApiConfig> parse_kubeconfig(std::string_view text, const std::string& file) {
  MIG_ASSIGN_OR_RETURN(const Node root, config::parse_document(text, file));
  MIG_ASSIGN_OR_RETURN(const std::string current, text_of_member(root, "current-context"));
  if (!root.is(Node::Kind::kMap) || current.empty()) {
    return complaint(SourcePosition{file, 1, 1},
                     "no current-context in this kubeconfig",
                     "kubectl config use-context NAME sets it");
  }
  MIG_ASSIGN_OR_RETURN(const Node* context, entry(root, "contexts", "context", current));
  ApiConfig out;
  MIG_ASSIGN_OR_RETURN(const std::string cluster_name, text_of_member(*context, "cluster"));
  MIG_ASSIGN_OR_RETURN(const std::string user_name, text_of_member(*context, "user"));
  MIG_ASSIGN_OR_RETURN(out.own_namespace, text_of_member(*context, "namespace"));
  const std::string folder = file.substr(0, file.rfind('/') + 1);
  MIG_ASSIGN_OR_RETURN(const Node* cluster, entry(root, "clusters", "cluster", cluster_name));
  MIG_TRY(read_cluster(*cluster, folder, out));
  if (!user_name.empty()) {
    MIG_ASSIGN_OR_RETURN(const Node* user, entry(root, "users", "user", user_name));
    MIG_TRY(read_user(*user, folder, out));
  }
  return out;
}

}  // namespace mig::kube
