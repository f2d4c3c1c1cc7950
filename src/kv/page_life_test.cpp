// Pools, sequences and the prefix cache together, in random lives.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "base/sanitized_for_test.h"
#include "kv/page_memory_for_test.h"
#include "kv/prefix_cache.h"

namespace mxpath {
namespace {

/// A sequence, what it has read, and which of the texts that part from each other here and there it follows.
struct Life {
  SequencePages pages;
  Text text;
  uint64_t salt;
  int64_t stream;
};

/// All nodes, as visit() shows them, and how to find in them slowly.
struct SeenNode {
  int64_t parent, start;
  uint64_t salt;
  std::vector<int32_t> ids;
  std::vector<PrefixCache::Page> pages;
};
std::vector<SeenNode> nodes_of(const PrefixCache& cache) {
  std::vector<SeenNode> nodes;
  cache.visit([&](const PrefixCache::Entry& e) {
    const int64_t start = e.parent < 0 ? 0 : nodes[static_cast<size_t>(e.parent)].start + kv_page_tokens;
    nodes.push_back({e.parent, start, e.salt, {e.tokens.begin(), e.tokens.end()}, {e.pages.begin(), e.pages.end()}});
  });
  return nodes;
}

/// The longest prefix of at most `most` that ends in `last` and can be continued, every length tried.
int64_t slow_match_in(const std::vector<SeenNode>& nodes, size_t last, const PageShape& shape,
                      std::span<const int32_t> ids, int64_t most) {
  std::vector<const SeenNode*> path;
  for (int64_t i = static_cast<int64_t>(last); i >= 0; i = path.back()->parent)
    path.push_back(&nodes[static_cast<size_t>(i)]);
  std::ranges::reverse(path);
  int64_t common = 0;
  for (const SeenNode* node : path)
    for (size_t i = 0; i < node->ids.size() && common == node->start + static_cast<int64_t>(i); ++i)
      if (common < most && ids[static_cast<size_t>(common)] == node->ids[i]) ++common;
  for (int64_t length = common; length > path.back()->start; --length) {
    bool can = true;
    for (size_t g = 0; g < shape.groups.size(); ++g)
      for (int64_t i = first_page_seen(shape.groups[g], length); i < kv_table_entries(length); ++i)
        can &= path[static_cast<size_t>(i)]->pages[g].filled >=
               std::min<int64_t>(length - i * kv_page_tokens, kv_page_tokens);
    if (can) return length;
  }
  return 0;
}

class Lives {
 public:
  Lives(const PageShape& shape, std::span<PagePool> pools, uint64_t seed)
      : shape_(shape), pools_(pools), memory_(shape, pools), cache_(shape, pools), random_(seed) {}

  void live() {
    switch (random_.integer(0, 15)) {
      case 0:
      case 1: begin(); break;
      case 2: fork(); break;
      case 3: truncate(); break;
      case 4: insert(); break;
      case 5: end(); break;
      case 6: make_room(); break;
      case 7: drop(); break;
      default: step(); break;
    }
    if (random_.integer(0, 3000) == 0) cache_.clear();
    memory_.poison_free();
  }
  /// Every page has as many holders as tables and nodes show, and every sequence reads what it wrote.
  void check() {
    std::vector<std::vector<int>> holders;
    for (const PagePool& pool : pools_) holders.emplace_back(static_cast<size_t>(pool.size()));
    const auto count = [&](size_t group, PageId page) {
      if (page != no_page) ++holders[static_cast<size_t>(shape_.groups[group].pool)][static_cast<size_t>(page)];
    };
    for (const Life& life : lives_) {
      ASSERT_TRUE(memory_.reads(life.pages, life.text, life.text.length()));
      for (size_t g = 0; g < shape_.groups.size(); ++g)
        for (PageId page : life.pages.table(static_cast<int>(g))) count(g, page);
    }
    for (const SeenNode& node : nodes_of(cache_))
      for (size_t g = 0; g < shape_.groups.size(); ++g) count(g, node.pages[g].id);
    for (size_t p = 0; p < pools_.size(); ++p)
      for (PageId page = 0; page < pools_[p].size(); ++page)
        ASSERT_EQ(pools_[p].holders(page), holders[p][static_cast<size_t>(page)]) << "pool " << p << ", page " << page;
  }
  void finish() {
    lives_.clear();
    cache_.clear();
  }
  int64_t hits() const { return hits_; }

