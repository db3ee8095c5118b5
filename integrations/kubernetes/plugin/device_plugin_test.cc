// SPDX-License-Identifier: Apache-2.0
// The device plugin beside a kubelet: its Registration service on kubelet.sock, and a client of
// each socket that is registered.
#include "kubernetes/plugin/device_plugin.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "kubernetes/plugin/pod_resources.h"
#include "kubernetes/plugin/test_channel.h"
#include "kubernetes/plugin/test_folder.h"
#include "proto/device_plugin.grpc.pb.h"
#include "proto/pod_resources.grpc.pb.h"

namespace mig::kube {
namespace {

constexpr const char* kSmall = "nvidia.com/mig-1g.18gb";
constexpr const char* kLarge = "nvidia.com/mig-3g.71gb";

// As a kubelet begins: empties its folder, then listens.
class Kubelet final : public v1beta1::Registration::Service {
 public:
  explicit Kubelet(std::string folder, std::string refusal = {}, bool empties = true)
      : folder_(std::move(folder)), refusal_(std::move(refusal)) {
    std::filesystem::create_directories(folder_);
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      if (empties || entry.path().filename() == "kubelet.sock") {
        std::filesystem::remove(entry.path());
      }
    }
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + folder_ + "/kubelet.sock",
                             grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  ~Kubelet() override { server_->Shutdown(std::chrono::system_clock::now()); }

  Kubelet(const Kubelet&) = delete;
  Kubelet& operator=(const Kubelet&) = delete;
  Kubelet(Kubelet&&) = delete;
  Kubelet& operator=(Kubelet&&) = delete;

  grpc::Status Register(grpc::ServerContext* /*context*/,
                        const v1beta1::RegisterRequest* request,
                        v1beta1::Empty* /*answer*/) override {
    const std::lock_guard lock(mutex_);
    requests_.push_back(*request);
    return refusal_.empty() ? grpc::Status::OK : grpc::Status(grpc::StatusCode::UNKNOWN, refusal_);
  }

  // Endpoint of a resource that registered; "" = it has not.
  std::string endpoint(const std::string& resource) {
    const std::lock_guard lock(mutex_);
    for (const auto& request : requests_) {
      if (request.resource_name() == resource) {
        EXPECT_EQ(request.version(), "v1beta1");
        EXPECT_TRUE(request.options().get_preferred_allocation_available());
        return folder_ + "/" + request.endpoint();
      }
    }
    return "";
  }

  std::size_t registrations() {
    const std::lock_guard lock(mutex_);
    return requests_.size();
  }

 private:
  std::string folder_, refusal_;
  std::mutex mutex_;
  std::vector<v1beta1::RegisterRequest> requests_;
  std::unique_ptr<grpc::Server> server_;
};

// A stream of lists, as the kubelet has it for each resource.
class Stream {
 public:
  explicit Stream(const std::string& socket)
      : stub_(v1beta1::DevicePlugin::NewStub(channel_to(socket))),
        reader_(stub_->ListAndWatch(&context_, {})) {}

  // "MIG-a Healthy, MIG-b Unhealthy"; "end" after the end.
  std::string next() {
    v1beta1::ListAndWatchResponse message;
    if (!reader_->Read(&message)) {
      return "end";
    }
    std::string text;
    for (const auto& device : message.devices()) {
      text += (text.empty() ? "" : ", ") + device.id() + " " + device.health();
      if (device.has_topology()) {
        text += " numa " + std::to_string(device.topology().nodes(0).id());
      }
    }
    return text;
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1beta1::DevicePlugin::Stub> stub_;
  std::unique_ptr<grpc::ClientReader<v1beta1::ListAndWatchResponse>> reader_;
};

class DevicePluginTest : public testing::Test {
 protected:
  std::string dir() const { return folder_ / "device-plugins"; }

  std::unique_ptr<DevicePlugin> start() {
    DeviceCalls calls;
    calls.allocate = [](const std::string& resource,
                        const std::vector<PluginDevice>& devices) -> Result<Granted> {
      Granted granted;
      for (const auto& device : devices) {
        if (device.id == "MIG-leased") {
          return fail(ErrorCode::kInUse, "lease 3 of team-a has it", "migctl lease list");
        }
        granted.cdi_ids.push_back("nvidia.com/gpu=" + device.id);
      }
      granted.environment["RESOURCE"] = resource;
      return granted;
    };
    calls.prefer = [](const Choice& choice) -> Result<std::vector<std::string>> {
      if (choice.size > choice.available.size()) {
        return fail(ErrorCode::kInvalidInput, "too few");
      }
      std::vector<std::string> chosen(choice.available.rbegin(), choice.available.rend());
      chosen.resize(choice.size);
      return chosen;
    };
    auto made = DevicePlugin::start(dir(), std::move(calls), [](Weight, const std::string&) {});
    EXPECT_TRUE(made) << made.error().text();
    return made ? *std::move(made) : nullptr;
  }

