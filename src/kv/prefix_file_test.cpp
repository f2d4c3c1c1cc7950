#include "kv/prefix_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <utility>

#include "base/text.h"
#include "checkpoint/test_folder.h"
#include "kv/page_memory_for_test.h"
#include "kv/xxh3.h"

namespace mxpath {
namespace {

const PageShape one_full{{{0, 0}}};
const PageShape gpt_oss{{{0, 0}, {0, 128}}};
constexpr PrefixFileKey key{1, 2, 3, 4, NumberFormat::bf16};
constexpr size_t header_bytes = 72;

/// Pools, their slots as bytes, and a cache over them.
struct Place {
  explicit Place(PageShape of, int32_t pages, int pool_count = 2)
      : shape(std::move(of)), pools(pools_of(pool_count, pages)), memory(shape, pools), cache(shape, pools) {}
  ~Place() {
    cache.clear();
    EXPECT_EQ(free_pages(pools), pools[0].size() * static_cast<int32_t>(pools.size())) << "a page was lost";
  }

  PageBytes bytes() {
    PageBytes of;
    of.size.assign(pools.size(), kv_page_tokens * sizeof(uint64_t));
    of.read = [this](int pool, PageId page, std::span<uint8_t> to) {
      std::memcpy(to.data(), memory.page(pool, page).data(), to.size());
      return Status();
    };
    of.write = [this](int pool, PageId page, std::span<const uint8_t> from) {
      std::memcpy(memory.page(pool, page).data(), from.data(), from.size());
      return written++ == fail_at ? Status(fail("the GPU has failed")) : Status();
    };
    return of;
  }
  Status save(const std::string& path) { return write_prefixes(path, key, shape, cache, bytes()); }
  Result<int64_t> load(const std::string& path, const PrefixFileKey& with = key, int64_t context = 1 << 20) {
    return read_prefixes(path, with, context, shape, pools, cache, bytes());
  }
  /// Goes on from a hit to the end of the text, and keeps it with the pages of its windows.
  void add(const Text& text, uint64_t salt = 0) {
    SequencePages pages = cache.find(text.ids(), text.length() - 1, salt);
    EXPECT_TRUE(memory.reads(pages, text, pages.length()));
    ASSERT_TRUE(memory.read(pages, text));
    pages.drop_behind_windows();
    cache.insert(text.ids(), pages, salt);
  }
  int64_t match(const Text& text, uint64_t salt = 0) const { return cache.match(text.ids(), text.length(), salt); }

  PageShape shape;
  std::vector<PagePool> pools;
  PageMemory memory;
  PrefixCache cache;
  int written = 0, fail_at = -1;
};

/// The error of a file that is not used: nothing of it is in the cache then.
std::string refusal(const std::string& path, const PageShape& shape, const PrefixFileKey& with = key) {
  Place place(shape, 50);
  const auto loaded = place.load(path, with);
  EXPECT_EQ(place.cache.nodes(), loaded.ok() ? place.cache.nodes() : 0);
  EXPECT_TRUE(loaded.ok() || free_pages(place.pools) == 100);
  return loaded.ok() ? "" : loaded.error().message;
}

class PrefixFile : public testing::Test {
 protected:
  std::string small(const PageShape& shape = gpt_oss) {
    Place place(shape, 50);
    place.add(text_of(70, 66));
    place.add(text_of(80, 66, 1));
    EXPECT_TRUE(place.save(path).ok());
    return folder.read("prompts");
  }
  /// Writes a file whose sum is right whatever was changed in it.
  void write_summed(std::string bytes) const {
    Xxh3 sum;
    bytes.resize(bytes.size() - 8);
    sum.add(std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()));
    const uint64_t value = sum.value();
    bytes.append(reinterpret_cast<const char*>(&value), 8);
    overwrite(bytes);
  }
  /// In place: disks take their time for files that are made anew.
  void overwrite(const std::string& bytes) const {
    std::fstream(path, std::ios::in | std::ios::out | std::ios::binary) << bytes;
    std::filesystem::resize_file(path, bytes.size());
  }

