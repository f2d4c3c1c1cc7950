#include "kv/prefix_cache.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace mxpath {

struct PrefixCache::Node {
  Node* parent = nullptr;  // null: a root
  uint64_t salt = 0;
  int64_t depth = -1;                                // its ids are those from position 64 * depth
  std::vector<int32_t> ids = {};                     // 64 where there are children
  std::vector<Page> pages = {};                      // [groups]; in full groups all ids are filled
  std::vector<std::unique_ptr<Node>> children = {};  // in the order of their ids; none begins with all ids of another
  uint64_t age = 0, window_age = 0;                  // in uses_; 0: not there

  int64_t start() const { return depth * kv_page_tokens; }
};

namespace {

using Ids = std::span<const int32_t>;

/// How many ids two texts begin with alike.
int64_t common_ids(Ids a, Ids b) { return std::ranges::mismatch(a, b).in1 - a.begin(); }

/// The first of the nodes, which are in order, that does not come before `ids`.
size_t lower_bound(const auto& nodes, Ids ids) {
  return static_cast<size_t>(std::ranges::lower_bound(
                                 nodes, ids, [](Ids a, Ids b) { return std::ranges::lexicographical_compare(a, b); },
                                 [](const auto& node) { return Ids(node->ids); }) -
                             nodes.begin());
}

}  // namespace

PrefixCache::PrefixCache(const PageShape& shape, std::span<PagePool> pools) : shape_(&shape), pools_(pools) {
  for (const PagePool& pool : pools) books_.push_back({std::vector<int32_t>(static_cast<size_t>(pool.size())), 0});
  for (const PageGroup& group : shape.groups) widest_window_ = std::max(widest_window_, group.window);
}

PrefixCache::~PrefixCache() { clear(); }

/// The first page that the next token sees in any sliding group.
int64_t PrefixCache::first_window_page(int64_t length) const {
  return first_page_seen({0, std::max<int64_t>(widest_window_, 1)}, length);
}

bool PrefixCache::can_be_continued(const Node& node, int64_t length) const {
  for (size_t g = 0; g < shape_->groups.size(); ++g) {
    if (!sliding(g)) continue;
    const Node* at = &node;
    for (int64_t i = node.depth; i >= first_page_seen(shape_->groups[g], length); --i, at = at->parent)
      if (at->pages[g].filled < std::min<int64_t>(length - i * kv_page_tokens, kv_page_tokens)) return false;
  }
  return true;
}

/// The longest length that ends in the node, within the first `common` of its ids; 0: none.
int64_t PrefixCache::longest_in(const Node& node, int64_t common) const {
  if (can_be_continued(node, node.start() + common)) return node.start() + common;
  // What is before the node is needed by shorter lengths all the more, so only what lacks in it is worth a try.
  for (size_t g = 0; g < shape_->groups.size(); ++g) common = std::min<int64_t>(common, node.pages[g].filled);
  return common > 0 && can_be_continued(node, node.start() + common) ? node.start() + common : 0;
}

PrefixCache::Hit PrefixCache::longest_child(const Node& node, Ids ids) const {
  const auto& children = node.children;
  Hit best;
  // Outwards from where `ids` would stand: those that have most in common come first.
  for (size_t right = lower_bound(children, ids), left = right;;) {
    const int64_t before = left > 0 ? common_ids(children[left - 1]->ids, ids) : 0,
                  behind = right < children.size() ? common_ids(children[right]->ids, ids) : 0,
                  common = std::max(before, behind);
    if (common == 0 || (node.depth + 1) * kv_page_tokens + common <= best.length) return best;
    Node* const child = behind >= before ? children[right++].get() : children[--left].get();
    if (const int64_t length = longest_in(*child, common); length > best.length) best = {length, child};
  }
}

PrefixCache::Hit PrefixCache::longest(Ids tokens, int64_t most, uint64_t salt) const {
  const auto root = roots_.find(salt);
  if (root == roots_.end()) return {};
  tokens = tokens.first(static_cast<size_t>(std::clamp<int64_t>(most, 0, static_cast<int64_t>(tokens.size()))));
  const auto behind = [tokens](const Node& node) {
    const Ids rest = tokens.subspan(static_cast<size_t>(node.depth + 1) * kv_page_tokens);
    return rest.first(std::min<size_t>(rest.size(), kv_page_tokens));
  };
  // Down as far as the text has whole nodes, then up to the first that can be continued from.
  Node* node = root->second.get();
  for (bool whole = true; whole;) {
    const Ids ids = behind(*node);
    const size_t child = lower_bound(node->children, ids);
    whole = ids.size() == kv_page_tokens && child < node->children.size() &&
            std::ranges::equal(node->children[child]->ids, ids);
    if (whole) node = node->children[child].get();
  }
  for (; node; node = node->parent)
    if (const Hit hit = longest_child(*node, behind(*node)); hit.node) return hit;
  return {};
}

