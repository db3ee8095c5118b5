// SPDX-License-Identifier: Apache-2.0
#include "kubernetes/node_config/node_view.h"

#include <gtest/gtest.h>

#include "base/strings.h"
#include "kubernetes/node_config/names.h"

namespace mig::kube {
namespace {

using base::Json;

// RFC 7386, for what these tests patch: two levels of maps below metadata.
Json patched(Json node, const Json& patch) {
  node.merge_patch(patch);
  return node;
}

TEST(NodeView, IsWhatThePatchWrote) {
  Json node = {{"metadata",
                {{"name", "n1"},
                 {"uid", "u"},
                 {"labels", {{kConfigLabel, "all-1g"}, {"other", "x"}}},
                 {"annotations", {{kDrainAnnotation, "true"}}}}}};
  const std::string wish = wish_of("all-1g", "text", true);
  node = patched(node, note_patch({kPending, wish, "because", 1234}));
  const NodeView view = node_view(node);
  EXPECT_EQ(view.name, "n1");
  EXPECT_EQ(view.wanted, "all-1g");
  EXPECT_EQ(view.state, kPending);
  EXPECT_EQ(view.written, kPending);
  EXPECT_EQ(view.wish, wish);
  EXPECT_EQ(view.message, "because");
  EXPECT_EQ(view.since_s, 1234);
  EXPECT_TRUE(view.drain);
  const NodeView cleared = node_view(patched(node, clear_patch()));
  EXPECT_EQ(cleared.state + cleared.written + cleared.wish + cleared.message, "");
  EXPECT_EQ(cleared.wanted, "all-1g");
  EXPECT_EQ(cleared.labels.at("other"), "x");
}

TEST(NodeView, OfWhatIsNoNode) {
  for (const char* text : {"[]",
                           "{}",
                           R"({"metadata":7})",
                           R"({"metadata":{"labels":[]}})",
                           R"({"metadata":{"labels":{"nvidia.com/mig.config":7}}})",
                           R"({"metadata":{"managedFields":[1,{"fieldsV1":2}]}})",
                           R"({"metadata":{"annotations":{"mig.migctl.dev/config.since":"x"}}})"}) {
    const NodeView view = node_view(Json::parse(text));
    EXPECT_EQ(view.wanted, "") << text;
    EXPECT_EQ(view.since_s, 0) << text;
  }
}

TEST(NodeView, WhoWroteTheState) {
  const Json node = Json::parse(R"({"metadata":{"managedFields":[
    {"manager":"kubelet","fieldsV1":{"f:metadata":{"f:labels":{"f:x":{}}}}},
    {"manager":"other","fieldsV1":{"f:metadata":{"f:labels":{"f:nvidia.com/mig.config.state":{}}}}}]}})");
  EXPECT_EQ(node_view(node).state_manager, "other");
}

TEST(Wish, TellsApartAndGivesTheNameBack) {
  EXPECT_NE(wish_of("a", "x", false), wish_of("a", "y", false));
  EXPECT_NE(wish_of("a", "x", false), wish_of("a", "x", true));
  EXPECT_NE(wish_of("a", "x", false), wish_of("b", "x", false));
  EXPECT_EQ(wanted_of(wish_of("all-1g.5gb", "x", true)), "all-1g.5gb");
  EXPECT_TRUE(same_layout_wish(wish_of("a", "x", false), wish_of("a", "x", true)));
  EXPECT_FALSE(same_layout_wish(wish_of("a", "x", true), wish_of("a", "y", true)));
}

TEST(Labels, OnlyWhatDiffersAndOnlyOursAreRemoved) {
  NodeView node;
  node.labels = {{"nvidia.com/a", "1"}, {"nvidia.com/b", "2"}, {"nvidia.com/c", "3"}, {"x", "y"}};
  node.our_labels = {"nvidia.com/a", "nvidia.com/b"};
  Json patch;
  ASSERT_TRUE(add_labels(node, {{"nvidia.com/a", "1"}, {"nvidia.com/d", "4"}}, patch));
  EXPECT_EQ(patch["metadata"]["labels"].dump(), R"({"nvidia.com/d":"4","nvidia.com/b":null})");
  EXPECT_EQ(patch["metadata"]["annotations"][kLabelsAnnotation], "nvidia.com/a,nvidia.com/d");
  Json none;
  EXPECT_FALSE(add_labels(node, {{"nvidia.com/a", "1"}, {"nvidia.com/b", "2"}}, none));
  EXPECT_TRUE(none.is_null());
}

TEST(NodeView, OnlyTrueLetsPodsBeEvicted) {
  for (const char* text : {"", "false", "yes", "True"}) {
    EXPECT_FALSE(node_view({{"metadata", {{"annotations", {{kDrainAnnotation, text}}}}}}).drain)
        << text;
  }
}

TEST(NoteText, IsCutBetweenLetters) {
  std::string letters = "x";  // so that a letter of two bytes lies across the cut
  for (int i = 0; i < 1000; ++i) {
    letters += "\u00e9";
  }
  const std::string text = note_text(letters);
  EXPECT_LT(text.size(), 1024U);
  EXPECT_EQ(base::invalid_utf8(text), std::nullopt);
}

TEST(Event, IsShortEnoughAndOfTheNode) {
  NodeView node;
  node.name = std::string(253, 'n');
  node.uid = "u";
  const Json event = node_event(node, "MigConfigFailed", std::string(5000, 'x') + "\x1b", true, 0);
  EXPECT_LE(event["message"].get<std::string>().size(), 1024U);
  EXPECT_EQ(event["involvedObject"]["kind"], "Node");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["firstTimestamp"], "1970-01-01T00:00:00Z");
  EXPECT_LE(event["metadata"]["generateName"].get<std::string>().size(), 248U);
  EXPECT_EQ(node_event(node, "r", "a\x1b[2Jb", false, 0)["message"], "a\\u001b[2Jb");
}

}  // namespace
}  // namespace mig::kube
