// The keys and values of one sequence.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "checkpoint/config.h"
#include "device/device.h"
#include "kernels/attention/attention.h"
#include "plan/plan.h"

namespace mxpath {

/// Owned by a sequence; the model only sees the views. Full layers hold `context` positions, sliding layers a ring of
/// window + chunk. Each layer's blocks lie where its attention runs. Memory is reserved at once; the computer's is
/// committed as it is touched.
class KvCache {
 public:
  /// Error: not enough memory, or a device that does not answer.
  static Result<KvCache> create(const ModelConfig& config, const Plan& plan);

  std::span<const KvView* const> layers() const {
    return views_;
  }  ///< [layers]; a GPU layer's view lies in its memory too
  uint64_t bytes() const;
  /// The earliest length to which a sequence of `length` positions can be cut back and continued: rings have forgotten
  /// what lies before.
  int64_t shortest_rollback(int64_t length) const;

 private:
  /// What a device holds: the blocks of its layers; on a GPU their views and block tables too.
  struct Part {
    Memory blocks = {}, tables = {};
    uint16_t* next = nullptr;  // of the blocks, while they are handed out
  };
  Status send_tables(DeviceId gpu, Part& part, size_t size);

  std::map<DeviceId, Part> parts_;
  std::vector<std::vector<uint16_t*>> blocks_;  // [2 * layers]: keys, then values
  std::vector<KvView> own_;                     // [layers] with tables in blocks_
  std::vector<const KvView*> views_;            // [layers] into own_, or into a GPU's tables
  std::vector<DeviceId> where_;                 // [layers]
  int64_t slack_ = 0;                           // ring positions beyond the window; 0 without rings
  bool has_ring_ = false;
};

}  // namespace mxpath