 private:
  Life& some() { return lives_[static_cast<size_t>(random_.integer(0, static_cast<int64_t>(lives_.size()) - 1))]; }
  /// The id that stream `stream` has at `position`: streams are alike up to 0, 50, 100, 150, … positions.
  static int32_t id_of(int64_t stream, int64_t position) {
    return static_cast<int32_t>(position % 5 + (position < 50 * stream ? 0 : 10 * (stream + 1)));
  }
  void lengthen(Life& life, int64_t count) {
    for (int64_t i = 0; i < count; ++i) life.text.add(id_of(life.stream, life.text.length()));
  }
  void room_for(const Life& life, int64_t count) {
    for (int p = 0; p < static_cast<int>(pools_.size()); ++p)
      if (const int64_t pages = life.pages.pages_to_extend(count, p); pages > pools_[static_cast<size_t>(p)].free())
        cache_.make_room(p, static_cast<int32_t>(pages));
  }

  void begin() {
    if (lives_.size() == 10) return end();
    Life life{SequencePages(shape_, pools_), {}, random_.next() % 8 == 0, random_.integer(0, 8)};
    lengthen(life, random_.integer(1, 500));
    const int64_t most = random_.integer(0, life.text.length());
    int64_t expected = 0;
    const std::vector<SeenNode> nodes = nodes_of(cache_);
    for (size_t i = 0; i < nodes.size(); ++i)
      if (nodes[i].salt == life.salt)
        expected = std::max(expected, slow_match_in(nodes, i, shape_, life.text.ids(), most));
    EXPECT_EQ(cache_.match(life.text.ids(), most, life.salt), expected);
    life.pages = cache_.find(life.text.ids(), most, life.salt);
    EXPECT_EQ(life.pages.length(), expected);
    EXPECT_TRUE(memory_.reads(life.pages, life.text, expected));
    hits_ += expected > 0;
    room_for(life, life.text.length() - expected);
    memory_.poison_free();
    if (!memory_.read(life.pages, life.text)) return;
    EXPECT_TRUE(memory_.reads(life.pages, life.text, expected));
    EXPECT_TRUE(memory_.reads(life.pages, life.text, life.text.length()));
    lives_.push_back(std::move(life));
  }
  /// One step of several sequences: all are extended, then all copies are made, then all is written. Some are
  /// preempted in between, so that pages of the step change hands in it.
  void step() {
    std::vector<PageCopy> copies;
    std::vector<int64_t> from;  // of the first lives
    const size_t most = static_cast<size_t>(random_.integer(1, 4));
    while (from.size() < std::min(most, lives_.size())) {
      std::swap(lives_[from.size()], lives_[static_cast<size_t>(random_.integer(
                                         static_cast<int64_t>(from.size()), static_cast<int64_t>(lives_.size()) - 1))]);
      Life& life = lives_[from.size()];
      if (random_.integer(0, 4) == 0) life.stream = random_.integer(0, 8);
      const int64_t count = random_.integer(0, 3) == 0 ? random_.integer(1, 200) : random_.integer(1, 5);
      room_for(life, count);
      if (random_.integer(0, 9) == 0 || !life.pages.extend(count, copies)) {
        const size_t victim = static_cast<size_t>(random_.integer(0, static_cast<int64_t>(lives_.size()) - 1));
        lives_.erase(lives_.begin() + static_cast<std::ptrdiff_t>(victim));
        if (victim < from.size()) from.erase(from.begin() + static_cast<std::ptrdiff_t>(victim));
      } else {
        from.push_back(life.text.length());
        lengthen(life, count);
      }
    }
    memory_.copy(copies);
    for (size_t i = 0; i < from.size(); ++i) memory_.write(lives_[i].pages, lives_[i].text, from[i]);
    memory_.poison_free();
    for (size_t i = 0; i < from.size(); ++i) {
      EXPECT_TRUE(memory_.reads(lives_[i].pages, lives_[i].text, from[i]));
      EXPECT_TRUE(memory_.reads(lives_[i].pages, lives_[i].text, lives_[i].text.length()));
      if (random_.integer(0, 3) != 0) lives_[i].pages.drop_behind_windows();
    }
  }
  void fork() {
    if (lives_.empty() || lives_.size() == 10) return;
    const Life& life = some();
    lives_.push_back({life.pages.fork(), life.text, life.salt, random_.integer(0, 8)});
  }
  void truncate() {
    if (lives_.empty()) return;
    Life& life = some();
    const int64_t shortest = life.pages.shortest_truncation();
    const int64_t length = random_.integer(0, 9) == 0 ? 0 : random_.integer(shortest, life.text.length());
    life.pages.truncate(length);
    life.text.cut(length);
  }
  void drop() {
    if (!lives_.empty()) some().pages.drop_behind_windows(random_.integer(0, 100));
  }
  void insert() {
    if (lives_.empty()) return;
    const Life& life = some();
    cache_.insert(life.text.ids(), life.pages, life.salt);
    EXPECT_EQ(cache_.match(life.text.ids(), life.text.length(), life.salt), life.text.length());
  }
  void end() {
    if (lives_.empty()) return;
    if (random_.integer(0, 1) == 0) insert();
    std::swap(some(), lives_.back());
    lives_.pop_back();
  }
  void make_room() {
    const size_t p = static_cast<size_t>(random_.integer(0, static_cast<int64_t>(pools_.size()) - 1));
    const int32_t pages = static_cast<int32_t>(random_.integer(0, pools_[p].size() / (random_.integer(0, 9) ? 4 : 1)));
    const bool made = cache_.make_room(static_cast<int>(p), pages);
    EXPECT_EQ(made, pools_[p].free() >= pages);
    if (!made) {
      for (const SeenNode& node : nodes_of(cache_))
        for (size_t g = 0; g < shape_.groups.size(); ++g)
          if (shape_.groups[g].pool == static_cast<int>(p) && node.pages[g].id != no_page) {
            EXPECT_GT(pools_[p].holders(node.pages[g].id), 1) << "the cache alone holds it";
          }
    }
    // Whatever went, each leaf that is left can be continued from.
    const std::vector<SeenNode> nodes = nodes_of(cache_);
    std::vector<bool> inner(nodes.size());
    for (const SeenNode& node : nodes)
      if (node.parent >= 0) inner[static_cast<size_t>(node.parent)] = true;
    for (size_t i = 0; i < nodes.size(); ++i) {
      if (inner[i]) continue;
      std::vector<int32_t> ids;
      for (int64_t n = static_cast<int64_t>(i); n >= 0; n = nodes[static_cast<size_t>(n)].parent)
        ids.insert(ids.begin(), nodes[static_cast<size_t>(n)].ids.begin(), nodes[static_cast<size_t>(n)].ids.end());
      EXPECT_GT(slow_match_in(nodes, i, shape_, ids, static_cast<int64_t>(ids.size())), 0) << "a leaf of no use";
    }
  }

