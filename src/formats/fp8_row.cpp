#include "formats/fp8_row.h"

#include "formats/largest_magnitude.h"

namespace mxpath {
namespace {

template <class Encode>
void encode_row(const float* values, float scale, size_t count, uint8_t* codes, Encode encode) {
  for (size_t i = 0; i < count; ++i) codes[i] = scale > 0 ? encode(values[i] / scale) : uint8_t{0};
}

}  // namespace

float encode_e4m3_row(const float* values, size_t count, uint8_t* codes) {
  const float scale = e4m3_scale(largest_magnitude(values, count));
  encode_row(values, scale, count, codes, [](float x) { return encode_e4m3(x); });
  return scale;
}

float encode_e5m2_row(const float* values, size_t count, uint8_t* codes) {
  const float scale = e5m2_scale(largest_magnitude(values, count));
  encode_row(values, scale, count, codes, [](float x) { return encode_e5m2(x); });
  return scale;
}

void decode_e4m3_row(const uint8_t* codes, float scale, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = decode_e4m3(codes[i]) * scale;
}

void decode_e5m2_row(const uint8_t* codes, float scale, size_t count, float* out) {
  for (size_t i = 0; i < count; ++i) out[i] = decode_e5m2(codes[i]) * scale;
}

}  // namespace mxpath
