#include "kv/prefix_nodes.h"

#include <algorithm>
#include <cstring>

namespace mxpath {
namespace {

bool sliding(const PageGroup& group) { return group.window > 0; }

template <class T>
void append(std::vector<uint8_t>& to, const T* values, size_t count) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(values);
  to.insert(to.end(), bytes, bytes + count * sizeof(T));
}

/// Takes values off the front of bytes.
class Cursor {
 public:
  explicit Cursor(std::span<const uint8_t> bytes) : rest_(bytes) {}
  template <class T>
  bool take(T* values, size_t count) {
    if (count > rest_.size() / sizeof(T)) return false;
    std::memcpy(values, rest_.data(), count * sizeof(T));
    rest_ = rest_.subspan(count * sizeof(T));
    return true;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::span<const uint8_t> rest_;
};

/// Of how many ids all pages of the node hold the keys and values: there the longest text that ends in it ends. (A
/// window of one token alone would let it end later.)
int64_t common_filled(const SavedNode& node) { return *std::ranges::min_element(node.filled); }

bool take_node(Cursor& from, SavedNode& node, size_t groups) {
  uint8_t count = 0;
  if (!from.take(&node.parent, 1) || !from.take(&node.salt, 1) || !from.take(&count, 1)) return false;
  if (count < 1 || count > kv_page_tokens) return false;
  node.filled.resize(groups), node.ids.resize(count);
  return from.take(node.filled.data(), groups) && from.take(node.ids.data(), count);
}

bool stands(const SavedNode& node, std::span<const SavedNode> before, const PageShape& shape) {
  for (size_t g = 0; g < shape.groups.size(); ++g)
    if (node.filled[g] > node.ids.size() || (!sliding(shape.groups[g]) && node.filled[g] != node.ids.size()))
      return false;
  if (node.parent == -1) return true;
  if (node.parent < 0 || node.parent >= std::ssize(before)) return false;
  const SavedNode& parent = before[static_cast<size_t>(node.parent)];
  return parent.ids.size() == kv_page_tokens && parent.salt == node.salt;
}

class Wanting {
 public:
  Wanting(std::span<const SavedNode> nodes, const PageShape& shape, std::span<const PagePool> pools)
      : nodes_(nodes), shape_(shape) {
    wanted_.pages.resize(nodes.size() * shape.groups.size());
    for (const PagePool& pool : pools) free_.push_back(pool.free());
  }

  /// Whether a text ends here that brings something, and that can be continued.
  bool is_end(size_t node, bool leaf, int64_t context) const {
    const int64_t filled = common_filled(nodes_[node]), length = nodes_[node].depth * kv_page_tokens + filled;
    bool brings = leaf;
    for (size_t g = 0; g < shape_.groups.size(); ++g)
      brings |= sliding(shape_.groups[g]) && nodes_[node].filled[g] > 0 && !is_wanted(node, g);
    return brings && filled > 0 && length <= context && sees_all(node, length);
  }
  /// Takes what the text has and others have not, if that is still free.
  void want(size_t end) {
    std::vector<int64_t> needed(free_.size());
    walk(end, [&](size_t, size_t group) { ++needed[pool(group)]; });
    for (size_t p = 0; p < free_.size(); ++p)
      if (needed[p] > free_[p]) return;
    for (size_t p = 0; p < free_.size(); ++p) free_[p] -= needed[p];
    walk(end, [&](size_t node, size_t group) { wanted_.pages[node * shape_.groups.size() + group] = 1; });
    wanted_.ends.push_back(end);
  }
  WantedPages take() {
    std::ranges::reverse(wanted_.ends);
    return std::move(wanted_);
  }

 private:
  bool is_wanted(size_t node, size_t group) const { return wanted_.pages[node * shape_.groups.size() + group] != 0; }
  size_t pool(size_t group) const { return static_cast<size_t>(shape_.groups[group].pool); }

