// SPDX-License-Identifier: Apache-2.0
#include "http/tls.h"

#include <utility>

#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/own_path.h"
#include "base/strings.h"

namespace mig::http {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using Socket = asio::generic::stream_protocol::socket;

// ALPN: HTTP/1.1 is what is spoken; a client that offers only others is refused.
int choose_protocol(SSL* /*connection*/,
                    const unsigned char** out,
                    unsigned char* out_size,
                    const unsigned char* offered,
                    unsigned size,
                    void* /*unused*/) {
  static const unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found =
      ::SSL_select_next_proto(&chosen, out_size, kHttp11, sizeof kHttp11 - 1, offered, size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

class OpenSsl final : public Tls {
 public:
  OpenSsl(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  Result<void> reload() override {
    MIG_TRY(base::only_trusted_write(certificate_));
    MIG_TRY(base::only_trusted_write(key_));
    try {
      auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
      ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
      context->set_options(ssl::context::default_workarounds | ssl::context::no_compression |
                           SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
      ::SSL_CTX_set_alpn_select_cb(context->native_handle(), choose_protocol, nullptr);
      MIG_TRY(load(*context));
      context_ = std::move(context);
      return {};
    } catch (const std::exception& error) {
      return fail(ErrorCode::kIo, std::string("TLS cannot be had: ") + error.what());
    }
  }

  const std::shared_ptr<ssl::context>& context() const { return context_; }

 private:
  Result<void> load(ssl::context& context) const {
    boost::system::error_code error;
    context.use_certificate_chain_file(certificate_, error);
    if (error) {
      return refused("certificate", certificate_, error.message());
    }
    // OpenSSL would ask at the terminal for the passphrase of an encrypted key.
    context.set_password_callback(
        [](std::size_t, ssl::context::password_purpose) { return std::string(); });
    context.use_private_key_file(key_, ssl::context::pem, error);
    if (error) {
      return refused("key", key_, error.message());
    }
    if (::SSL_CTX_check_private_key(context.native_handle()) != 1) {
      ::ERR_clear_error();
      return refused("key", key_, "it is not the key of " + certificate_);
    }
    return {};
  }

  static Error refused(const char* what, const std::string& file, const std::string& why) {
    return Error{ErrorCode::kInvalidInput,
                 fmt::format("{} is no {} that TLS can use: {}", base::quoted(file), what, why),
                 "PEM files are expected: the certificate with its chain, and its key without a "
                 "passphrase",
                 {},
                 {}};
  }

  std::string certificate_, key_;
  std::shared_ptr<ssl::context> context_;
};

class AsioTls final : public TlsStream {
 public:
  AsioTls(Socket& socket, std::shared_ptr<ssl::context> context)
      : context_(std::move(context)), stream_(socket, *context_) {}

  void handshake(std::function<void(Error)> done) override {
    stream_.async_handshake(ssl::stream_base::server, std::move(done));
  }

  void read_some(const asio::mutable_buffer& buffer, Done done) override {
    stream_.async_read_some(buffer, std::move(done));
  }

  void write_some(const asio::const_buffer& buffer, Done done) override {
    stream_.async_write_some(buffer, std::move(done));
  }

  void shutdown(std::function<void(Error)> done) override {
    stream_.async_shutdown(std::move(done));
  }

 private:
  std::shared_ptr<ssl::context> context_;  // a reload puts another in its place
  ssl::stream<Socket&> stream_;
};

}  // namespace

Result<std::shared_ptr<Tls>> Tls::open(const std::string& certificate, const std::string& key) {
  auto tls = std::make_shared<OpenSsl>(certificate, key);
  MIG_TRY(tls->reload());
  return std::shared_ptr<Tls>(std::move(tls));
}

std::unique_ptr<TlsStream> make_tls_stream(Socket& socket, const Tls& tls) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): the only kind there is
  return std::make_unique<AsioTls>(socket, static_cast<const OpenSsl&>(tls).context());
}

}  // namespace mig::http
