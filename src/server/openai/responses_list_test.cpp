#include "server/openai/responses.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {
namespace {

StoredResponse stored(int items) {
  StoredResponse out;
  for (int i = 0; i < items; ++i) out.input.push_back({{"type", "message"}, {"id", fmt::format("msg_{}", i)}});
  return out;
}

std::vector<std::string> ids_of(const Json& page) {
  std::vector<std::string> ids;
  for (const Json& item : page["data"]) ids.push_back(item["id"]);
  return ids;
}

TEST(InputItemPage, NewestFirstUnlessAsked) {
  const auto newest = input_item_page(stored(3), {});
  ASSERT_TRUE(newest.ok()) << newest.error().message;
  EXPECT_EQ(ids_of(*newest), (std::vector<std::string>{"msg_2", "msg_1", "msg_0"}));
  EXPECT_EQ((*newest)["object"], "list");
  EXPECT_EQ((*newest)["first_id"], "msg_2");
  EXPECT_EQ((*newest)["last_id"], "msg_0");
  EXPECT_EQ((*newest)["has_more"], false);
  EXPECT_EQ(ids_of(*input_item_page(stored(2), {.order = "asc"})), (std::vector<std::string>{"msg_0", "msg_1"}));
}

TEST(InputItemPage, PageAfterPage) {
  const StoredResponse all = stored(5);
  std::vector<std::string> seen;
  std::string after;
  for (bool more = true; more;) {
    const auto page = input_item_page(all, {.limit = "2", .order = "asc", .after = after});
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_LE((*page)["data"].size(), 2u);
    for (const std::string& id : ids_of(*page)) seen.push_back(id);
    after = (*page)["last_id"];
    more = (*page)["has_more"];
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"msg_0", "msg_1", "msg_2", "msg_3", "msg_4"}));
}

TEST(InputItemPage, TwentyUnlessAsked) {
  EXPECT_EQ((*input_item_page(stored(21), {}))["data"].size(), 20u);
  EXPECT_EQ((*input_item_page(stored(21), {}))["has_more"], true);
}

TEST(InputItemPage, NoItems) {
  const auto page = input_item_page(stored(0), {});
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(*page, json_of(R"({"object":"list","first_id":null,"last_id":null,"has_more":false,"data":[]})"));
  EXPECT_EQ((*input_item_page(stored(1), {.after = "msg_0"}))["data"].size(), 0u);
}

TEST(InputItemPage, Errors) {
  for (const char* limit : {"0", "101", "-1", "x", "1x", "99999999999999999999", " 1"})
    EXPECT_EQ(input_item_page(stored(1), {.limit = limit}).error().param, "limit") << limit;
  EXPECT_EQ(input_item_page(stored(1), {.order = "up"}).error().param, "order");
  EXPECT_EQ(input_item_page(stored(1), {.after = "msg_9"}).error().param, "after");
}

}  // namespace
}  // namespace mxpath::openai
