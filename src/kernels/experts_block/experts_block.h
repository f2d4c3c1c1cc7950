// x += experts(norm(x)): the second half of a layer as one operation.
#pragma once
#include "kernels/call_row.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/norm/norm.h"
#include "kernels/router/router.h"
#include "kernels/swiglu/swiglu.h"

namespace mxpath {

/// As AttentionBlockArgs: down adds to the residual stream that norm reads. gate_up and down share `batches` with what
/// the router writes.
struct ExpertsBlockArgs {
  BlockPart<NormArgs> norm;
  BlockPart<RouterArgs> router;
  BlockPart<MoeMatmulArgs> gate_up;
  BlockPart<SwigluArgs> swiglu;
  BlockPart<MoeMatmulArgs> down;
  Trace* trace = nullptr;
  Stream* stream = nullptr;  // cuda paths: that of every part
};
struct SiteCall;  // kernels/scratch.h
SiteCall call_of(const ExpertsBlockArgs& args);

}  // namespace mxpath
