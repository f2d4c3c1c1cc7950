// The nodes of a prefix cache as a file has them: bytes that may be anything, and what of them is worth reading.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kv/prefix_cache.h"

namespace mxpath {

/// A node without its pages.
struct SavedNode {
  int64_t parent = -1;  ///< index of one before it; -1: it begins its texts
  int64_t depth = 0;
  uint64_t salt = 0;
  std::vector<int32_t> ids;     ///< 1 to 64; 64 where it has children
  std::vector<uint8_t> filled;  ///< [groups] of its page; 0: it has none
};

/// Bytes of a node in a file are at most these.
uint64_t most_node_bytes(const PageShape& shape);
void append_node(std::vector<uint8_t>& to, const PrefixCache::Entry& entry);
/// Exactly `count` nodes, whose parents come before them; nothing if the bytes are anything else.
std::optional<std::vector<SavedNode>> parse_nodes(std::span<const uint8_t> bytes, uint64_t count,
                                                  const PageShape& shape);

/// Which of the pages are read, and the nodes with which texts end.
struct WantedPages {
  std::vector<uint8_t> pages;  ///< [nodes][groups]
  std::vector<size_t> ends;    ///< a text ends behind the ids that all of the node's pages have
};
/// All texts that can be continued, of at most `context` tokens, as far as the free pages of the pools reach.
WantedPages wanted_pages(std::span<const SavedNode> nodes, int64_t context, const PageShape& shape,
                         std::span<const PagePool> pools);

/// A text with its pages, as PrefixCache::insert takes it.
struct SavedText {
  std::vector<int32_t> ids;
  std::vector<std::vector<PageId>> tables;
};
/// The text that ends with a node. `pages`: [nodes][groups], those that are wanted.
SavedText text_of(std::span<const SavedNode> nodes, size_t end, const PageShape& shape, std::span<const PageId> pages);

}  // namespace mxpath