  bool sees_all(size_t end, int64_t length) const {
    for (size_t g = 0; g < shape_.groups.size(); ++g) {
      if (!sliding(shape_.groups[g])) continue;
      const SavedNode* node = &nodes_[end];
      for (int64_t first = first_page_seen(shape_.groups[g], length); node->depth > first;) {
        node = &nodes_[static_cast<size_t>(node->parent)];
        if (node->filled[g] < kv_page_tokens) return false;
      }
    }
    return true;
  }
  /// What is not wanted yet. Above a page that is, those of its text are too.
  template <class Each>
  void walk(size_t end, Each&& each) const {
    for (size_t g = 0; g < shape_.groups.size(); ++g)
      for (int64_t i = static_cast<int64_t>(end); i >= 0; i = nodes_[static_cast<size_t>(i)].parent) {
        const size_t node = static_cast<size_t>(i);
        if (is_wanted(node, g) || (node != end && nodes_[node].filled[g] < kv_page_tokens)) break;
        each(node, g);
      }
  }

  std::span<const SavedNode> nodes_;
  const PageShape& shape_;
  std::vector<int64_t> free_;  // [pools]
  WantedPages wanted_;
};

}  // namespace

uint64_t most_node_bytes(const PageShape& shape) {
  return sizeof(int64_t) + sizeof(uint64_t) + 1 + shape.groups.size() + kv_page_tokens * sizeof(int32_t);
}

void append_node(std::vector<uint8_t>& to, const PrefixCache::Entry& entry) {
  const auto count = static_cast<uint8_t>(entry.tokens.size());
  append(to, &entry.parent, 1), append(to, &entry.salt, 1), append(to, &count, 1);
  for (const PrefixCache::Page& page : entry.pages) to.push_back(static_cast<uint8_t>(page.filled));
  append(to, entry.tokens.data(), entry.tokens.size());
}

std::optional<std::vector<SavedNode>> parse_nodes(std::span<const uint8_t> bytes, uint64_t count,
                                                  const PageShape& shape) {
  std::vector<SavedNode> nodes;
  Cursor from(bytes);
  for (uint64_t i = 0; i < count; ++i) {
    SavedNode node;
    if (!take_node(from, node, shape.groups.size()) || !stands(node, nodes, shape)) return std::nullopt;
    if (node.parent >= 0) node.depth = nodes[static_cast<size_t>(node.parent)].depth + 1;
    nodes.push_back(std::move(node));
  }
  if (!from.at_end()) return std::nullopt;
  return nodes;
}

WantedPages wanted_pages(std::span<const SavedNode> nodes, int64_t context, const PageShape& shape,
                         std::span<const PagePool> pools) {
  std::vector<uint8_t> has_children(nodes.size());
  for (const SavedNode& node : nodes)
    if (node.parent >= 0) has_children[static_cast<size_t>(node.parent)] = 1;
  // Children first: what a longer text has brought need not be brought again.
  Wanting wanting(nodes, shape, pools);
  for (size_t i = nodes.size(); i-- > 0;)
    if (wanting.is_end(i, !has_children[i], context)) wanting.want(i);
  return wanting.take();
}

SavedText text_of(std::span<const SavedNode> nodes, size_t end, const PageShape& shape, std::span<const PageId> pages) {
  const size_t groups = shape.groups.size(), count = static_cast<size_t>(nodes[end].depth) + 1;
  std::vector<size_t> path(count);
  for (size_t i = count, node = end; i-- > 0; node = static_cast<size_t>(nodes[node].parent)) path[i] = node;
  SavedText text;
  for (size_t node : path) text.ids.insert(text.ids.end(), nodes[node].ids.begin(), nodes[node].ids.end());
  text.ids.resize((count - 1) * kv_page_tokens + static_cast<size_t>(common_filled(nodes[end])));
  text.tables.assign(groups, std::vector<PageId>(count, no_page));
  for (size_t g = 0; g < groups; ++g)
    for (size_t i = count; i-- > 0;) {
      const PageId page = pages[path[i] * groups + g];
      if (page == no_page || (i + 1 < count && nodes[path[i]].filled[g] < kv_page_tokens)) break;
      text.tables[g][i] = page;
    }
  return text;
}

}  // namespace mxpath
