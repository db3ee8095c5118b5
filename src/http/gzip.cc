// SPDX-License-Identifier: Apache-2.0
#include "http/gzip.h"

#include <limits>

#include <zlib.h>

namespace mig::http {

Result<std::string> gzip(std::string_view text) {
  constexpr int kGzipHeader = 16;  // added to the window bits: gzip's header instead of zlib's
  constexpr int kMemory = 8;
  z_stream stream{};
  if (text.size() > std::numeric_limits<uInt>::max() ||
      ::deflateInit2(&stream,
                     Z_BEST_SPEED,
                     Z_DEFLATED,
                     MAX_WBITS + kGzipHeader,
                     kMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(ErrorCode::kIo, "cannot compress the response: no memory");
  }
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  // zlib's interface lacks the const; it only reads.
  stream.next_in =
      reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));  // NOLINT(*-const-cast)
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int done = ::deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  if (done != Z_STREAM_END) {
    return fail(ErrorCode::kIo, "cannot compress the response");
  }
  return packed;
}

}  // namespace mig::http