  TestFolder folder;
  std::string path = folder / "prompts";
};

class PrefixFileShapes : public PrefixFile, public testing::WithParamInterface<PageShape> {};
INSTANTIATE_TEST_SUITE_P(Windows, PrefixFileShapes,
                         testing::Values(one_full, PageShape{{{0, 128}}}, PageShape{{{0, 0}, {0, 2}}}, gpt_oss,
                                         PageShape{{{0, 63}, {0, 0}}}, PageShape{{{0, 0}, {0, 65}}},
                                         PageShape{{{0, 0}, {0, 128}, {1, 0}, {1, 128}}},
                                         PageShape{{{0, 0}, {1, 128}, {1, 2}}}));

TEST_P(PrefixFileShapes, FindsWhatWasFoundBefore) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    const auto some_text = [&random] {
      return text_of(random.integer(1, 600), 64 * random.integer(0, 6) + random.integer(0, 2) * 17,
                     static_cast<int32_t>(random.integer(0, 2)));
    };
    Place before(GetParam(), 300);
    for (int i = 0; i < 12; ++i) {
      const Text text = some_text();
      before.add(text, static_cast<uint64_t>(i % 2));
      if (i % 4 == 0) before.cache.make_room(0, 290);
    }
    ASSERT_TRUE(before.save(path).ok());
    Place after(GetParam(), 300);
    const auto loaded = after.load(path);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    EXPECT_GT(*loaded, 0);
    for (int i = 0; i < 300; ++i) {
      const Text text = some_text();
      const uint64_t salt = static_cast<uint64_t>(i % 3);
      ASSERT_EQ(after.match(text, salt), before.match(text, salt)) << "seed " << seed;
      const SequencePages pages = after.cache.find(text.ids(), text.length(), salt);
      ASSERT_TRUE(after.memory.reads(pages, text, pages.length()));
    }
    // It goes on as if it had been there all the time, and is written down again.
    const Text text = some_text();
    before.add(text), after.add(text);
    EXPECT_EQ(after.match(text), before.match(text));
    ASSERT_TRUE(after.save(path).ok());
    Place again(GetParam(), 300);
    ASSERT_TRUE(again.load(path).ok());
    EXPECT_EQ(again.cache.nodes(), after.cache.nodes());
  }
}

TEST_F(PrefixFile, EmptyCacheIsAFileToo) {
  Place empty(gpt_oss, 10);
  ASSERT_TRUE(empty.save(path).ok());
  EXPECT_EQ(empty.load(path).value(), 0);
}

TEST_F(PrefixFile, EveryPartOfTheKeyIsLookedAt) {
  small();
  const auto with = [](auto change) {
    PrefixFileKey other = key;
    change(other);
    return other;
  };
  const std::pair<PrefixFileKey, const char*> others[] = {
      {with([](auto& k) { k.program = 9; }), "another version of mxpath has written it"},
      {with([](auto& k) { k.model = 9; }), "another model has read these prompts, or its files have changed"},
      {with([](auto& k) { k.paths = 9; }), "these prompts were read on other kernel paths, which round otherwise"},
      {with([](auto& k) { k.layout = 9; }), "its pages of keys and values have another layout"},
      {with([](auto& k) { k.kv = NumberFormat::int8; }), "its keys and values are bf16, not int8"}};
  for (const auto& [other, why] : others)
    EXPECT_EQ(refusal(path, gpt_oss, other), fmt::format("{}: {}; it is not used", path, why));
  EXPECT_EQ(refusal(path, gpt_oss), "");
}

TEST_F(PrefixFile, NoByteMayBeMissingOrAnother) {
  const std::string whole = small();
  for (size_t length = whole.size(); length-- > 0;) {
    std::filesystem::resize_file(path, length);
    ASSERT_NE(refusal(path, gpt_oss), "") << length << " of " << whole.size();
  }
  overwrite(whole + '\0');
  EXPECT_NE(refusal(path, gpt_oss), "");
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string other = whole;
    other[i] = static_cast<char>(other[i] ^ (1 << i % 8));
    overwrite(other);
    ASSERT_NE(refusal(path, gpt_oss), "") << "byte " << i << " of " << whole.size();
  }
}

TEST_F(PrefixFile, WhatIsNoFileOfPromptsIsNotUsed) {
  EXPECT_NE(refusal(folder / "missing", gpt_oss), "");
  EXPECT_NE(refusal(folder.path(), gpt_oss), "");
  folder.write("prompts", std::string(1000, 'x'));
  EXPECT_EQ(refusal(path, gpt_oss), path + ": no file of prompts that mxpath has read; it is not used");
}

