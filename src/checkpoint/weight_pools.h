// Random weights of any shape in memory: no file, and far less memory than the model has weights.
#pragma once
#include <cstdint>

#include "base/progress.h"
#include "base/thread_pool.h"
#include "checkpoint/manifest.h"

namespace mxpath {

/// Bytes of random_weights_in_memory for this manifest: 1.4 GB for the 20b shape and 2.3 GB for the 120b, however many
/// layers.
uint64_t weight_pool_bytes(const Manifest& promise);

/// A checkpoint for a manifest_from_config whose tensors lie at different places of a few pools, each as large as the
/// largest tensor of its kind: matrices and biases (BF16, magnitudes 2^-8 … 2^-4), norm scales (BF16, 1 … 1.25), MXFP4
/// codes (random bytes), scales (2^-9 … 2^-6). Good for speed, which does not depend on values; activations stay finite
/// and experts are chosen evenly. The bytes follow from the seed, whatever the threads. Error: not enough memory.
Result<Checkpoint> random_weights_in_memory(Manifest promise, uint64_t seed, ThreadPool& threads,
                                            const Progress& progress = {});

}  // namespace mxpath
