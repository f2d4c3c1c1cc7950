#include "kv/prefix_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/sanitized_for_test.h"
#include "kv/page_memory_for_test.h"

namespace mxpath {
namespace {

const PageShape one_full{{{0, 0}}};
const PageShape gpt_oss{{{0, 0}, {0, 128}}};

/// Pools, their slots, and a cache over them.
struct Place {
  explicit Place(PageShape of, int32_t pages, int pool_count = 1)
      : shape(std::move(of)), pools(pools_of(pool_count, pages)), memory(shape, pools), cache(shape, pools) {}

  /// Goes on from a hit, as a new request does, to the end of the text.
  SequencePages read(const Text& text, uint64_t salt = 0) {
    SequencePages pages = cache.find(text.ids(), text.length() - 1, salt);
    EXPECT_TRUE(memory.reads(pages, text, pages.length()));
    EXPECT_TRUE(memory.read(pages, text));
    return pages;
  }
  /// Reads, inserts and forgets a text, with its windows alone or whole.
  void add(const Text& text, bool whole = false, uint64_t salt = 0) {
    SequencePages pages = read(text, salt);
    if (!whole) pages.drop_behind_windows();
    cache.insert(text.ids(), pages, salt);
  }
  int64_t match(const Text& text) const { return cache.match(text.ids(), text.length()); }

