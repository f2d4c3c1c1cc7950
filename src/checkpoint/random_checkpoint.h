// Checkpoints of any shape with random weights, for tests and measurements.
#pragma once
#include <cstdint>
#include <string>

#include "base/progress.h"
#include "base/result.h"
#include "checkpoint/manifest.h"

namespace mxpath {

struct RandomCheckpoint {
  ModelConfig config;
  CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4;
  uint64_t seed = 1;
  uint64_t shard_bytes = uint64_t{5} << 30;  ///< a new file starts when the next tensor would pass this
  bool headers_only = false;                 ///< sparse files of the right size that take no disk space
  Progress progress;
};

/// Writes weights, index (if several files) and config.json into `folder`, which is created. The weights follow from
/// the seed alone: the same model comes out in every layout, and activations stay O(1). Memory: two expert matrices at
/// most. Errors: no permission, disk full, dimensions that MXFP4 blocks do not divide, a config that OpenAI's layout
/// cannot say.
Status write_random_checkpoint(const std::string& folder, const RandomCheckpoint& what);

/// Small shapes and the two public ones. `tiny`: 2 layers, 4 experts, 0.4 MB.
ModelConfig tiny_config();
ModelConfig gpt_oss_20b_config();
ModelConfig gpt_oss_120b_config();

}  // namespace mxpath
