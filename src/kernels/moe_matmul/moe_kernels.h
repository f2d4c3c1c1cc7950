// The functions behind the rows of paths.cpp.
#pragma once
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/swiglu/swiglu.h"

namespace mxpath {

void moe_gate_up_portable(const MoeMatmulArgs& args);
void moe_gate_up_avx2_mxfp4_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx2_bf16_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx2_int8_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx512_mxfp4_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx512_bf16_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx512_int8_f32(const MoeMatmulArgs& args);
void moe_gate_up_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& args);
void moe_gate_up_avx512bf16_bf16_bf16(const MoeMatmulArgs& args);

/// The product and the gated activation of its results in one loop: swiglu.u is gate_up.y, both are written.
void moe_gate_up_swiglu_avx2_mxfp4_f32(const MoeMatmulArgs& gate_up, const SwigluArgs& swiglu);
void moe_gate_up_swiglu_avx512_mxfp4_f32(const MoeMatmulArgs& gate_up, const SwigluArgs& swiglu);
void moe_gate_up_swiglu_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& gate_up, const SwigluArgs& swiglu);

void moe_down_portable(const MoeMatmulArgs& args);
void moe_down_avx2_mxfp4_f32(const MoeMatmulArgs& args);
void moe_down_avx2_bf16_f32(const MoeMatmulArgs& args);
void moe_down_avx2_int8_f32(const MoeMatmulArgs& args);
void moe_down_avx512_mxfp4_f32(const MoeMatmulArgs& args);
void moe_down_avx512_bf16_f32(const MoeMatmulArgs& args);
void moe_down_avx512_int8_f32(const MoeMatmulArgs& args);
void moe_down_avx512bf16_mxfp4_bf16(const MoeMatmulArgs& args);
void moe_down_avx512bf16_bf16_bf16(const MoeMatmulArgs& args);

}  // namespace mxpath