  PageShape shape;
  std::vector<PagePool> pools;
  PageMemory memory;
  PrefixCache cache;
};

/// The longest length of at most `most` that a sequence could be cut back to and continued from.
int64_t longest_kept(const SequencePages& pages, const PageShape& shape, int64_t most) {
  for (int64_t length = std::min(most, pages.length()); length > 0; --length) {
    bool kept = true;
    for (size_t g = 0; g < shape.groups.size(); ++g)
      for (int64_t i = first_page_seen(shape.groups[g], length); i < kv_table_entries(length); ++i)
        kept &= pages.table(static_cast<int>(g))[static_cast<size_t>(i)] != no_page;
    if (kept) return length;
  }
  return 0;
}

class Shapes : public testing::TestWithParam<PageShape> {};
INSTANTIATE_TEST_SUITE_P(Windows, Shapes,
                         testing::Values(one_full, PageShape{{{0, 0}, {0, 1}}}, PageShape{{{0, 63}, {0, 0}}},
                                         PageShape{{{0, 0}, {0, 64}}}, PageShape{{{0, 0}, {0, 65}}}, gpt_oss,
                                         PageShape{{{0, 0}, {0, 128}, {1, 0}, {1, 128}}}));

TEST_P(Shapes, HitOfEverySharedLengthIsTheLongestAndReadsAsRecomputed) {
  for (bool whole : {false, true})
    for (int64_t length = 1; length <= 400; length += sanitized ? 7 : 1) {
      Place place(GetParam(), 40, 2);
      const Text text = text_of(length, length);
      SequencePages pages = place.read(text);
      if (!whole) pages.drop_behind_windows();
      place.cache.insert(text.ids(), pages);
      for (int64_t shared = 0; shared <= length; ++shared) {
        const Text other = text_of(shared + 30, shared);
        const int64_t expected = whole ? shared : longest_kept(pages, place.shape, shared);
        ASSERT_EQ(place.match(other), expected) << length << " " << shared;
        if ((length + shared) % 16 != 0) continue;
        SequencePages found = place.cache.find(other.ids(), other.length());
        ASSERT_EQ(found.length(), expected);
        ASSERT_TRUE(place.memory.reads(found, other, expected));
        ASSERT_TRUE(place.memory.read(found, other));
        ASSERT_TRUE(place.memory.reads(found, other, other.length()));
        ASSERT_TRUE(place.memory.reads(pages, text, length)) << "another wrote into a shared page";
      }
    }
}

TEST_P(Shapes, HitIsNeverLongerThanAsked) {
  Place place(GetParam(), 40, 2);
  const Text text = text_of(400);
  place.add(text, true);
  for (int64_t most = 0; most <= 401; ++most)
    ASSERT_EQ(place.cache.match(text.ids(), most), std::min<int64_t>(most, 400));
  EXPECT_EQ(place.cache.match(text.ids(), -1), 0);
}

TEST(PrefixCache, BranchesAtEveryLengthAreFoundAgain) {
  Place place(one_full, 3000);
  for (int64_t shared = 0; shared <= 400; shared += 3)
    place.add(text_of(shared + 20, shared, static_cast<int32_t>(shared)));
  for (int64_t shared = 0; shared < 400; ++shared) {
    // Of an inserted branch all is here; of another one what it shares with the longest.
    const Text text = text_of(shared + 20, shared, static_cast<int32_t>(shared));
    ASSERT_EQ(place.match(text), shared % 3 == 0 ? shared + 20 : shared) << shared;
  }
}

TEST(PrefixCache, ConversationIsCompletedTurnByTurnAndNotDoubled) {
  Place place(gpt_oss, 200);
  Text text;
  for (int turn = 0; turn < 40; ++turn) {
    for (int i = 0; i < 37; ++i) text.add(i * turn);
    place.add(text);
    EXPECT_EQ(place.match(text), text.length());
    EXPECT_EQ(place.cache.nodes(), kv_table_entries(text.length()));
  }
  // Full pages once; of the sliding ones those of earlier ends too.
  EXPECT_LE(place.cache.pages(0), 2 * place.cache.nodes());
  EXPECT_EQ(free_pages(place.pools), 200 - place.cache.pages(0));
}

TEST(PrefixCache, HoldsNothingMoreWhenTheSameIsInsertedAgain) {
  Place place(gpt_oss, 60);
  const Text text = text_of(300);
  place.add(text);
  const int64_t nodes = place.cache.nodes(), pages = place.cache.pages(0);
  for (int i = 0; i < 10; ++i) place.add(text), place.match(text), place.read(text);
  EXPECT_EQ(place.cache.nodes(), nodes);
  EXPECT_EQ(place.cache.pages(0), pages);
  EXPECT_EQ(free_pages(place.pools), 60 - pages);
}

TEST(PrefixCache, WindowsThatWereGoneAreCompleted) {
  Place place(gpt_oss, 100);
  const Text text = text_of(1000, 1000), beginning = text_of(500, 500);
  place.add(text);
  EXPECT_EQ(place.match(beginning), 0);
  place.add(beginning);
  EXPECT_EQ(place.match(beginning), 500);
  EXPECT_EQ(place.match(text), 1000);
  EXPECT_EQ(place.cache.nodes(), 16);
}

TEST(PrefixCache, EndOfAnEarlierTurnIsFoundThoughItsPageWentOn) {
  Place place(gpt_oss, 100);
  Text text = text_of(300, 300);
  place.add(text);
  place.add(text_of(900, 900));
  // The page of 256 … 319 is whole in the full group; the sliding one may still be that of 300 tokens.
  EXPECT_EQ(place.match(text), 300);
  EXPECT_EQ(place.match(text_of(900, 300)), 300);
}

TEST(PrefixCache, SaltsShareNothing) {
  Place place(gpt_oss, 60);
  const Text text = text_of(200);
  place.add(text, false, 1);
  EXPECT_EQ(place.cache.match(text.ids(), 200, 2), 0);
  EXPECT_EQ(place.cache.match(text.ids(), 200, 1), 200);
  place.add(text, false, 2);
  EXPECT_EQ(place.cache.nodes(), 8);
}

TEST(PrefixCache, LeastRecentlyUsedTextGoesFirst) {
  Place place(one_full, 10);
  const Text a = text_of(100, 0, 0), b = text_of(100, 0, 1), c = text_of(100, 0, 2);
  for (const Text* text : {&a, &b, &c}) place.add(*text);
  place.read(a);
  EXPECT_TRUE(place.cache.make_room(0, 6));
  EXPECT_EQ(place.match(b), 0);
  EXPECT_EQ(place.match(c), 100);
  EXPECT_TRUE(place.cache.make_room(0, 7)) << "a leaf, and no more than asked";
  EXPECT_EQ(place.match(c), 64);
  EXPECT_EQ(place.match(a), 100);
}

TEST(PrefixCache, SlidingPagesOfEarlierTurnsGoBeforeAnythingNewer) {
  Place place(gpt_oss, 200);
  const Text first = text_of(640, 640), whole = text_of(1280, 1280);
  place.add(first);
  place.add(whole);
  EXPECT_EQ(place.match(first), 640);
  const int64_t nodes = place.cache.nodes();
  EXPECT_TRUE(place.cache.make_room(0, place.pools[0].free() + 2));
  EXPECT_EQ(place.cache.nodes(), nodes) << "a full page went first";
  EXPECT_EQ(place.match(first), 0);
  EXPECT_EQ(place.match(whole), 1280);
}

TEST(PrefixCache, WhatALeafIsContinuedFromGoesWithTheLeafAndTheRestOfItsBranchToo) {
  Place place(gpt_oss, 200);
  const Text text = text_of(960);
  place.add(text);
  const int32_t before = place.pools[0].free();
  EXPECT_TRUE(place.cache.make_room(0, before + 1));
  // Without its end nothing of this text can be continued from: all of it goes.
  EXPECT_EQ(place.cache.nodes(), 0);
  EXPECT_EQ(place.pools[0].free(), 200);
}

TEST(PrefixCache, BranchFallsBackToItsEarlierEnd) {
  Place place(gpt_oss, 200);
  const Text first = text_of(640, 640), whole = text_of(1280, 1280);
  place.add(first);
  place.add(whole);
  place.read(first);  // the earlier end is the newest now
  EXPECT_TRUE(place.cache.make_room(0, place.pools[0].free() + 1));
  EXPECT_EQ(place.match(whole), 640);
  EXPECT_EQ(place.cache.nodes(), 10);
}

TEST(PrefixCache, PagesOfRunningSequencesAreNotCountedAsRoom) {
  Place place(gpt_oss, 20);
  const Text text = text_of(500);
  std::optional<SequencePages> running = place.read(text);
  place.cache.insert(text.ids(), *running);
  EXPECT_EQ(place.pools[0].free(), 4);
  EXPECT_FALSE(place.cache.make_room(0, 5));
  EXPECT_EQ(place.match(text), 500) << "let go for nothing";
  running->drop_behind_windows();
  EXPECT_TRUE(place.cache.make_room(0, 5));
  EXPECT_TRUE(place.memory.reads(*running, text, 500));
  running.reset();
  EXPECT_TRUE(place.cache.make_room(0, 20));
}

TEST(PrefixCache, LeafWithoutPagesOfThePoolDoesNotBlockThoseAbove) {
  // The running sequence has pages of its own for the beginning and shares the end with the cache.
  Place place(one_full, 20);
  const Text text = text_of(130);
  SequencePages pages(place.shape, place.pools);
  ASSERT_TRUE(place.memory.read(pages, text));
  place.add(text_of(64));
  place.cache.insert(text.ids(), pages);
  EXPECT_EQ(place.pools[0].holders(pages.table(0)[0]), 1);
  EXPECT_EQ(place.pools[0].free(), 16);
  // As long as something else will do, it stays.
  const Text newer = text_of(64, 0, 1);
  place.add(newer);
  EXPECT_TRUE(place.cache.make_room(0, 16));
  EXPECT_EQ(place.match(newer), 0);
  EXPECT_EQ(place.match(text), 130);
  EXPECT_TRUE(place.cache.make_room(0, 17));
  EXPECT_FALSE(place.cache.make_room(0, 18));
}

TEST(PrefixCache, SequenceUnderTwoSaltsIsLetGoOfToo) {
  Place place(gpt_oss, 20);
  const Text text = text_of(500);
  {
    SequencePages pages = place.read(text, 1);
    place.cache.insert(text.ids(), pages, 1);
    place.cache.insert(text.ids(), pages, 2);
  }
  EXPECT_EQ(place.cache.pages(0), 16);
  EXPECT_TRUE(place.cache.make_room(0, 20));
}

TEST(PrefixCache, VisitedParentsFirstAndCompleteAgain) {
  Place place(gpt_oss, 200);
  for (int64_t shared : {0, 70, 100, 300}) place.add(text_of(400, shared, static_cast<int32_t>(shared)), true, 7);
  std::vector<std::vector<int32_t>> texts;  // [visited] from the beginning
  int64_t pages = 0;
  place.cache.visit([&](const PrefixCache::Entry& entry) {
    EXPECT_LT(entry.parent, static_cast<int64_t>(texts.size()));
    EXPECT_EQ(entry.salt, 7u);
    std::vector<int32_t> text;
    if (entry.parent >= 0) text = texts[static_cast<size_t>(entry.parent)];
    EXPECT_EQ(text.size() % 64, 0u);
    text.insert(text.end(), entry.tokens.begin(), entry.tokens.end());
    for (const PrefixCache::Page& page : entry.pages) {
      EXPECT_EQ(page.filled, static_cast<int>(entry.tokens.size()));
      pages += page.id != no_page;
    }
    EXPECT_EQ(place.cache.match(text, 1000, 7), static_cast<int64_t>(text.size()));
    texts.push_back(std::move(text));
  });
  EXPECT_EQ(static_cast<int64_t>(texts.size()), place.cache.nodes());
  EXPECT_EQ(pages, place.cache.pages(0));
}

TEST(PrefixCache, LookingUpAMillionTokensTakesMilliseconds) {
  Place place(PageShape{{{0, 128}, {0, 0}}}, 40000);
  std::vector<int32_t> ids(1 << 20);
  std::iota(ids.begin(), ids.end(), 0);
  SequencePages pages(place.shape, place.pools);
  std::vector<PageCopy> copies;
  ASSERT_TRUE(pages.extend(1 << 20, copies));
  pages.drop_behind_windows();
  place.cache.insert(ids, pages);
  const std::clock_t start = std::clock();
  for (int i = 0; i < 10; ++i) {
    // Hits the end, and misses it in the last token, so that every node is asked whether it can be continued from.
    EXPECT_EQ(place.cache.match(ids, 1 << 20), 1 << 20);
    EXPECT_EQ(place.cache.match(ids, (1 << 20) - 200), 0);
  }
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, sanitized ? 60.0 : 1.0);
  place.cache.clear();  // without a stack frame for each node
  EXPECT_EQ(place.cache.nodes(), 0);
}

}  // namespace
}  // namespace mxpath
