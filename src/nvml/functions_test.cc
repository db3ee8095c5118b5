// SPDX-License-Identifier: Apache-2.0
#include "nvml/functions.h"

#include <dlfcn.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "nvml/library.h"
#include "nvml/session.h"

namespace mig::nvml {
namespace {

TEST(Functions, ListNamesEveryPrototypeOfTheAbi) {
  std::ifstream header(MIG_SOURCE_DIR "/abi/nvml.h");
  ASSERT_TRUE(header.is_open());
  const std::regex prototype(R"(^(?:nvmlReturn_t|const char\*) (nvml\w+)\()");
  std::set<std::string> declared;
  for (std::string line; std::getline(header, line);) {
    if (std::smatch match; std::regex_search(line, match, prototype)) {
      declared.insert(match[1]);
    }
  }
  std::set<std::string> listed;
#define MIG_NVML_NAME(name) listed.insert(#name);
  MIG_NVML_FUNCTIONS(MIG_NVML_NAME)
#undef MIG_NVML_NAME
  EXPECT_GT(declared.size(), 200U);
  EXPECT_EQ(declared, listed);
}

TEST(Functions, AMissingFunctionAnswersInsteadOfCrashing) {
  void* self = dlopen(nullptr, RTLD_NOW);  // this test program: it exports no NVML
  const Functions functions = load_functions(self);
  unsigned count = 7;
  EXPECT_FALSE(functions.nvmlDeviceGetCount_v2);
  EXPECT_EQ(functions.nvmlDeviceGetCount_v2(&count), NVML_ERROR_FUNCTION_NOT_FOUND);
  EXPECT_EQ(functions.nvmlErrorString(NVML_SUCCESS), nullptr);
  EXPECT_EQ(count, 7U);
  dlclose(self);
}

TEST(Library, SaysWhichFileDoesNotLoad) {
  const auto library = Library::open("/nonexistent/libnvidia-ml.so.1");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code, ErrorCode::kNoDriver);
  EXPECT_NE(library.error().message.find("/nonexistent/libnvidia-ml.so.1"), std::string::npos);
}

TEST(Library, RefusesALibraryThatIsNotNvml) {
  const auto session = Session::open("libm.so.6");
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, ErrorCode::kNoDriver);
  EXPECT_NE(session.error().message.find("is no NVML library"), std::string::npos);
}

}  // namespace
}  // namespace mig::nvml
