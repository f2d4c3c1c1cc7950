// Texts that were read before, found again with their pages.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "kv/sequence_pages.h"

namespace mxpath {

/// Prefixes of texts whose pages are still there, found again exact to the token. A radix tree of nodes of up to 64
/// ids, one for a page of positions; each holds its page in every full group, and in sliding groups where they were
/// kept. A length can be continued from where the sliding pages that its next token sees are there; every leaf has such
/// a length. Not for two threads at once; the shape and the pools must outlive it.
class PrefixCache {
 public:
  PrefixCache(const PageShape& shape, std::span<PagePool> pools);
  ~PrefixCache();
  PrefixCache(const PrefixCache&) = delete;
  PrefixCache& operator=(const PrefixCache&) = delete;

  /// Holds the pages of `sequence`, which has read exactly `tokens`: all in full groups, in sliding groups what it
  /// still holds. Nothing is copied; nodes that exist are completed, not doubled. Becomes the newest. Texts of
  /// different salts never share.
  void insert(std::span<const int32_t> tokens, const SequencePages& sequence, uint64_t salt = 0);
  /// The longest prefix of `tokens`, at most `most` long, that can be continued, on the pages that are here; length 0:
  /// none. Becomes the newest.
  SequencePages find(std::span<const int32_t> tokens, int64_t most, uint64_t salt = 0);
  /// The length that find() would give; changes nothing.
  int64_t match(std::span<const int32_t> tokens, int64_t most, uint64_t salt = 0) const;

  /// Lets go of the least recently used until `pages` pages of the pool are free, or until nothing is left there that
  /// the cache alone holds; true: they are free. Leaves go first, sliding pages of inner nodes before anything newer
  /// than they are. Those that a leaf is continued from go with the leaf, and with it the nodes above that nothing can
  /// be continued from any more.
  bool make_room(int pool, int32_t pages);
  void clear();

  /// A page of a node: the first `filled` of the node's ids are in it.
  struct Page {
    PageId id = no_page;
    int filled = 0;
  };
  /// A node as it is written down.
  struct Entry {
    int64_t parent;  ///< the how many-th visited, from 0; -1: it begins its texts
    uint64_t salt;
    std::span<const int32_t> tokens;  ///< its ids: 64, or fewer in a leaf
    std::span<const Page> pages;      ///< [groups]
  };
  /// All nodes, parents first.
  void visit(const std::function<void(const Entry&)>& each) const;
  int64_t nodes() const { return nodes_; }
  int64_t pages_alone(int pool) const;  ///< of them those that nobody else holds
  int64_t pages(int pool) const { return books_[static_cast<size_t>(pool)].pages; }  ///< held in that pool

 private:
  struct Node;
  struct Hit {
    int64_t length = 0;
    Node* node = nullptr;  // where it ends; null: nowhere
  };
  /// What is let go at once, in the order of use.
  struct Use {
    Node* node;
    bool windows;  // its pages of sliding groups alone
  };
  /// What is held in a pool.
  struct Book {
    std::vector<int32_t> held;  // [page] how often: a sequence may be there under two salts
    int64_t pages = 0;
  };

  Hit longest(std::span<const int32_t> tokens, int64_t most, uint64_t salt) const;
  Hit longest_child(const Node& node, std::span<const int32_t> ids) const;
  int64_t longest_in(const Node& node, int64_t common) const;
  bool can_be_continued(const Node& node, int64_t length) const;

  Node* child_for(Node& parent, std::span<const int32_t> ids);
  void offer(Node& node, size_t group, Page page);
  void touch(Node* end, int64_t length);
  void renew(uint64_t& age, Use use);

  void let_go(int pool, int32_t pages, bool blocking);
  bool may_go(Use use, int pool, bool blocking) const;
  bool alone(const Node& node, int pool, bool windows) const;
  bool leaf_sees(const Node& node, int64_t depth) const;
  void release(size_t group, Page& page);
  void drop_windows(Node& node);
  void remove(Node* leaf);

  int64_t first_window_page(int64_t length) const;
  bool sliding(size_t group) const { return shape_->groups[group].window > 0; }
  PagePool& pool(size_t group) const { return pools_[static_cast<size_t>(shape_->groups[group].pool)]; }
  Book& book(size_t group) { return books_[static_cast<size_t>(shape_->groups[group].pool)]; }

  const PageShape* shape_;
  std::span<PagePool> pools_;
  std::vector<Book> books_;  // [pools]
  int64_t widest_window_ = 0;
  std::map<uint64_t, std::unique_ptr<Node>> roots_;  // by salt; a root has no ids and no pages
  std::map<uint64_t, Use> uses_;                     // by age, the oldest first; a node is newer than its children
  uint64_t clock_ = 0;
  int64_t nodes_ = 0;
};

}  // namespace mxpath
