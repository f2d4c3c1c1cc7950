#include "kv/page_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "base/random.h"

namespace mxpath {
namespace {

TEST(PagePool, HandsOutEachPageOnceAndThenNone) {
  PagePool pool(5);
  std::set<PageId> taken;
  for (int i = 0; i < 5; ++i) taken.insert(pool.take());
  EXPECT_EQ(taken, (std::set<PageId>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.free(), 0);
  EXPECT_EQ(pool.size(), 5);
  EXPECT_EQ(pool.take(), no_page);
  pool.release(3);
  EXPECT_EQ(pool.free(), 1);
  EXPECT_EQ(pool.take(), 3);
}

TEST(PagePool, OfNothingHasNone) {
  PagePool pool(0);
  EXPECT_EQ(pool.take(), no_page);
  EXPECT_EQ(pool.size(), 0);
}

TEST(PagePool, PageIsFreeAtTheLastHolderOnly) {
  PagePool pool(1);
  const PageId page = pool.take();
  pool.hold(page);
  pool.hold(page);
  EXPECT_EQ(pool.holders(page), 3);
  pool.release(page);
  pool.release(page);
  EXPECT_EQ(pool.free(), 0);
  pool.release(page);
  EXPECT_EQ(pool.holders(page), 0);
  EXPECT_EQ(pool.free(), 1);
}

TEST(PagePool, PageThatComesBackHasNothingFilled) {
  PagePool pool(1);
  const PageId page = pool.take();
  EXPECT_EQ(pool.filled(page), 0);
  pool.set_filled(page, kv_page_tokens);
  EXPECT_EQ(pool.filled(page), kv_page_tokens);
  pool.release(page);
  EXPECT_EQ(pool.filled(pool.take()), 0);
}

TEST(PagePool, CountsAsAListOfHoldersDoes) {
  PagePool pool(40);
  std::vector<PageId> holds;
  Random random(1);
  for (int step = 0; step < 20000; ++step) {
    const bool more = random.uniform() < (step / 1000 % 2 == 0 ? 0.6 : 0.4);
    if (more && (holds.empty() || random.uniform() < 0.5)) {
      const PageId page = pool.take();
      ASSERT_TRUE(page == no_page || std::ranges::find(holds, page) == holds.end()) << "held already";
      if (page != no_page) holds.push_back(page);
    } else if (more) {
      const PageId page = holds[static_cast<size_t>(random.integer(0, static_cast<int64_t>(holds.size()) - 1))];
      pool.hold(page);
      holds.push_back(page);
    } else if (!holds.empty()) {
      std::swap(holds[static_cast<size_t>(random.integer(0, static_cast<int64_t>(holds.size()) - 1))], holds.back());
      pool.release(holds.back());
      holds.pop_back();
    }
    std::map<PageId, int> counts;
    for (PageId page : holds) ++counts[page];
    ASSERT_EQ(pool.free(), pool.size() - static_cast<int32_t>(counts.size()));
    for (const auto& [page, count] : counts) ASSERT_EQ(pool.holders(page), count);
  }
}

}  // namespace
}  // namespace mxpath
