// The functions behind the rows of paths.cpp.
#pragma once
#include "kernels/linear/linear.h"

namespace mxpath {

void linear_portable(const LinearArgs& args);
void linear_avx2_bf16_f32(const LinearArgs& args);
void linear_avx2_int8_f32(const LinearArgs& args);
void linear_avx512_bf16_f32(const LinearArgs& args);
void linear_avx512_int8_f32(const LinearArgs& args);
void linear_avx512bf16_bf16_bf16(const LinearArgs& args);

}  // namespace mxpath
