#include "kv/sequence_pages.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "kv/page_memory_for_test.h"

namespace mxpath {
namespace {

const PageShape one_full{{{0, 0}}};
const PageShape gpt_oss{{{0, 0}, {0, 128}}};

/// `length` tokens more, without copies.
void grow(SequencePages& pages, int64_t length) {
  std::vector<PageCopy> copies;
  ASSERT_TRUE(pages.extend(length, copies));
  ASSERT_TRUE(copies.empty());
}

TEST(SequencePages, TakesAPageForEach64Tokens) {
  auto pools = pools_of(1, 10);
  SequencePages pages(one_full, pools);
  EXPECT_EQ(pages.pages_to_extend(64, 0), 1);
  EXPECT_EQ(pages.pages_to_extend(65, 0), 2);
  for (int64_t length = 1; length <= 200; ++length) {
    grow(pages, 1);
    EXPECT_EQ(pages.length(), length);
    EXPECT_EQ(static_cast<int64_t>(pages.table(0).size()), (length + 63) / 64);
    EXPECT_EQ(pools[0].filled(pages.table(0).back()), (length - 1) % 64 + 1);
  }
  EXPECT_EQ(pools[0].free(), 6);
}

TEST(SequencePages, ExtendOfAChunkFillsItsPages) {
  auto pools = pools_of(1, 10);
  SequencePages pages(one_full, pools);
  grow(pages, 40);
  grow(pages, 130);
  ASSERT_EQ(pages.table(0).size(), 3u);
  EXPECT_EQ(pools[0].filled(pages.table(0)[0]), 64);
  EXPECT_EQ(pools[0].filled(pages.table(0)[1]), 64);
  EXPECT_EQ(pools[0].filled(pages.table(0)[2]), 42);
}

TEST(SequencePages, ExtendIsAllOrNothingOverGroupsAndPools) {
  const PageShape shape{{{0, 0}, {1, 128}, {1, 0}}};
  auto pools = pools_of(2, 10);
  SequencePages pages(shape, pools);
  std::vector<PageCopy> copies;
  EXPECT_EQ(pages.pages_to_extend(6 * 64, 0), 6);
  EXPECT_EQ(pages.pages_to_extend(6 * 64, 1), 12);
  EXPECT_FALSE(pages.extend(6 * 64, copies));
  EXPECT_EQ(pages.length(), 0);
  EXPECT_EQ(free_pages(pools), 20);
  EXPECT_TRUE(pages.extend(5 * 64, copies));
  EXPECT_EQ(pools[0].free(), 5);
  EXPECT_EQ(pools[1].free(), 0);
  EXPECT_FALSE(pages.extend(1, copies));
  EXPECT_EQ(pages.length(), 5 * 64);
}

TEST(SequencePages, ExtendWithoutRoomForACopyLeavesThePageShared) {
  auto pools = pools_of(1, 1);
  SequencePages pages(one_full, pools);
  grow(pages, 10);
  SequencePages other = pages.fork();
  grow(pages, 1);
  std::vector<PageCopy> copies;
  EXPECT_EQ(other.pages_to_extend(1, 0), 1);
  EXPECT_FALSE(other.extend(1, copies));
  EXPECT_TRUE(copies.empty());
  EXPECT_EQ(other.length(), 10);
  EXPECT_EQ(pools[0].holders(0), 2);
  EXPECT_EQ(pools[0].filled(0), 11);
}

TEST(SequencePages, FirstWriterKeepsThePageAndTheSecondCopies) {
  auto pools = pools_of(1, 4);
  SequencePages pages(one_full, pools);
  grow(pages, 10);
  SequencePages other = pages.fork();
  EXPECT_EQ(pages.pages_to_extend(5, 0), 0);
  grow(pages, 5);
  const PageId shared = pages.table(0)[0];
  std::vector<PageCopy> copies;
  ASSERT_TRUE(other.extend(2, copies));
  const PageId own = other.table(0)[0];
  EXPECT_EQ(copies, (std::vector<PageCopy>{{0, shared, own}}));
  EXPECT_EQ(pages.table(0)[0], shared);
  EXPECT_EQ(pools[0].filled(shared), 15);
  EXPECT_EQ(pools[0].filled(own), 12);
  EXPECT_EQ(pools[0].holders(shared), 1);
  EXPECT_EQ(pools[0].holders(own), 1);
}

TEST(SequencePages, SoleHolderOverwritesAndLowersWhatIsFilled) {
  auto pools = pools_of(1, 4);
  SequencePages pages(one_full, pools);
  grow(pages, 50);
  pages.truncate(20);
  grow(pages, 5);
  EXPECT_EQ(pools[0].filled(pages.table(0)[0]), 25);
  EXPECT_EQ(pools[0].free(), 3);
  // A fork at 25 may now share on: nothing is filled behind it.
  SequencePages other = pages.fork();
  grow(other, 1);
}

TEST(SequencePages, TruncatedSequenceNeverOverwritesWhatOthersHold) {
  auto pools = pools_of(1, 4);
  SequencePages pages(one_full, pools);
  grow(pages, 50);
  SequencePages other = pages.fork();
  pages.truncate(20);
  std::vector<PageCopy> copies;
  ASSERT_TRUE(pages.extend(1, copies));
  EXPECT_EQ(copies.size(), 1u);
  EXPECT_EQ(pools[0].filled(other.table(0)[0]), 50);
}

TEST(SequencePages, TruncateGivesWholePagesBack) {
  auto pools = pools_of(1, 8);
  SequencePages pages(one_full, pools);
  grow(pages, 300);
  EXPECT_EQ(pools[0].free(), 3);
  pages.truncate(129);
  EXPECT_EQ(pools[0].free(), 5);
  pages.truncate(128);
  EXPECT_EQ(pools[0].free(), 6);
  pages.truncate(0);
  EXPECT_EQ(pools[0].free(), 8);
  EXPECT_EQ(pages.length(), 0);
}

TEST(SequencePages, SlidingGroupsKeepWhatTheNextTokenSeesAndNoPageMore) {
  for (int64_t window : {1, 2, 63, 64, 65, 128, 129, 200}) {
    const PageShape shape{{{0, window}}};
    auto pools = pools_of(1, 12);
    SequencePages pages(shape, pools);
    for (int64_t length = 1; length <= 600; ++length) {
      grow(pages, 1);
      pages.drop_behind_windows();
      for (int64_t i = 0; i < kv_table_entries(length); ++i) {
        const bool seen = (i + 1) * 64 > length - window + 1;
        ASSERT_EQ(pages.table(0)[static_cast<size_t>(i)] != no_page, seen) << window << " " << length << " " << i;
      }
    }
  }
}

TEST(SequencePages, ChunkSeesTheWindowOfItsFirstToken) {
  auto pools = pools_of(1, 40);
  SequencePages pages(gpt_oss, pools);
  grow(pages, 640);
  pages.drop_behind_windows();
  grow(pages, 640);
  // The token at 640 sees 513 to 640: page 8 and all after it.
  EXPECT_EQ(pages.table(1)[7], no_page);
  for (size_t i = 8; i < 20; ++i) EXPECT_NE(pages.table(1)[i], no_page);
}

TEST(SequencePages, ShortestTruncationIsTheLastThatCanBeContinued) {
  for (int64_t window : {1, 63, 64, 65, 128}) {
    const PageShape shape{{{0, 0}, {0, window}}};
    for (int64_t keep : {0, 1, 64, 100}) {
      auto pools = pools_of(1, 30);
      SequencePages pages(shape, pools);
      grow(pages, 777);
      EXPECT_EQ(pages.shortest_truncation(), 0);
      pages.drop_behind_windows(keep);
      const int64_t shortest = pages.shortest_truncation();
      EXPECT_LE(shortest, 777 - keep);
      EXPECT_GT(shortest, 777 - keep - 64);
      size_t gone = 0;
      while (pages.table(1)[gone] == no_page) ++gone;
      EXPECT_EQ(first_page_seen(shape.groups[1], shortest), static_cast<int64_t>(gone));
      EXPECT_LT(first_page_seen(shape.groups[1], shortest - 1), static_cast<int64_t>(gone));
      pages.truncate(shortest);
      grow(pages, 1);
      pages.truncate(0);
      EXPECT_EQ(pages.shortest_truncation(), 0);
      EXPECT_EQ(pools[0].free(), 30);
    }
  }
}

TEST(SequencePages, MovesGiveBackOnceWhatTheyReplace) {
  auto pools = pools_of(1, 8);
  {
    SequencePages one(one_full, pools), two(one_full, pools);
    grow(one, 100);
    grow(two, 200);
    EXPECT_EQ(pools[0].free(), 2);
    one = std::move(two);
    EXPECT_EQ(one.length(), 200);
    EXPECT_EQ(pools[0].free(), 4);
    SequencePages three(std::move(one));
    EXPECT_EQ(three.length(), 200);
    EXPECT_EQ(pools[0].free(), 4);
  }
  EXPECT_EQ(pools[0].free(), 8);
}

TEST(SequencePages, GoesOnFromPagesThatOthersHold) {
  auto pools = pools_of(1, 20);
  SequencePages pages(gpt_oss, pools);
  grow(pages, 400);
  pages.drop_behind_windows();
  std::vector<std::vector<PageId>> tables;
  for (int g = 0; g < 2; ++g) tables.emplace_back(pages.table(g).begin(), pages.table(g).end());
  SequencePages other(gpt_oss, pools, 400, tables);
  EXPECT_EQ(other.shortest_truncation(), pages.shortest_truncation());
  EXPECT_EQ(pools[0].holders(pages.table(1)[6]), 2);
  pages = SequencePages(gpt_oss, pools);
  EXPECT_EQ(pools[0].free(), 20 - 7 - 3);
  grow(other, 100);
}

}  // namespace
}  // namespace mxpath
