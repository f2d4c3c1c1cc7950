// The yardstick of the encoders: the nearest of a table of values in double precision, found by looking at its
// neighbours.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/random.h"

namespace mxpath {

/// values[code] for the codes 0, 1, … without sign, rising; the last one stands for overflow: the value that would
/// follow the largest. Ties go to the even code.
inline uint32_t slow_nearest(const std::vector<double>& values, double magnitude) {
  if (magnitude >= values.back()) return static_cast<uint32_t>(values.size() - 1);
  const auto above = static_cast<size_t>(std::upper_bound(values.begin(), values.end(), magnitude) - values.begin());
  const size_t below = above - 1;
  const double down = magnitude - values[below], up = values[above] - magnitude;
  if (down == up) return static_cast<uint32_t>(below % 2 == 0 ? below : above);
  return static_cast<uint32_t>(down < up ? below : above);
}

/// Positive values of a format by code, with the one that would follow.
inline std::vector<double> positive_values(int codes, const std::function<double(int)>& decode, double overflow) {
  std::vector<double> values;
  for (int code = 0; code < codes; ++code) values.push_back(decode(code));
  values.push_back(overflow);
  return values;
}

/// Positive floats where a wrong rounding would show: every value, every midpoint, three steps to each side, all edges,
/// and `random` floats of any exponent.
inline std::vector<float> rounding_inputs(const std::vector<double>& values, int random) {
  std::vector<float> inputs = {0.0f, 0x1p-149f, 0x1p-127f, 0x1p-126f, 0x1.fffffep127f};
  const auto around = [&](double x) {
    if (x >= 0x1p128) return;
    const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(x));
    for (uint32_t b = bits - std::min(bits, 3u); b <= bits + 3 && b < 0x7f800000; ++b)
      inputs.push_back(std::bit_cast<float>(b));
  };
  for (size_t i = 0; i + 1 < values.size(); ++i) around(values[i]), around((values[i] + values[i + 1]) / 2);
  Random generator(20260101);
  for (int i = 0; i < random; ++i)
    inputs.push_back(std::bit_cast<float>(static_cast<uint32_t>(generator.integer(0, 0x7f7fffff))));
  return inputs;
}

inline uint32_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }

}  // namespace mxpath
