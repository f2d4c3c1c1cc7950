// The arrays behind AttentionArgs: the caches are tables of pointers to blocks, on the device as well.
#include "kernels/arguments.h"

#include <map>

#include "kernels/attention/attention.h"
#include "kernels/rows.h"

namespace mxpath {
namespace {

/// Copies of caches with their block tables. Blocks come back when keys are stored; a block may stand in more than one
/// table.
class Caches {
 public:
  Caches(Arguments& list, int64_t block_elements, bool written)
      : list_(list), block_elements_(block_elements), written_(written) {}

  const KvView* copy_of(const KvView* host) {
    const KvView*& view = views_[host];
    if (view) return view;
    const int64_t count = (host->capacity + kv_block_tokens - 1) / kv_block_tokens;
    std::vector<uint16_t*> k, v;
    for (int64_t b = 0; b < count; ++b) {
      k.push_back(copy_of(host->k_blocks[b]));
      v.push_back(copy_of(host->v_blocks[b]));
    }
    KvView copy{k.data(), v.data(), host->capacity};
    list_.in(copy.k_blocks, count);
    list_.in(copy.v_blocks, count);
    view = &copy;
    list_.in(view, 1);
    return view;
  }

 private:
  uint16_t* copy_of(uint16_t* host) {
    uint16_t*& block = blocks_[host];
    if (block) return block;
    block = host;
    if (written_) {
      list_.in_out(block, block_elements_);
    } else {
      const uint16_t* read = host;
      list_.in(read, block_elements_);
      block = const_cast<uint16_t*>(read);
    }
    return block;
  }

  Arguments& list_;
  int64_t block_elements_;
  bool written_;
  std::map<const KvView*, const KvView*> views_;
  std::map<const uint16_t*, uint16_t*> blocks_;
};

}  // namespace

void list_arguments(Arguments& list, AttentionArgs& a) {
  const int64_t width = int64_t{a.heads} * a.head_dim, kv_width = int64_t{a.kv_heads} * a.head_dim;
  Caches caches(list, kv_width * kv_block_tokens, a.k != nullptr);
  std::vector<const KvView*> views;
  for (int t = 0; t < a.tokens; ++t) views.push_back(caches.copy_of(a.kv[t]));
  a.kv = views.data();
  list.in(a.kv, std::ssize(views));
  list.in(a.q, a.tokens, a.q_stride, width);
  list.in_out(a.y, a.tokens * width);
  list.in(a.k, a.tokens, a.q_stride, kv_width);
  list.in(a.v, a.tokens, a.q_stride, kv_width);
  list.in(a.sinks, a.heads);
  list.in(a.positions, a.tokens);
  list.scratch(a);
}

}  // namespace mxpath
