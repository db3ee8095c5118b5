// SPDX-License-Identifier: Apache-2.0
#include "http/gzip.h"

#include <string>

#include <gtest/gtest.h>
#include <zlib.h>

namespace mig::http {
namespace {

// What a client makes of it: gzip's header demanded, checksum and length checked by zlib.
std::string unpacked(const std::string& packed, std::size_t size) {
  constexpr int kGzipOnly = 16;
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, MAX_WBITS + kGzipOnly), Z_OK);
  std::string text(size + 1, '\0');
  std::string input = packed;
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(::inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  ::inflateEnd(&stream);
  return text;
}

TEST(Gzip, UnpacksToTheSameText) {
  std::string long_text;
  for (int i = 0; i < 20'000; ++i) {
    long_text += "mig_gpu_power_watts{gpu_uuid=\"GPU-" + std::to_string(i) + "\"} 1\n";
  }
  for (const std::string& text : {std::string(), std::string("a"), long_text}) {
    const auto packed = gzip(text);
    ASSERT_TRUE(packed);
    EXPECT_EQ(unpacked(*packed, text.size()), text);
  }
  EXPECT_LT(gzip(long_text)->size(), long_text.size() / 5);
}

}  // namespace
}  // namespace mig::http
