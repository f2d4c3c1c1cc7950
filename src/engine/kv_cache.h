// The keys and values of one sequence.
#pragma once
#include <span>
#include <vector>

#include "base/buffer.h"
#include "checkpoint/config.h"
#include "kernels/attention/attention.h"

namespace mxpath {

/// Owned by a sequence; the model only sees the views. Full layers hold `context` positions, sliding layers a ring of window + chunk.
/// Memory is reserved at once and committed as it is touched.
class KvCache {
 public:
  /// Error: not enough memory.
  static Result<KvCache> create(const ModelConfig& config, int context, int chunk);

  std::span<const KvView> layers() const { return views_; }   ///< [layers]
  uint64_t bytes() const { return memory_.size(); }
  /// The earliest length to which a sequence of `length` positions can be cut back and continued: rings have forgotten what lies before.
  int64_t shortest_rollback(int64_t length) const;

 private:
  Buffer memory_;
  std::vector<std::vector<uint16_t*>> blocks_;   // [2 * layers]: keys, then values
  std::vector<KvView> views_;
  int64_t slack_ = 0;   // ring positions beyond the window; 0 without rings
  bool has_ring_ = false;
};

}  // namespace mxpath
