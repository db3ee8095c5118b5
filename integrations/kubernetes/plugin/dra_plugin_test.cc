// SPDX-License-Identifier: Apache-2.0
// The DRA driver's sockets as a kubelet uses them.
#include "kubernetes/plugin/dra_plugin.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <stdexcept>
#include <vector>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "base/fd.h"
#include "kubernetes/plugin/socket_place.h"
#include "kubernetes/plugin/test_channel.h"
#include "kubernetes/plugin/test_folder.h"
#include "proto/dra_health.grpc.pb.h"
#include "proto/dra_v1.grpc.pb.h"
#include "proto/dra_v1beta1.grpc.pb.h"
#include "proto/plugin_registration.grpc.pb.h"

namespace mig::kube {
namespace {

namespace dra = ::k8s::io::kubelet::pkg::apis::dra::v1;
namespace dra_beta = ::k8s::io::kubelet::pkg::apis::dra::v1beta1;

// A socket that somebody bound; nobody listens on it unless `listen`.
base::Fd bound_socket(const std::string& path, bool listen) {
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  if (listen) {
    EXPECT_EQ(::listen(fd.get(), 1), 0);
  }
  return fd;
}

unsigned mode_of(const std::string& path) {
  struct stat info {};

  EXPECT_EQ(::lstat(path.c_str(), &info), 0) << path;
  return info.st_mode & 07777U;
}

class DraPluginTest : public testing::Test {
 protected:
  DraPlaces places() const {
    return {"mig.migctl.dev", folder_ / "plugins/mig.migctl.dev", folder_ / "plugins_registry"};
  }

  std::string dra_socket() const { return folder_ / "plugins/mig.migctl.dev/dra.sock"; }

  std::string reg_socket() const { return folder_ / "plugins_registry/mig.migctl.dev-reg.sock"; }

  DraCalls calls() {
    DraCalls made;
    made.prepare = [this](const ClaimRef& claim) -> Result<std::vector<PreparedDevice>> {
      ++prepared_;
      if (claim.name == "throws") {
        throw std::runtime_error("a bug");
      }
      if (claim.name == "full") {
        return fail(ErrorCode::kNoCapacity, "no room for 3g.71gb", "migctl list shows why");
      }
      return std::vector<PreparedDevice>{{.request = "gpu/small",
                                          .pool = "node-1",
                                          .device = "gpu-0-mig-1g-18gb-6",
                                          .share_id = claim.name == "shared" ? "s1" : "",
                                          .cdi_ids = {"nvidia.com/gpu=MIG-" + claim.uid}}};
    };
    made.unprepare = [](const ClaimRef& claim) -> Result<void> {
      if (claim.name == "stuck") {
        return fail(ErrorCode::kInUse, "process 12 is on it");
      }
      return {};
    };
    return made;
  }

  std::unique_ptr<DraPlugin> start() {
    auto made =
        DraPlugin::start(places(), calls(), health_, [this](Weight, const std::string& line) {
          const std::lock_guard lock(mutex_);
          lines_.push_back(line);
        });
    EXPECT_TRUE(made) << made.error().text();
    return made ? *std::move(made) : nullptr;
  }

