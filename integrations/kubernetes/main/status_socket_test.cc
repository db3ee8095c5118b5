// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/main/status_socket.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "kubernetes/main/pci_place.h"
#include "kubernetes/plugin/test_folder.h"

namespace mig::kube {
namespace {

TEST(StatusSocket, TellsWhyItIsNotReady) {
  const TestFolder folder;
  const std::string path = folder / "status.sock";
  std::atomic<bool> ready{false};
  auto socket = StatusSocket::start(
      path, [&ready] { return std::string(ready ? "" : "migd:\nnobody listens"); });
  ASSERT_TRUE(socket) << socket.error().text();
  EXPECT_EQ(ask_status(path).value_or("?"), "migd:\\u000anobody listens") << "in one line";
  ready = true;
  EXPECT_EQ(ask_status(path).value_or("?"), "");
  EXPECT_EQ(StatusSocket::start(path, [] { return std::string(); }).error().code,
            ErrorCode::kConflict);
  socket->reset();
  EXPECT_EQ(ask_status(path).error().code, ErrorCode::kIo);
}

TEST(StatusSocket, AnEndWithoutAnAnswerIsNotReady) {
  const TestFolder folder;
  const std::string path = folder / "status.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  const base::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  std::thread dies([&] { base::Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)); });
  const auto status = ask_status(path);
  dies.join();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
}

TEST(PciPlace, AsSysfsTells) {
  const TestFolder folder;
  const std::string tree = folder / "sys/devices/pci0000:10/0000:10:01.0/0000:12:00.0";
  std::filesystem::create_directories(tree);
  std::filesystem::create_directories(folder / "sys/bus/pci/devices");
  std::filesystem::create_symlink(tree, folder / "sys/bus/pci/devices/0000:12:00.0");
  EXPECT_EQ(numa_node(folder / "sys", "00000000:12:00.0"), std::nullopt);
  EXPECT_EQ(pcie_root(folder / "sys", "00000000:12:00.0"), "pci0000:10");
  EXPECT_EQ(pcie_root(folder / "sys", "00000000:13:00.0"), "");
  EXPECT_EQ(pcie_root(folder / "sys", "../../devices"), "");
  std::ofstream(tree + "/numa_node") << "1\n";
  EXPECT_EQ(numa_node(folder / "sys", "00000000:12:00.0"), 1);
  std::ofstream(tree + "/numa_node") << "-1\n";
  EXPECT_EQ(numa_node(folder / "sys", "00000000:12:00.0"), std::nullopt)
      << "the firmware says none";
}

}  // namespace
}  // namespace mig::kube
