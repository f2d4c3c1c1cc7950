// One row of SwiGLU in the sealed instruction-set files.
#pragma once
#include <stdint.h>

namespace mxpath {

/// u [2 * width] → h [width], see swiglu.h.
using SwigluRowFn = void (*)(const float* u, float* h, int64_t width, float limit, float alpha);
void swiglu_row_avx2(const float* u, float* h, int64_t width, float limit, float alpha);
void swiglu_row_avx512(const float* u, float* h, int64_t width, float limit, float alpha);

}  // namespace mxpath
