// x += attention(norm(x)): the first half of a layer as one operation.
#pragma once
#include "kernels/attention/attention.h"
#include "kernels/call_row.h"
#include "kernels/linear/linear.h"
#include "kernels/norm/norm.h"
#include "kernels/rope/rope.h"

namespace mxpath {

/// The parts in the order in which they run, each with the row that the plan chose for it. They are wired: what one
/// writes the next one reads, and output adds to the residual stream that norm reads. A row that computes parts itself
/// keeps to their arguments and may leave what lies between them unwritten.
struct AttentionBlockArgs {
  BlockPart<NormArgs> norm;
  BlockPart<LinearArgs> qkv;
  BlockPart<RopeArgs> rope;
  BlockPart<AttentionArgs> attention;
  BlockPart<LinearArgs> output;
  Trace* trace = nullptr;
  Stream* stream = nullptr;  // cuda paths: that of every part
};

}  // namespace mxpath
