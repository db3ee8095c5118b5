// SPDX-License-Identifier: Apache-2.0
// Inside of http/: TLS on a connected socket, by OpenSSL (tls.cc, the only file that compiles it
// with Asio). Threading: as the server.
#ifndef MIGCTL_HTTP_TLS_H_
#define MIGCTL_HTTP_TLS_H_

#include <functional>
#include <memory>

#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include "http/server.h"

namespace mig::http {

// One read and one write at a time.
class TlsStream {
 public:
  using Error = boost::system::error_code;
  using Done = std::function<void(Error, std::size_t)>;

  virtual ~TlsStream() = default;
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;
  TlsStream(TlsStream&&) = delete;
  TlsStream& operator=(TlsStream&&) = delete;

  virtual void handshake(std::function<void(Error)> done) = 0;
  virtual void read_some(const boost::asio::mutable_buffer& buffer, Done done) = 0;
  virtual void write_some(const boost::asio::const_buffer& buffer, Done done) = 0;
  // Tells the other end that nothing more comes (close_notify).
  virtual void shutdown(std::function<void(Error)> done) = 0;

 protected:
  TlsStream() = default;
};

// With the certificate as it is now. The socket must outlive it.
std::unique_ptr<TlsStream> make_tls_stream(boost::asio::generic::stream_protocol::socket& socket,
                                           const Tls& tls);

}  // namespace mig::http

#endif  // MIGCTL_HTTP_TLS_H_
