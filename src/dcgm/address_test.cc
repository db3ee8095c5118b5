// SPDX-License-Identifier: Apache-2.0
#include "dcgm/address.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/fd.h"

namespace mig::dcgm {
namespace {

// A line of /proc/net/tcp (Linux 6.1): state 0A listens, 01 is connected.
std::string line(const std::string& address,
                 unsigned port,
                 const std::string& state,
                 unsigned uid) {
  return fmt::format(
      "   0: {}:{:04X} 00000000:0000 {} 00000000:00000000 00:00000000 00000000 {:5}        0 1 1 "
      "0000000000000000 100 0 0 10 0\n",
      address,
      port,
      state,
      uid);
}

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/migctl-dcgm-XXXXXX";
    ASSERT_NE(::mkdtemp(folder_.data()), nullptr);
  }

  void TearDown() override { std::filesystem::remove_all(folder_); }

  ErrorCode look(const std::string& tcp, const std::string& tcp6 = "") {
    const std::string header = "  sl  local_address rem_address   st tx_queue rx_queue tr ...\n";
    std::ofstream(folder_ + "/tcp") << header << tcp;
    std::ofstream(folder_ + "/tcp6") << header << tcp6;
    const auto looked = check_listener(*parse_address("127.0.0.1:5555"), folder_);
    return looked ? ErrorCode::kFindings : looked.error().code;  // kFindings: fine
  }

  std::string folder_;
  const unsigned own_ = ::geteuid();
};

constexpr unsigned kStranger = 61001;

TEST(DcgmAddress, IsOfThisMachine) {
  EXPECT_EQ(parse_address("")->text, "127.0.0.1:5555");
  EXPECT_EQ(parse_address("localhost")->text, "127.0.0.1:5555");
  EXPECT_EQ(parse_address("127.0.0.1:6000")->port, 6000);
  EXPECT_EQ(*parse_address("/run/he.sock"), (Address{"/run/he.sock", true, 0}));
  for (const char* wrong : {"node7:5555",
                            "10.0.0.1",
                            ":5555",
                            "localhost:",
                            "localhost:0",
                            "localhost:65536",
                            "localhost:5555:1",
                            "he.sock",
                            "0.0.0.0"}) {
    const auto address = parse_address(wrong);
    ASSERT_FALSE(address) << wrong;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidInput);
    EXPECT_NE(address.error().message.find(wrong), std::string::npos);
  }
  EXPECT_FALSE(parse_address("/" + std::string(107, 'x')));
}

TEST_F(ListenerTest, NobodyListens) {
  EXPECT_EQ(look(""), ErrorCode::kNotFound);
  EXPECT_EQ(look(line("0100007F", 5556, "0A", own_)), ErrorCode::kNotFound) << "another port";
  EXPECT_EQ(look(line("0100007F", 5555, "01", own_)), ErrorCode::kNotFound) << "a connection";
  EXPECT_EQ(look(line("0101A8C0", 5555, "0A", own_)), ErrorCode::kNotFound) << "another address";
}

TEST_F(ListenerTest, ItsOwnerMustBeTrusted) {
  EXPECT_EQ(look(line("0100007F", 5555, "0A", own_)), ErrorCode::kFindings);
  EXPECT_EQ(look(line("00000000", 5555, "0A", 0)), ErrorCode::kFindings);
  EXPECT_EQ(look("", line("00000000000000000000000000000000", 5555, "0A", 0)),
            ErrorCode::kFindings);
  EXPECT_EQ(look(line("0100007F", 5555, "0A", kStranger)), ErrorCode::kPermission);
  EXPECT_EQ(look(line("00000000", 5555, "0A", 0) + line("0100007F", 5555, "0A", kStranger)),
            ErrorCode::kPermission)
      << "the one at the address itself gets the connection";
  EXPECT_EQ(look("", line("0000000000000000FFFF00000100007F", 5555, "0A", kStranger)),
            ErrorCode::kPermission);
}

TEST_F(ListenerTest, AUnixSocketOfATrustedUser) {
  const std::string path = folder_ + "/he.sock";
  const Address address = *parse_address(path);
  EXPECT_EQ(check_listener(address).error().code, ErrorCode::kNotFound);
  std::ofstream(path) << "no socket";
  EXPECT_EQ(check_listener(address).error().code, ErrorCode::kNotFound);
  std::filesystem::remove(path);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path.c_str(), sizeof(at.sun_path) - 1);
  const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  EXPECT_TRUE(check_listener(address));
  const std::string link = folder_ + "/link.sock";
  std::filesystem::create_symlink(path, link);
  EXPECT_TRUE(check_listener(*parse_address(link))) << "a trusted user's link";
  if (own_ != 0) {
    GTEST_SKIP() << "a socket of another user needs root";
  }
  ASSERT_EQ(::lchown(link.c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(check_listener(*parse_address(link)).error().code, ErrorCode::kPermission)
      << "who may change the link chooses the engine";
  ASSERT_EQ(::chown(path.c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(check_listener(address).error().code, ErrorCode::kPermission);
}

}  // namespace
}  // namespace mig::dcgm
