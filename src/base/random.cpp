#include "base/random.h"

namespace mxpath {

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  constexpr uint64_t multiplier_0 = 0xd2511f53, multiplier_2 = 0xcd9e8d57;
  constexpr uint32_t step_0 = 0x9e3779b9, step_1 = 0xbb67ae85;  // the golden ratio and √3 - 1
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = multiplier_0 * counter[0], b = multiplier_2 * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + step_0, key[1] + step_1};
  }
  return counter;
}

double draw(uint64_t seed, uint64_t choice, uint64_t index) {
  const auto low = [](uint64_t x) { return static_cast<uint32_t>(x); };
  const auto high = [](uint64_t x) { return static_cast<uint32_t>(x >> 32); };
  const auto words = philox4x32({low(index), high(index), low(choice), high(choice)}, {low(seed), high(seed)});
  const uint64_t bits = uint64_t{words[1]} << 32 | words[0];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

}  // namespace mxpath
