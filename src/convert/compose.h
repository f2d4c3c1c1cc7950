// The tensors of the target, ready to be written.
#pragma once
#include <vector>

#include "checkpoint/safetensors.h"
#include "convert/convert.h"
#include "convert/write_tensor.h"

namespace mxpath::convert {

/// Tensors that go into one file together: the blocks of an expert matrix leave the scales for the next item.
struct ItemGroup {
  std::vector<SafetensorsItem> items;
  uint64_t bytes = 0;
};

/// Groups the items to write, in the order of the forward pass. The items keep references to `writer` and `losses`;
/// writing one adds to `losses`. Error: MXFP4 for rows that are no multiple of 32.
Result<std::vector<ItemGroup>> compose(const TensorWriter& writer, CheckpointLayout target,
                                       std::vector<TensorLoss>& losses);

}  // namespace mxpath::convert
