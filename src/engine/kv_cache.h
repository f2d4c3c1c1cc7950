// The keys and values of one sequence.
#pragma once
#include <span>
#include <vector>

#include "base/buffer.h"
#include "checkpoint/config.h"
#include "cuda/cuda.h"
#include "kernels/attention/attention.h"
#include "plan/plan.h"

namespace mxpath {

/// Owned by a sequence; the model only sees the views. Full layers hold `context` positions, sliding layers a ring of window + chunk. Each
/// layer's blocks lie where its attention runs. Memory is reserved at once; the computer's is committed as it is touched.
class KvCache {
 public:
  /// Error: not enough memory. `stream`: of the GPU that the plan uses, if it uses one.
  static Result<KvCache> create(const ModelConfig& config, const Plan& plan, CudaStream& stream);

  std::span<const KvView* const> layers() const { return views_; }  ///< [layers]; a GPU layer's view lies in its memory too
  uint64_t bytes() const { return memory_.size() + gpu_memory_.size(); }
  /// The earliest length to which a sequence of `length` positions can be cut back and continued: rings have forgotten what lies before.
  int64_t shortest_rollback(int64_t length) const;

 private:
  Status send_tables(CudaStream& stream);

  Buffer memory_;
  CudaBuffer gpu_memory_, gpu_tables_;          // blocks; views and block tables
  std::vector<std::vector<uint16_t*>> blocks_;  // [2 * layers]: keys, then values
  std::vector<KvView> own_;                     // [layers] with tables in blocks_
  std::vector<const KvView*> views_;            // [layers] into own_, or into gpu_tables_
  std::vector<bool> on_gpu_;                    // [layers]
  int64_t slack_ = 0;                           // ring positions beyond the window; 0 without rings
  bool has_ring_ = false;
};

}  // namespace mxpath