int64_t PrefixCache::match(Ids tokens, int64_t most, uint64_t salt) const { return longest(tokens, most, salt).length; }

SequencePages PrefixCache::find(Ids tokens, int64_t most, uint64_t salt) {
  const Hit hit = longest(tokens, most, salt);
  if (!hit.node) return SequencePages(*shape_, pools_);
  touch(hit.node, hit.length);
  const size_t count = static_cast<size_t>(kv_table_entries(hit.length));
  std::vector<std::vector<PageId>> tables(shape_->groups.size(), std::vector<PageId>(count, no_page));
  for (size_t g = 0; g < tables.size(); ++g) {
    const int64_t first = first_page_seen(shape_->groups[g], hit.length);
    for (const Node* node = hit.node; node->depth >= first; node = node->parent)
      tables[g][static_cast<size_t>(node->depth)] = node->pages[g].id;
  }
  return SequencePages(*shape_, pools_, hit.length, std::move(tables));
}

void PrefixCache::insert(Ids tokens, const SequencePages& sequence, uint64_t salt) {
  assert(sequence.length() == static_cast<int64_t>(tokens.size()));
  if (tokens.empty()) return;
  std::unique_ptr<Node>& root = roots_[salt];
  if (!root) root = std::make_unique<Node>(Node{.salt = salt});
  Node* node = root.get();
  for (size_t start = 0; start < tokens.size(); start += kv_page_tokens) {
    const Ids ids = tokens.subspan(start, std::min<size_t>(tokens.size() - start, kv_page_tokens));
    node = child_for(*node, ids);
    for (size_t g = 0; g < shape_->groups.size(); ++g)
      offer(*node, g, {sequence.table(static_cast<int>(g))[start / kv_page_tokens], static_cast<int>(ids.size())});
  }
  touch(node, sequence.length());
}

/// The child that begins with `ids`: one that does, one that was shorter so far, or a new one.
PrefixCache::Node* PrefixCache::child_for(Node& parent, Ids ids) {
  auto& children = parent.children;
  const size_t at = lower_bound(children, ids);
  if (at < children.size() && common_ids(children[at]->ids, ids) == static_cast<int64_t>(ids.size()))
    return children[at].get();
  if (at > 0) {
    // A beginning of `ids` would stand right before them, because nothing else begins with it.
    Node& before = *children[at - 1];
    if (common_ids(before.ids, ids) == static_cast<int64_t>(before.ids.size())) {
      before.ids.assign(ids.begin(), ids.end());
      return &before;
    }
  }
  auto child = std::make_unique<Node>(Node{.parent = &parent, .salt = parent.salt, .depth = parent.depth + 1});
  child->ids.assign(ids.begin(), ids.end());
  child->pages.resize(shape_->groups.size());
  ++nodes_;
  return children.insert(children.begin() + static_cast<std::ptrdiff_t>(at), std::move(child))->get();
}

/// Takes a page that has more of the node's ids than what it holds.
void PrefixCache::offer(Node& node, size_t group, Page page) {
  Page& own = node.pages[group];
  if (page.id == no_page || page.filled <= own.filled) return;
  pool(group).hold(page.id);
  if (book(group).held[static_cast<size_t>(page.id)]++ == 0) ++book(group).pages;
  release(group, own);
  own = page;
}

void PrefixCache::release(size_t group, Page& page) {
  if (page.id == no_page) return;
  if (--book(group).held[static_cast<size_t>(page.id)] == 0) --book(group).pages;
  pool(group).release(page.id);
  page = {};
}

void PrefixCache::renew(uint64_t& age, Use use) {
  if (age != 0) uses_.erase(age);
  age = ++clock_;
  uses_.emplace_hint(uses_.end(), age, use);
}

/// Makes the nodes of a text the newest, and of their sliding pages those that it is continued from.
void PrefixCache::touch(Node* end, int64_t length) {
  for (Node* node = end; node->parent; node = node->parent) renew(node->age, {node, false});
  for (Node* node = end; node->parent; node = node->parent) {
    bool windows = false;
    for (size_t g = 0; g < shape_->groups.size(); ++g) windows |= sliding(g) && node->pages[g].id != no_page;
    if (windows && (node->window_age == 0 || node->depth >= first_window_page(length)))
      renew(node->window_age, {node, true});
  }
}