  static std::map<std::string, std::vector<PluginDevice>> two() {
    return {{kSmall,
             {{.id = "MIG-a", .numa = 1},
              {.id = "MIG-sick", .healthy = false, .why = "Xid 94"},
              {.id = "MIG-leased"}}},
            {kLarge, {{.id = "MIG-c"}}}};
  }

  static grpc::Status allocate(const std::string& socket,
                               const std::vector<std::vector<std::string>>& containers,
                               v1beta1::AllocateResponse& answer) {
    v1beta1::AllocateRequest request;
    for (const auto& ids : containers) {
      auto* container = request.add_container_requests();
      for (const auto& id : ids) {
        container->add_devices_ids(id);
      }
    }
    grpc::ClientContext context;
    return v1beta1::DevicePlugin::NewStub(channel_to(socket))->Allocate(&context, request, &answer);
  }

  TestFolder folder_;
};

TEST_F(DevicePluginTest, OneServerPerResourceAndLiveLists) {
  Kubelet kubelet(dir());
  const auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); })) << plugin->trouble();
  Stream small(kubelet.endpoint(kSmall));
  Stream large(kubelet.endpoint(kLarge));
  EXPECT_EQ(small.next(), "MIG-a Healthy numa 1, MIG-sick Unhealthy, MIG-leased Healthy");
  EXPECT_EQ(large.next(), "MIG-c Healthy");

  // A layout change: one device goes, one resource vanishes, another comes.
  plugin->offer({{kSmall, {{.id = "MIG-a"}}}, {"nvidia.com/mig-2g.35gb", {{.id = "MIG-d"}}}});
  EXPECT_EQ(small.next(), "MIG-a Healthy");
  EXPECT_EQ(large.next(), "") << "an empty list, so that the kubelet offers none";
  EXPECT_EQ(large.next(), "end");
  ASSERT_TRUE(becomes([&] { return !kubelet.endpoint("nvidia.com/mig-2g.35gb").empty(); }));
  Stream other(kubelet.endpoint("nvidia.com/mig-2g.35gb"));
  EXPECT_EQ(other.next(), "MIG-d Healthy");
  EXPECT_NE(::access(kubelet.endpoint(kLarge).c_str(), F_OK), 0);

  // And comes back.
  plugin->offer(two());
  EXPECT_TRUE(becomes([&] { return ::access(kubelet.endpoint(kLarge).c_str(), F_OK) == 0; }));
  Stream again(kubelet.endpoint(kLarge));
  EXPECT_EQ(again.next(), "MIG-c Healthy");
}

