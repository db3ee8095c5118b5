// SPDX-License-Identifier: Apache-2.0
#include "smi/smi.h"

#include <cstdlib>

#include <gtest/gtest.h>

#include "smi/query.h"

namespace mig::smi {
namespace {

struct Answer {
  int exit = -1;
  std::string out, err;
};

Answer run(const std::vector<std::string>& args, SmiContext context = {}) {
  Answer answer;
  char* texts[2] = {};
  std::size_t sizes[2] = {};
  context.out = open_memstream(&texts[0], &sizes[0]);
  context.err = open_memstream(&texts[1], &sizes[1]);
  if (context.library_path.empty()) {
    context.library_path = "/nonexistent/libnvidia-ml.so.1";
  }
  answer.exit = smi_main(args, context);
  std::fclose(context.out);
  std::fclose(context.err);
  answer.out.assign(texts[0], sizes[0]);
  answer.err.assign(texts[1], sizes[1]);
  std::free(texts[0]);
  std::free(texts[1]);
  return answer;
}

TEST(Smi, WithoutALibrary) {
  const Answer answer = run({"-L"});
  EXPECT_EQ(answer.exit, 12);
  EXPECT_EQ(answer.out.rfind("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.", 0),
            0U);
  EXPECT_NE(answer.err.find("/nonexistent/libnvidia-ml.so.1"), std::string::npos);
}

TEST(Smi, WithoutADriver) {
  for (const auto& [code, exit, words] :
       {std::tuple(NVML_ERROR_DRIVER_NOT_LOADED, 9, "couldn't communicate with the NVIDIA driver"),
        {NVML_ERROR_LIB_RM_VERSION_MISMATCH, 18, "Driver/library version mismatch"},
        {NVML_ERROR_NO_PERMISSION, 4, "Failed to initialize NVML: Insufficient Permissions\n"},
        {NVML_ERROR_UNKNOWN, 255, "Failed to initialize NVML: Unknown Error\n"}}) {
    SmiContext context;
    context.open = [code = code]() -> Result<std::shared_ptr<nvml::Session>> {
      return Error{ErrorCode::kNoDriver, "no start", "", {}, static_cast<int>(code)};
    };
    const Answer answer = run({"mig", "-lgip"}, context);
    EXPECT_EQ(answer.exit, exit);
    EXPECT_NE(answer.out.find(words), std::string::npos) << answer.out;
    EXPECT_EQ(answer.err, "no start\n");
  }
}

TEST(Smi, HelpAndUsageNeedNoDriver) {
  SmiContext context;
  context.open = []() -> Result<std::shared_ptr<nvml::Session>> {
    ADD_FAILURE() << "opened";
    return fail(ErrorCode::kNoDriver, "");
  };
  EXPECT_EQ(run({"-h"}, context).exit, 0);
  EXPECT_EQ(run({"mig", "-h"}, context).exit, 0);
  EXPECT_EQ(run({"pmon", "--help"}, context).exit, 0);
  EXPECT_EQ(run({"mig", "-lgi", "-dgi"}, context).exit, 2);
  EXPECT_EQ(run({"--query-gpu=nothing", "--format=csv"}, context).exit, 2);
  EXPECT_EQ(run({"mig"}, context).out, run({"mig", "-h"}, context).out);
  EXPECT_EQ(run({"mig"}, context).exit, 0);
  EXPECT_NE(run({"prm"}, context).out.find("NVIDIA's own nvidia-smi"), std::string::npos);
}

// The format that programs parse for field names (nvidia_gpu_exporter): a quoted word at the head
// of a paragraph.
TEST(Smi, HelpNamesEveryPropertyAtTheHeadOfAParagraph) {
  const std::string help = run({"--help-query-gpu"}).out;
  std::vector<std::string> found;
  const std::string head = "\n\n\"";
  for (std::size_t at = help.find(head); at != std::string::npos; at = help.find(head, at)) {
    at += head.size();
    found.push_back(help.substr(at, help.find('"', at) - at));
  }
  std::vector<std::string> names;
  for (const QueryField& field : query_fields()) {
    names.emplace_back(field.name);
  }
  EXPECT_EQ(found, names);
  EXPECT_EQ(names.size(), 212U);  // count of 590.48.01
}

TEST(Smi, OnlyWhatListsOnceMayBeRunForAnother) {
  using Line = std::vector<std::string>;
  for (const Line& words : {Line{"-L"},
                            {"--list-gpus", "-i", "0"},
                            {"--query-gpu=index,name", "--format=csv"},
                            {"--query-compute-apps=pid", "--format=csv,noheader", "--id=0"},
                            {"mig", "-lgip"},
                            {"mig", "-lgi", "-i", "0"},
                            {"mig", "-lcip", "-gi", "1"},
                            {"mig", "-lgipp"}}) {
    EXPECT_TRUE(only_reads(words)) << words.back();
  }
  for (const Line& words : {Line{},
                            {"-mig", "1"},
                            {"-i", "0", "-r"},
                            {"-i", "-r"},
                            {"--gpu-reset"},
                            {"-pm", "1"},
                            {"-L", "-f", "/etc/passwd"},
                            {"-L", "--filename=/x"},
                            {"-L", "-l", "1"},
                            {"--query-gpu=index", "-lms=10"},
                            {"--help-query-gpu"},
                            {"-q"},
                            {"mig"},
                            {"mig", "-cgi", "19"},
                            {"mig", "-lgip", "-cgi", "19"},
                            {"mig", "-i", "-dgi"},
                            {"mig", "-dci", "-gi", "1"},
                            {"topo", "-m"},
                            {"drain", "-q"}}) {
    EXPECT_FALSE(only_reads(words)) << (words.empty() ? "nothing" : words.back());
  }
}

}  // namespace
}  // namespace mig::smi