void PrefixCache::drop_windows(Node& node) {
  for (size_t g = 0; g < shape_->groups.size(); ++g)
    if (sliding(g)) release(g, node.pages[g]);
  uses_.erase(std::exchange(node.window_age, 0));
}

/// Takes a leaf away, and what is above it as far as it has become a leaf that nothing can be continued from.
void PrefixCache::remove(Node* leaf) {
  Node* node = leaf;
  do {
    for (size_t g = 0; g < shape_->groups.size(); ++g) release(g, node->pages[g]);
    uses_.erase(node->age);
    uses_.erase(node->window_age);
    auto& children = node->parent->children;
    const size_t at = lower_bound(children, node->ids);
    node = node->parent;
    children.erase(children.begin() + static_cast<std::ptrdiff_t>(at));
    --nodes_;
  } while (node->parent && node->children.empty() && longest_in(*node, static_cast<int64_t>(node->ids.size())) == 0);
  if (!node->parent && node->children.empty()) roots_.erase(node->salt);
}

bool PrefixCache::make_room(int pool, int32_t pages) {
  const PagePool& of = pools_[static_cast<size_t>(pool)];
  for (bool blocking : {false, true})
    if (of.free() < pages) let_go(pool, pages, blocking);
  return of.free() >= pages;
}

/// Goes from the oldest to the newest.
void PrefixCache::let_go(int pool, int32_t pages, bool blocking) {
  const PagePool& of = pools_[static_cast<size_t>(pool)];
  for (auto use = uses_.begin(); use != uses_.end() && of.free() < pages;) {
    const auto [age, what] = *use;
    if (!may_go(what, pool, blocking)) {
      ++use;
      continue;
    }
    if (what.windows) drop_windows(*what.node);
    else remove(what.node);
    use = uses_.upper_bound(age);  // more than one may be gone
  }
}

/// Whether it makes room in the pool. `blocking`: a leaf does too where a node above it would.
bool PrefixCache::may_go(Use use, int pool, bool blocking) const {
  const bool leaf = use.node->children.empty();
  if (use.windows) return !leaf && alone(*use.node, pool, true) && !leaf_sees(*use.node, use.node->depth);
  if (!leaf) return false;
  for (const Node* node = use.node; node && node->parent; node = blocking ? node->parent : nullptr)
    if (alone(*node, pool, false)) return true;
  return false;
}

/// Whether the node has a page of that pool that nobody else holds. `windows`: of sliding groups only.
bool PrefixCache::alone(const Node& node, int pool, bool windows) const {
  for (size_t g = 0; g < shape_->groups.size(); ++g) {
    const PageId page = node.pages[g].id;
    if (shape_->groups[g].pool == pool && page != no_page && (sliding(g) || !windows) &&
        this->pool(g).holders(page) == books_[static_cast<size_t>(pool)].held[static_cast<size_t>(page)])
      return true;
  }
  return false;
}

/// Whether a leaf below `node` is continued from with the sliding pages of the node at `depth`, on its way.
bool PrefixCache::leaf_sees(const Node& node, int64_t depth) const {
  for (const auto& child : node.children) {
    if (child->children.empty()) {
      if (first_window_page(longest_in(*child, static_cast<int64_t>(child->ids.size()))) <= depth) return true;
    } else if ((child->depth - depth) * kv_page_tokens < widest_window_ && leaf_sees(*child, depth)) {
      return true;
    }
  }
  return false;
}

void PrefixCache::clear() {
  // The oldest of all nodes is always a leaf.
  while (!uses_.empty()) {
    const Use oldest = uses_.begin()->second;
    if (oldest.windows) drop_windows(*oldest.node);
    else remove(oldest.node);
  }
}

void PrefixCache::visit(const std::function<void(const Entry&)>& each) const {
  struct Place {
    const Node* node;
    int64_t parent;
  };
  std::vector<Place> ahead;
  for (const auto& [salt, root] : roots_)
    for (const auto& child : root->children) ahead.push_back({child.get(), -1});
  for (int64_t index = 0; !ahead.empty(); ++index) {
    const auto [node, parent] = ahead.back();
    ahead.pop_back();
    each({parent, node->salt, node->ids, node->pages});
    for (const auto& child : node->children) ahead.push_back({child.get(), index});
  }
}

int64_t PrefixCache::pages_alone(int pool) const {
  const std::vector<int32_t>& held = books_[static_cast<size_t>(pool)].held;
  int64_t alone = 0;
  for (size_t page = 0; page < held.size(); ++page)
    alone += held[page] > 0 && held[page] == pools_[static_cast<size_t>(pool)].holders(static_cast<PageId>(page));
  return alone;
}

}  // namespace mxpath