  const PageShape& shape_;
  std::span<PagePool> pools_;
  PageMemory memory_;
  PrefixCache cache_;
  Random random_;
  std::vector<Life> lives_;
  int64_t hits_ = 0;
};

class PageLife : public testing::TestWithParam<PageShape> {};
INSTANTIATE_TEST_SUITE_P(Windows, PageLife,
                         testing::Values(PageShape{{{0, 0}}}, PageShape{{{0, 128}}}, PageShape{{{0, 0}, {0, 1}}},
                                         PageShape{{{0, 63}, {0, 0}}}, PageShape{{{0, 0}, {0, 64}}},
                                         PageShape{{{0, 0}, {0, 65}}}, PageShape{{{0, 0}, {0, 128}}},
                                         PageShape{{{0, 0}, {0, 128}, {1, 0}, {1, 128}}},
                                         PageShape{{{0, 0}, {1, 128}, {1, 1}}}));

TEST_P(PageLife, ReadsNoPoisonAndNoOthersTokensAndLosesNoPage) {
  int64_t hits = 0;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    // From always short of pages to nearly never.
    std::vector<PagePool> pools = pools_of(2, static_cast<int32_t>(20 << (seed % 4)));
    Lives lives(GetParam(), pools, seed);
    for (int step = 0; step < 3000 && !HasFailure(); ++step) {
      lives.live();
      if (step % 10 == 0) lives.check();
      if (HasFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
    hits += lives.hits();
    lives.finish();
    EXPECT_EQ(free_pages(pools), 2 * pools[0].size());
  }
  EXPECT_GT(hits, 100);
}

/// What a busy server does with its books, a million times.
TEST(PageLife, MillionJoinsLeavesForksAndPreemptionsTakeSecondsAndLoseNoPage) {
  const PageShape shape{{{0, 0}, {0, 128}, {1, 0}, {1, 128}}};
  std::vector<PagePool> pools = pools_of(2, 1500);
  const std::clock_t start = std::clock();
  {
    struct Running {
      SequencePages pages;
      std::vector<int32_t> ids;
    };
    PrefixCache cache(shape, pools);
    Random random(3);
    std::vector<Running> running;
    std::vector<PageCopy> copies;
    const auto grow = [&](Running& one, int64_t count) {
      for (int p = 0; p < 2; ++p)
        if (!cache.make_room(p, static_cast<int32_t>(one.pages.pages_to_extend(count, p)))) return false;
      copies.clear();
      if (!one.pages.extend(count, copies)) return false;
      one.pages.drop_behind_windows();
      return true;
    };
    const int events = sanitized ? 100'000 : 1'000'000;
    for (int event = 0; event < events;) {
      const int64_t kind = random.integer(0, 3);
      const size_t who = static_cast<size_t>(random.next() % 64);
      if (kind == 0 && running.size() < 64) {  // joins
        Running one{SequencePages(shape, pools), std::vector<int32_t>(static_cast<size_t>(random.integer(1, 400)))};
        const int64_t shared = random.integer(0, 400);
        for (size_t i = 0; i < one.ids.size(); ++i)
          one.ids[i] = static_cast<int32_t>(static_cast<int64_t>(i) < shared ? i : random.next() % 1000);
        const int64_t length = static_cast<int64_t>(one.ids.size());
        one.pages = cache.find(one.ids, length - 1);
        if (grow(one, length - one.pages.length())) running.push_back(std::move(one));
      } else if (who >= running.size() || (kind == 1 && running.size() == 64)) {
        continue;
      } else if (kind == 1) {  // forks, and reads a token
        Running one{running[who].pages.fork(), running[who].ids};
        one.ids.push_back(event);
        if (grow(one, 1)) running.push_back(std::move(one));
      } else if (kind == 2) {  // is preempted and begins again, if it may
        running[who].pages.truncate(0);
        running[who].pages = cache.find(running[who].ids, static_cast<int64_t>(running[who].ids.size()) - 1);
        if (!grow(running[who], static_cast<int64_t>(running[who].ids.size()) - running[who].pages.length()))
          running.erase(running.begin() + static_cast<std::ptrdiff_t>(who));
      } else {  // leaves
        cache.insert(running[who].ids, running[who].pages);
        std::swap(running[who], running.back());
        running.pop_back();
      }
      ++event;
    }
    int64_t held = 0;
    for (int p = 0; p < 2; ++p) held += cache.pages(p);
    EXPECT_GT(held, 0);
  }
  EXPECT_EQ(free_pages(pools), 3000);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, sanitized ? 100.0 : 10.0);
}

}  // namespace
}  // namespace mxpath
