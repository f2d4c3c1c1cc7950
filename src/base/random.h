// Random numbers whose values are the same on every machine: a small stream, and draws that are named by a counter.
#pragma once
#include <array>
#include <cstdint>

namespace mxpath {

/// SplitMix64 (Steele, Lea, Flood 2014): one 64-bit state, any seed is good, streams are reproducible everywhere.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1), 53 random bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform in [low, high).
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [low, high].
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(next() % static_cast<uint64_t>(high - low + 1));
  }

 private:
  uint64_t state_;
};

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011): a bijection of the counter for each key, whose results pass
/// BigCrush.
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// Uniform in [0, 1), 53 random bits: number `index` of stream `choice` under `seed`. It depends on these three alone,
/// so that a sequence draws the same whatever runs beside it, and may go back.
double draw(uint64_t seed, uint64_t choice, uint64_t index);

}  // namespace mxpath
