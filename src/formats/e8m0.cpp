#include "formats/e8m0.h"

#include <cmath>

namespace mxpath {

uint8_t block_scale(float amax, float largest, ScaleRule rule) {
  if (!std::isfinite(amax)) return e8m0_nan;
  if (amax == 0) return 0;
  int exponent = 0, largest_exponent = 0;
  const double mantissa = std::frexp(static_cast<double>(amax), &exponent);
  const double ratio = mantissa / std::frexp(static_cast<double>(largest), &largest_exponent);  // in (0.5, 2)
  int shift = exponent - largest_exponent;
  if (rule == ScaleRule::ceil && ratio > 1) ++shift;
  // log2(ratio) < -0.5 rounds down; the ratio is below sqrt 2 for all three element formats, so it never rounds up.
  if (rule == ScaleRule::nearest && ratio * ratio < 0.5) --shift;
  if (shift < -127) return 0;
  return static_cast<uint8_t>(shift + 127);
}

}  // namespace mxpath