  bool told(const std::string& part) {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lines_) {
      if (line.find(part) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  pluginregistration::PluginInfo info() const {
    grpc::ClientContext context;
    pluginregistration::PluginInfo answer;
    const auto stub = pluginregistration::Registration::NewStub(channel_to(reg_socket()));
    EXPECT_TRUE(stub->GetInfo(&context, {}, &answer).ok());
    return answer;
  }

  void notify(bool registered, const std::string& error) const {
    grpc::ClientContext context;
    pluginregistration::RegistrationStatus status;
    status.set_plugin_registered(registered);
    status.set_error(error);
    pluginregistration::RegistrationStatusResponse answer;
    const auto stub = pluginregistration::Registration::NewStub(channel_to(reg_socket()));
    EXPECT_TRUE(stub->NotifyRegistrationStatus(&context, status, &answer).ok());
  }

  dra::NodePrepareResourcesResponse prepare(const dra::NodePrepareResourcesRequest& request) const {
    grpc::ClientContext context;
    dra::NodePrepareResourcesResponse answer;
    const auto stub = dra::DRAPlugin::NewStub(channel_to(dra_socket()));
    const auto status = stub->NodePrepareResources(&context, request, &answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return answer;
  }

  TestFolder folder_;
  HealthState health_;
  std::atomic<int> prepared_{0};
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

template <class Request>
void add_claim(Request& request, const std::string& name, const std::string& uid) {
  auto* claim = request.add_claims();
  claim->set_namespace_("team");
  claim->set_name(name);
  claim->set_uid(uid);
}

TEST_F(DraPluginTest, RegistersAndTellsTheKubeletsRefusal) {
  const auto plugin = start();
  const auto told_info = info();
  EXPECT_EQ(told_info.type(), "DRAPlugin");
  EXPECT_EQ(told_info.name(), "mig.migctl.dev");
  EXPECT_EQ(told_info.endpoint(), dra_socket());
  ASSERT_EQ(told_info.supported_versions_size(), 2);
  EXPECT_EQ(told_info.supported_versions(0), "v1.DRAPlugin");
  EXPECT_EQ(told_info.supported_versions(1), "v1beta1.DRAPlugin");
  EXPECT_NE(plugin->trouble().find("not registered"), std::string::npos) << plugin->trouble();
  notify(false, "the plugin is\x1b[31m strange");
  EXPECT_NE(plugin->trouble().find("strange"), std::string::npos);
  EXPECT_EQ(plugin->trouble().find('\x1b'), std::string::npos);
  EXPECT_TRUE(told("refused the registration"));
  notify(true, "");
  EXPECT_EQ(plugin->trouble(), "");
}

TEST_F(DraPluginTest, ARefusedRegistrationIsTriedAgain) {
  const auto plugin = start();
  const FileIdentity first = identity(reg_socket());
  notify(false, "not now");
  EXPECT_TRUE(becomes([&] {
    const FileIdentity now = identity(reg_socket());
    return now.there() && !(now == first);
  })) << "the socket must appear anew, for the kubelet to see";
  EXPECT_TRUE(becomes([&] { return plugin->trouble().find("not now") == std::string::npos; }));
  EXPECT_EQ(info().name(), "mig.migctl.dev");
}

TEST_F(DraPluginTest, SocketsAreForTheirOwnerOnly) {
  const auto plugin = start();
  EXPECT_EQ(mode_of(dra_socket()), 0600U);
  EXPECT_EQ(mode_of(reg_socket()), 0600U);
  EXPECT_EQ(mode_of(folder_ / "plugins"), 0750U);
  EXPECT_EQ(mode_of(folder_ / "plugins/mig.migctl.dev"), 0750U);
  EXPECT_EQ(mode_of(folder_ / "plugins_registry"), 0750U);
}

TEST_F(DraPluginTest, EveryClaimIsAnsweredWhateverBecomesOfTheOthers) {
  const auto plugin = start();
  dra::NodePrepareResourcesRequest request;
  for (int i = 0; i < 100; ++i) {
    add_claim(request, "claim", "uid-" + std::to_string(i));
  }
  add_claim(request, "full", "uid-full");
  add_claim(request, "throws", "uid-throws");
  add_claim(request, "../x", "uid-bad");
  add_claim(request, "shared", "uid-shared");
  add_claim(request, "claim", "uid-7");  // twice
  const auto answer = prepare(request);
  ASSERT_EQ(answer.claims_size(), 104);
  for (int i = 0; i < 100; ++i) {
    const auto& one = answer.claims().at("uid-" + std::to_string(i));
    EXPECT_EQ(one.error(), "");
    ASSERT_EQ(one.devices_size(), 1);
    EXPECT_EQ(one.devices(0).request_names(0), "gpu") << "without the alternative's name";
    EXPECT_EQ(one.devices(0).pool_name(), "node-1");
    EXPECT_EQ(one.devices(0).device_name(), "gpu-0-mig-1g-18gb-6");
    EXPECT_EQ(one.devices(0).cdi_device_ids(0), "nvidia.com/gpu=MIG-uid-" + std::to_string(i));
    EXPECT_FALSE(one.devices(0).has_share_id());
  }
  EXPECT_EQ(answer.claims().at("uid-full").error(), "no room for 3g.71gb (migctl list shows why)");
  EXPECT_NE(answer.claims().at("uid-throws").error().find("a bug"), std::string::npos);
  EXPECT_NE(answer.claims().at("uid-bad").error(), "");
  EXPECT_EQ(answer.claims().at("uid-shared").devices(0).share_id(), "s1");
  EXPECT_EQ(prepared_, 103) << "the bad name is not handled, the repeated one once";
}

TEST_F(DraPluginTest, ManyRequestsSideBySide) {
  const auto plugin = start();
  const auto channel = channel_to(dra_socket());
  std::atomic<int> right{0};
  std::vector<std::jthread> kubelets;
  for (int i = 0; i < 100; ++i) {
    kubelets.emplace_back([&, i] {
      dra::NodePrepareResourcesRequest request;
      add_claim(request, "claim", "uid-" + std::to_string(i));
      grpc::ClientContext context;
      dra::NodePrepareResourcesResponse answer;
      const auto stub = dra::DRAPlugin::NewStub(channel);
      if (stub->NodePrepareResources(&context, request, &answer).ok() &&
          answer.claims_size() == 1 && answer.claims().begin()->second.devices_size() == 1) {
        ++right;
      }
    });
  }
  kubelets.clear();
  EXPECT_EQ(right, 100);
}

TEST_F(DraPluginTest, UnprepareTellsErrorsPerClaim) {
  const auto plugin = start();
  dra::NodeUnprepareResourcesRequest request;
  add_claim(request, "claim", "uid-1");
  add_claim(request, "stuck", "uid-2");
  grpc::ClientContext context;
  dra::NodeUnprepareResourcesResponse answer;
  const auto stub = dra::DRAPlugin::NewStub(channel_to(dra_socket()));
  ASSERT_TRUE(stub->NodeUnprepareResources(&context, request, &answer).ok());
  ASSERT_EQ(answer.claims_size(), 2);
  EXPECT_EQ(answer.claims().at("uid-1").error(), "");
  EXPECT_EQ(answer.claims().at("uid-2").error(), "process 12 is on it");
}

TEST_F(DraPluginTest, OlderKubeletsAreServedToo) {
  const auto plugin = start();
  dra_beta::NodePrepareResourcesRequest request;
  add_claim(request, "claim", "uid-1");
  grpc::ClientContext context;
  dra_beta::NodePrepareResourcesResponse answer;
  const auto stub = dra_beta::DRAPlugin::NewStub(channel_to(dra_socket()));
  ASSERT_TRUE(stub->NodePrepareResources(&context, request, &answer).ok());
  EXPECT_EQ(answer.claims().at("uid-1").devices(0).cdi_device_ids(0), "nvidia.com/gpu=MIG-uid-1");
}

TEST_F(DraPluginTest, HugeAndMalformedRequestsAreRefused) {
  const auto plugin = start();
  const auto channel = channel_to(dra_socket());
  const auto stub = dra::DRAPlugin::NewStub(channel);
  dra::NodePrepareResourcesRequest many;
  for (int i = 0; i < 600; ++i) {
    add_claim(many, "claim", "uid-" + std::to_string(i));
  }
  dra::NodePrepareResourcesResponse answer;
  grpc::ClientContext first;
  EXPECT_EQ(stub->NodePrepareResources(&first, many, &answer).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  dra::NodePrepareResourcesRequest large;
  add_claim(large, std::string(2 << 20, 'a'), "uid");
  grpc::ClientContext second;
  EXPECT_EQ(stub->NodePrepareResources(&second, large, &answer).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  // No protobuf at all.
  grpc::GenericStub generic(channel);
  grpc::ClientContext third;
  const grpc::Slice junk(std::string(100, '\xff'));
  grpc::ByteBuffer bytes(&junk, 1);
  grpc::ByteBuffer reply;
  grpc::CompletionQueue queue;
  auto call = generic.PrepareUnaryCall(
      &third, "/k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin/NodePrepareResources", bytes, &queue);
  call->StartCall();
  grpc::Status status;
  call->Finish(&reply, &status, &queue);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(prepared_, 0);
  // And it still works.
  dra::NodePrepareResourcesRequest right;
  add_claim(right, "claim", "uid-1");
  EXPECT_EQ(prepare(right).claims_size(), 1);
}

TEST_F(DraPluginTest, HealthIsToldToEachWatcherAndEnds) {
  auto plugin = start();
  health_.set({{.pool = "node-1", .device = "gpu-0-mig-1g-18gb-6"}});
  const auto stub = v1alpha1::DRAResourceHealth::NewStub(channel_to(dra_socket()));
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1alpha1::NodeWatchResourcesResponse>>> streams;
  v1alpha1::NodeWatchResourcesResponse message;
  for (int i = 0; i < 8; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub->NodeWatchResources(contexts.back().get(), {}));
    ASSERT_TRUE(streams.back()->Read(&message));
    ASSERT_EQ(message.devices_size(), 1);
    EXPECT_EQ(message.devices(0).health(), v1alpha1::HEALTHY);
  }
  grpc::ClientContext ninth;
  const auto refused = stub->NodeWatchResources(&ninth, {});
  EXPECT_FALSE(refused->Read(&message));
  EXPECT_EQ(refused->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  health_.set({{.pool = "node-1",
                .device = "gpu-0-mig-1g-18gb-6",
                .healthy = false,
                .since_s = 77,
                .message = "Xid 94"}});
  for (const auto& stream : streams) {
    do {  // the state is also told again now and then
      ASSERT_TRUE(stream->Read(&message));
    } while (message.devices(0).health() == v1alpha1::HEALTHY);
    EXPECT_EQ(message.devices(0).health(), v1alpha1::UNHEALTHY);
    EXPECT_EQ(message.devices(0).message(), "Xid 94");
    EXPECT_EQ(message.devices(0).last_updated_time(), 77);
    EXPECT_GT(message.devices(0).health_check_timeout_seconds(), 0);
    EXPECT_EQ(message.devices(0).device().pool_name(), "node-1");
  }
  plugin.reset();
  for (const auto& stream : streams) {
    while (stream->Read(&message)) {
    }
    (void)stream->Finish();
  }
}

TEST_F(DraPluginTest, ASlowReaderGetsTheNewestOnly) {
  const auto plugin = start();
  const auto stub = v1alpha1::DRAResourceHealth::NewStub(channel_to(dra_socket()));
  grpc::ClientContext context;
  const auto stream = stub->NodeWatchResources(&context, {});
  constexpr int kStates = 2000;
  const std::string filler(900, 'x');
  for (int i = 1; i <= kStates; ++i) {
    std::vector<DeviceHealth> devices(50, {.pool = "p", .device = "d", .message = filler});
    devices.front().since_s = i;
    health_.set(std::move(devices));
  }
  int messages = 0;
  v1alpha1::NodeWatchResourcesResponse message;
  do {
    ASSERT_TRUE(stream->Read(&message));
    ++messages;
  } while (message.devices(0).last_updated_time() != kStates);
  EXPECT_LT(messages, kStates) << "nothing queues up";
}

TEST_F(DraPluginTest, SocketsThatWereRemovedAreMadeAnew) {
  const auto plugin = start();
  notify(true, "");
  ASSERT_EQ(::unlink(reg_socket().c_str()), 0);
  EXPECT_TRUE(becomes([&] { return ::access(reg_socket().c_str(), F_OK) == 0; }));
  EXPECT_EQ(info().name(), "mig.migctl.dev");
  std::filesystem::remove_all(folder_ / "plugins");
  std::filesystem::remove_all(folder_ / "plugins_registry");
  EXPECT_TRUE(becomes([&] { return ::access(reg_socket().c_str(), F_OK) == 0; }));
  dra::NodePrepareResourcesRequest request;
  add_claim(request, "claim", "uid-1");
  EXPECT_EQ(prepare(request).claims_size(), 1);
}

TEST_F(DraPluginTest, ADeadPredecessorsSocketIsReplacedALiveOneIsNot) {
  std::filesystem::create_directories(folder_ / "plugins/mig.migctl.dev");
  std::filesystem::create_directories(folder_ / "plugins_registry");
  bound_socket(reg_socket(), true).reset();  // dead: the file stays
  {
    const auto living = bound_socket(dra_socket(), true);
    const auto refused = DraPlugin::start(places(), calls(), health_, [](Weight, const auto&) {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kConflict);
    EXPECT_NE(refused.error().message.find("another process"), std::string::npos);
  }
  const auto plugin = start();
  ASSERT_TRUE(plugin);
  EXPECT_EQ(info().name(), "mig.migctl.dev");
}

TEST_F(DraPluginTest, AFileInTheSocketsPlaceIsLeftAndAFolderForAllIsRefused) {
  const std::string folder = folder_ / "plugins/mig.migctl.dev";
  std::filesystem::create_directories(folder);
  std::ofstream(dra_socket()) << "somebody's";
  const auto on_a_file = DraPlugin::start(places(), calls(), health_, [](Weight, const auto&) {});
  ASSERT_FALSE(on_a_file);
  EXPECT_EQ(on_a_file.error().code, ErrorCode::kConflict);
  EXPECT_TRUE(std::filesystem::is_regular_file(dra_socket()));
  std::filesystem::remove(dra_socket());
  ASSERT_EQ(::chmod(folder.c_str(), 0777), 0);
  const auto for_all = DraPlugin::start(places(), calls(), health_, [](Weight, const auto&) {});
  ASSERT_FALSE(for_all);
  EXPECT_EQ(for_all.error().code, ErrorCode::kPermission) << for_all.error().text();
}

TEST_F(DraPluginTest, NothingIsLeftAtTheEnd) {
  start().reset();
  EXPECT_NE(::access(dra_socket().c_str(), F_OK), 0);
  EXPECT_NE(::access(reg_socket().c_str(), F_OK), 0);
}

}  // namespace
}  // namespace mig::kube