TEST_F(PrefixFile, CountsAreNotTrusted) {
  const std::string whole = small();
  const auto with_number = [&](size_t at, uint64_t value) {
    std::string other = whole;
    std::memcpy(other.data() + at, &value, sizeof value);
    write_summed(std::move(other));
    return refusal(path, gpt_oss);
  };
  const std::string damaged = path + ": this file of prompts is damaged; it is not used";
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{4}, uint64_t{1} << 40, ~uint64_t{0}}) {
    EXPECT_EQ(with_number(56, value), damaged) << "nodes";
    EXPECT_EQ(with_number(64, value), damaged) << "bytes of nodes";
  }
  for (const int64_t parent : {int64_t{0}, int64_t{1}, int64_t{-2}, int64_t{1} << 62})
    EXPECT_EQ(with_number(header_bytes, static_cast<uint64_t>(parent)), damaged) << "parent " << parent;
}

TEST_F(PrefixFile, AnythingWithARightSumLeavesACacheThatStands) {
  int used = 0;
  for (const PageShape& shape : {one_full, gpt_oss}) {
    const std::string whole = small(shape);
    Random random(7);
    for (int i = 0; i < 3000; ++i) {
      std::string other = whole;
      for (int64_t n = random.integer(1, 3); n > 0; --n)
        other[header_bytes + static_cast<size_t>(random.integer(0, 900))] = static_cast<char>(random.integer(0, 255));
      write_summed(std::move(other));
      Place place(shape, 20);
      used += place.load(path).ok();
      place.cache.visit([&](const PrefixCache::Entry& entry) { EXPECT_LE(entry.tokens.size(), 64u); });
      for (const Text& text : {text_of(80, 66, 1), text_of(300)}) {
        SequencePages pages = place.cache.find(text.ids(), text.length() - 1);
        std::vector<PageCopy> copies;
        EXPECT_TRUE(place.cache.make_room(0, 10));
        EXPECT_TRUE(pages.extend(text.length() - pages.length(), copies));
        place.cache.insert(text.ids(), pages);
        EXPECT_EQ(place.match(text), text.length());
      }
    }
  }
  EXPECT_GT(used, 1000);
}

TEST_F(PrefixFile, SmallerMemoryAndShorterContextTakeWhatFits) {
  Place before(gpt_oss, 300, 1);
  for (int32_t kind = 0; kind < 4; ++kind) before.add(text_of(640, 0, kind));
  before.add(text_of(70, 0, 9));
  ASSERT_TRUE(before.save(path).ok());
  Place less(gpt_oss, 30, 1);
  ASSERT_TRUE(less.load(path).ok());
  int found = 0;
  for (int32_t kind = 0; kind < 4; ++kind) {
    EXPECT_TRUE(less.match(text_of(640, 0, kind)) % 640 == 0);
    found += less.match(text_of(640, 0, kind)) == 640;
  }
  EXPECT_EQ(found, 2);
  EXPECT_TRUE(less.cache.make_room(0, 30)) << "what came from the file does not go like anything else";
  Place shorter(gpt_oss, 300, 1);
  EXPECT_EQ(shorter.load(path, key, 500).value(), 70);
  EXPECT_EQ(shorter.match(text_of(70, 0, 9)), 70);
}

TEST_F(PrefixFile, MemoryThatFailsIsAnError) {
  small();
  Place place(gpt_oss, 50);
  place.fail_at = 2;
  EXPECT_EQ(place.load(path).error().message, "the GPU has failed");
  EXPECT_EQ(place.cache.nodes(), 0);
}

TEST_F(PrefixFile, OldFileStaysUntilTheNewOneIsWhole) {
  const std::string whole = small();
  Place place(gpt_oss, 50);
  place.add(text_of(100));
  PageBytes bytes = place.bytes();
  bytes.read = [](int, PageId, std::span<uint8_t>) { return Status(fail("the GPU has failed")); };
  EXPECT_FALSE(write_prefixes(path, key, gpt_oss, place.cache, bytes).ok());
  EXPECT_EQ(folder.read("prompts"), whole);
  EXPECT_EQ(folder.names().size(), 1u);
}

TEST_F(PrefixFile, OtherFilesAreNotReplaced) {
  EXPECT_TRUE(check_prefix_file(path).ok());
  folder.write("prompts", "");
  EXPECT_TRUE(check_prefix_file(path).ok());
  folder.write("prompts", "my notes");
  EXPECT_NE(check_prefix_file(path).error().message.find("holds something else"), std::string::npos);
  small();
  EXPECT_TRUE(check_prefix_file(path).ok());
  EXPECT_FALSE(check_prefix_file(folder / "none/prompts").ok());
  EXPECT_FALSE(check_prefix_file(folder.path()).ok());
}

}  // namespace
}  // namespace mxpath