TEST_F(DevicePluginTest, AllocatesOnlyWhatIsOursToGive) {
  Kubelet kubelet(dir());
  const auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); }));
  const std::string socket = kubelet.endpoint(kSmall);
  v1beta1::AllocateResponse answer;
  ASSERT_TRUE(allocate(socket, {{"MIG-a"}}, answer).ok());
  ASSERT_EQ(answer.container_responses_size(), 1);
  EXPECT_EQ(answer.container_responses(0).cdi_devices(0).name(), "nvidia.com/gpu=MIG-a");
  EXPECT_EQ(answer.container_responses(0).envs().at("RESOURCE"), kSmall);

  EXPECT_EQ(allocate(socket, {{"MIG-nowhere"}}, answer).error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(allocate(socket, {{"MIG-c"}}, answer).error_code(), grpc::StatusCode::NOT_FOUND)
      << "of another resource";
  const auto sick = allocate(socket, {{"MIG-sick"}}, answer);
  EXPECT_EQ(sick.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(sick.error_message().find("Xid 94"), std::string::npos);
  const auto leased = allocate(socket, {{"MIG-leased"}}, answer);
  EXPECT_EQ(leased.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(leased.error_message(), "lease 3 of team-a has it (migctl lease list)");
  EXPECT_EQ(allocate(socket, {{"MIG-a"}, {"MIG-a"}}, answer).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT)
      << "for two containers";
  EXPECT_EQ(allocate(socket, {{std::string(100'000, 'x')}}, answer).error_code(),
            grpc::StatusCode::NOT_FOUND);
  const std::vector<std::vector<std::string>> many(300, {"MIG-a"});
  EXPECT_EQ(allocate(socket, many, answer).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(DevicePluginTest, PreferredDevicesAreAskedFor) {
  Kubelet kubelet(dir());
  const auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); }));
  const auto stub = v1beta1::DevicePlugin::NewStub(channel_to(kubelet.endpoint(kSmall)));
  v1beta1::PreferredAllocationRequest request;
  auto* container = request.add_container_requests();
  container->add_available_deviceids("MIG-a");
  container->add_available_deviceids("MIG-b");
  container->set_allocation_size(1);
  v1beta1::PreferredAllocationResponse answer;
  grpc::ClientContext first;
  ASSERT_TRUE(stub->GetPreferredAllocation(&first, request, &answer).ok());
  ASSERT_EQ(answer.container_responses(0).deviceids_size(), 1);
  EXPECT_EQ(answer.container_responses(0).deviceids(0), "MIG-b");
  container->set_allocation_size(-1);
  grpc::ClientContext second;
  EXPECT_EQ(stub->GetPreferredAllocation(&second, request, &answer).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  grpc::ClientContext third;
  v1beta1::DevicePluginOptions options;
  ASSERT_TRUE(stub->GetDevicePluginOptions(&third, {}, &options).ok());
  EXPECT_TRUE(options.get_preferred_allocation_available());
  EXPECT_FALSE(options.pre_start_required());
}

TEST_F(DevicePluginTest, RegistersAnewWithEachKubelet) {
  const auto plugin = start();
  plugin->offer(two());
  EXPECT_TRUE(becomes([&] { return plugin->trouble().find("no kubelet") != std::string::npos; }))
      << plugin->trouble();
  for (int i = 0; i < 3; ++i) {
    Kubelet kubelet(dir());  // removes our sockets, as each kubelet does
    ASSERT_TRUE(becomes([&] {
      return !kubelet.endpoint(kSmall).empty() && !kubelet.endpoint(kLarge).empty() &&
             ::access(kubelet.endpoint(kSmall).c_str(), F_OK) == 0;
    })) << "kubelet "
        << i;
    Stream small(kubelet.endpoint(kSmall));
    EXPECT_NE(small.next().find("MIG-a Healthy"), std::string::npos);
    EXPECT_EQ(kubelet.registrations(), 2U) << "each once";
  }
}

TEST_F(DevicePluginTest, ARefusalIsToldInTheKubeletsWords) {
  Kubelet kubelet(dir(), "unsupported version");
  const auto plugin = start();
  plugin->offer(two());
  EXPECT_TRUE(becomes([&] {
    return plugin->trouble().find("unsupported version") != std::string::npos;
  })) << plugin->trouble();
}

// Its socket is another one before anybody has seen that it was gone.
TEST_F(DevicePluginTest, AKubeletInThePlaceOfAnotherIsRegisteredWith) {
  auto first = std::make_unique<Kubelet>(dir());
  const auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); }));
  Kubelet second(dir(), {}, false);
  EXPECT_TRUE(becomes([&] { return !second.endpoint(kSmall).empty(); }));
}

TEST_F(DevicePluginTest, StreamsHaveALimit) {
  Kubelet kubelet(dir());
  const auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); }));
  const std::string socket = kubelet.endpoint(kLarge);
  std::vector<std::unique_ptr<Stream>> open;
  for (int i = 0; i < 8; ++i) {
    open.push_back(std::make_unique<Stream>(socket));
    EXPECT_EQ(open.back()->next(), "MIG-c Healthy");
  }
  EXPECT_EQ(Stream(socket).next(), "end");
  open.clear();
  EXPECT_TRUE(becomes([&] { return Stream(socket).next() == "MIG-c Healthy"; }));
}

TEST_F(DevicePluginTest, TheEndTellsNoEmptyList) {
  Kubelet kubelet(dir());
  auto plugin = start();
  plugin->offer(two());
  ASSERT_TRUE(becomes([&] { return plugin->trouble().empty(); }));
  const std::string socket = kubelet.endpoint(kLarge);
  Stream large(socket);
  EXPECT_EQ(large.next(), "MIG-c Healthy");
  plugin.reset();
  EXPECT_EQ(large.next(), "end");
  EXPECT_NE(::access(socket.c_str(), F_OK), 0);
}

// The kubelet's side of podresources/v1.
class Pods final : public v1::PodResourcesLister::Service {
 public:
  grpc::Status List(grpc::ServerContext* /*context*/,
                    const v1::ListPodResourcesRequest* /*request*/,
                    v1::ListPodResourcesResponse* answer) override {
    auto* pod = answer->add_pod_resources();
    pod->set_name("train");
    pod->set_namespace_("team");
    auto* container = pod->add_containers();
    container->set_name("main");
    auto* devices = container->add_devices();
    devices->set_resource_name(kSmall);
    devices->add_device_ids("MIG-a");
    devices->add_device_ids("MIG-b");
    return grpc::Status::OK;
  }
};

TEST(PodResources, WhoHasWhatAsTheKubeletTells) {
  const TestFolder folder;
  const std::string socket = folder / "kubelet.sock";
  EXPECT_EQ(pod_devices(socket).error().code, ErrorCode::kIo) << "nobody is there";
  Pods pods;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + socket, grpc::InsecureServerCredentials());
  builder.RegisterService(&pods);
  const auto server = builder.BuildAndStart();
  const auto found = pod_devices(socket);
  ASSERT_TRUE(found) << found.error().text();
  ASSERT_EQ(found->size(), 2U);
  EXPECT_EQ(found->back().name_space + "/" + found->back().pod, "team/train");
  EXPECT_EQ(found->back().resource, kSmall);
  EXPECT_EQ(found->back().id, "MIG-b");
}

}  // namespace
}  // namespace mig::kube
