// Any bytes as the nodes of a file of prompts: what is made of them can be put into a cache, or they are refused.
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "kv/prefix_nodes.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const mxpath::PageShape shape{{{0, 0}, {0, 128}, {1, 65}}};
  const auto nodes = mxpath::parse_nodes({data + 2, size - 2}, data[0], shape);
  if (!nodes) return 0;
  std::vector<mxpath::PagePool> pools(2, mxpath::PagePool(64));
  const auto wanted = mxpath::wanted_pages(*nodes, 16 * data[1], shape, pools);
  std::vector<mxpath::PageId> pages(wanted.pages.size(), mxpath::no_page);
  for (size_t i = 0; i < pages.size(); ++i) {
    if (!wanted.pages[i]) continue;
    pages[i] = pools[static_cast<size_t>(shape.groups[i % 3].pool)].take();
    if (pages[i] == mxpath::no_page) std::abort();
  }
  mxpath::PrefixCache cache(shape, pools);
  for (const size_t end : wanted.ends) {
    mxpath::SavedText text = mxpath::text_of(*nodes, end, shape, pages);
    const int64_t length = std::ssize(text.ids);
    for (size_t g = 0; g < 3; ++g)
      for (int64_t i = mxpath::first_page_seen(shape.groups[g], length); i < mxpath::kv_table_entries(length); ++i)
        if (text.tables[g][static_cast<size_t>(i)] == mxpath::no_page) std::abort();
    const mxpath::SequencePages sequence(shape, pools, length, std::move(text.tables));
    cache.insert(text.ids, sequence, (*nodes)[end].salt);
    if (cache.match(text.ids, length, (*nodes)[end].salt) != length) std::abort();
  }
  return 0;
}
