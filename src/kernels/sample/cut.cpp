#include "kernels/sample/cut.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "kernels/simd/exp.h"

namespace mxpath {
namespace {

constexpr float nothing = -std::numeric_limits<float>::infinity();
typedef int32_t Truth4 __attribute__((vector_size(16)));
typedef double Double4 __attribute__((vector_size(32)));
typedef uint64_t Mass4 __attribute__((vector_size(32)));

bool any(const Truth4& truth) {
  uint64_t halves[2];
  std::memcpy(halves, &truth, sizeof truth);
  return (halves[0] | halves[1]) != 0;
}

Float4 four_at(const float* x) { return *reinterpret_cast<const Float4*>(x); }

/// exp_of_exponent(exponent_of()) of four.
Float4 likelihoods_of(Float4 logits, Softmax s) {
  const Float4 x = (logits - s.largest) * s.inverse;
  return x > Float4{} + least_exponent ? exp_steps<Float4, Bits4>(x) : Float4{};
}
float likelihood_of(float logit, Softmax s) { return exp_of_exponent(exponent_of(logit, s)); }

/// Σ mass_of() of four at a time.
class MassSum {
 public:
  void add(Float4 likelihoods) {
    const Double4 rounded =
        __builtin_convertvector(likelihoods, Double4) * static_cast<double>(mass_of_one) + steps_of_one;
    Mass4 masses;
    std::memcpy(&masses, &rounded, sizeof masses);
    sum_ += masses, ++count_;
  }
  uint64_t total() const {
    uint64_t offset;
    std::memcpy(&offset, &steps_of_one, sizeof offset);
    return (sum_[0] + sum_[1]) + (sum_[2] + sum_[3]) - 4 * count_ * offset;
  }

 private:
  static constexpr double steps_of_one = 0x1p52;  // the last bits of a double beside it are integers
  Mass4 sum_ = {};
  uint64_t count_ = 0;
};

/// Of four from `id` on, what is not cut off; nothing for the others.
Float4 left_of(Float4 logits, size_t id, Float4 likelihoods, const Cut& cut) {
  const Float4 last = Float4{} + cut.last.logit;
  const int32_t first = static_cast<int32_t>(id);
  const Truth4 ids = {first, first + 1, first + 2, first + 3},
               left = (logits > last) | ((logits == last) & (ids <= Truth4{} + cut.last.id));
  return left ? likelihoods : Float4{};
}

/// The mass that is left of ids from `begin` to `end`.
uint64_t mass_left(std::span<const float> logits, size_t begin, size_t end, Softmax s, const Cut& cut) {
  const bool all = cut.last.logit == nothing;  // what is not allowed has no mass anyway
  MassSum sum;
  size_t i = begin;
  for (; i + 4 <= end; i += 4) {
    const Float4 x = four_at(&logits[i]);
    if (!all && !any(x >= Float4{} + cut.last.logit)) continue;
    Float4 e = likelihoods_of(x, s);
    if (!all) e = left_of(x, i, e, cut);
    sum.add(e >= Float4{} + cut.least ? e : Float4{});
  }
  uint64_t mass = sum.total();
  for (; i < end; ++i) {
    const float likelihood = likelihood_of(logits[i], s);
    if (cut.keeps({logits[i], static_cast<int32_t>(i)}, likelihood)) mass += mass_of(likelihood);
  }
  return mass;
}

uint64_t mass_of_all(std::span<const TokenLogit> candidates, Softmax s) {
  uint64_t mass = 0;
  for (const TokenLogit& c : candidates) mass += mass_of(likelihood_of(c.logit, s));
  return mass;
}

/// Everything not below a bound, in ascending order of ids.
std::span<TokenLogit> at_least(std::span<const float> logits, float bound, std::span<TokenLogit> room) {
  size_t count = 0, i = 0;
  const auto take = [&](size_t id) {
    if (logits[id] >= bound) room[count++] = {logits[id], static_cast<int32_t>(id)};
  };
  for (; i + 4 <= logits.size(); i += 4)
    if (any(four_at(&logits[i]) >= Float4{} + bound))
      for (size_t id = i; id < i + 4; ++id) take(id);
  for (; i < logits.size(); ++i) take(i);
  return room.first(count);
}

/// Of a group of logits the largest.
float largest_of_group(std::span<const float> group) {
  Float4 most = Float4{} + nothing;
  size_t i = 0;
  for (; i + 4 <= group.size(); i += 4) {
    const Float4 x = four_at(&group[i]);
    most = x > most ? x : most;
  }
  float largest = std::max(std::max(most[0], most[1]), std::max(most[2], most[3]));
  for (; i < group.size(); ++i) largest = std::max(largest, group[i]);
  return largest;
}

/// The `count`-th largest of the largest of groups: so many logits at least are not below it.
float bound_of_top(std::span<const float> logits, size_t count, float* room) {
  const size_t group = std::clamp<size_t>(logits.size() / (4 * count), 1, 64);
  size_t groups = 0;
  for (size_t begin = 0; begin < logits.size(); begin += group)
    room[groups++] = largest_of_group(logits.subspan(begin, std::min(group, logits.size() - begin)));
  if (groups <= count) return -largest_float;
  std::nth_element(room, room + count - 1, room + groups, std::greater{});
  return std::max(room[count - 1], -largest_float);
}

/// A bound that the fewest which reach top_p are not below: what has less than an even share of what top_p leaves out
/// sums to less than that.
float bound_of_top_p(size_t count, double top_p, uint64_t total, Softmax s) {
  const double share = (1 - top_p) * static_cast<double>(total) / static_cast<double>(count),
               rounding = 1e-3,  // of likelihoods and of the bound
      exponent = std::log(share / static_cast<double>(mass_of_one)) - rounding,
               bound = static_cast<double>(s.largest) + exponent / static_cast<double>(s.inverse);
  return bound > static_cast<double>(-largest_float) ? std::nextafter(static_cast<float>(bound), nothing)
                                                     : -largest_float;
}

/// How many of the first, in the order of likelihood, have that mass together; they end up in front, the last of them
/// in its place.
size_t fewest_with(std::span<TokenLogit> candidates, uint64_t needed, Softmax s) {
  size_t begin = 0, end = candidates.size();  // those before `begin` are among them, those from `end` on are not
  while (end - begin > 1) {
    const size_t middle = begin + (end - begin) / 2;
    const auto first = candidates.begin();
    std::nth_element(first + static_cast<std::ptrdiff_t>(begin), first + static_cast<std::ptrdiff_t>(middle),
                     first + static_cast<std::ptrdiff_t>(end), before);
    const uint64_t mass = mass_of_all(candidates.subspan(begin, middle - begin), s);
    if (mass >= needed) end = middle;
    else needed -= mass, begin = middle;
  }
  return end;
}

}  // namespace

std::span<TokenLogit> candidates_for_top(std::span<const float> logits, size_t count, std::span<TokenLogit> room) {
  static_assert(sizeof(TokenLogit) >= sizeof(float));
  return at_least(logits, bound_of_top(logits, count, reinterpret_cast<float*>(room.data())), room);
}

Cut cut_of(std::span<const float> logits, Softmax softmax, const SampleRow& row, std::span<TokenLogit> room) {
  Cut cut{.least = least_likelihood(row)};
  if (!cuts_by_order(row)) return cut;
  const size_t k = static_cast<size_t>(std::max(row.top_k, 0));
  const bool by_k = k > 0 && k < logits.size();
  std::span<TokenLogit> left;
  uint64_t total = 0;
  if (by_k) {
    left = candidates_for_top(logits, k, room);
    if (left.size() >= k) {
      std::nth_element(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(k - 1), left.end(), before);
      cut.last = left[k - 1];
      left = left.first(k);
    }
    if (row.top_p < 1) total = mass_of_all(left, softmax);
  } else if (row.top_p < 1) {
    total = mass_left(logits, 0, logits.size(), softmax, {});
    left = at_least(logits, bound_of_top_p(logits.size(), static_cast<double>(row.top_p), total, softmax), room);
  }
  if (row.top_p < 1) cut.last = left[fewest_with(left, needed_mass(row.top_p, total), softmax) - 1];
  return cut;
}

int32_t choose(std::span<const float> logits, Softmax softmax, const Cut& cut, double random) {
  constexpr size_t parts = 64;
  const size_t part = (logits.size() + parts - 1) / parts;
  uint64_t masses[parts] = {}, total = 0;
  for (size_t p = 0; p < parts && p * part < logits.size(); ++p)
    total += masses[p] = mass_left(logits, p * part, std::min((p + 1) * part, logits.size()), softmax, cut);
  uint64_t wanted = picked_mass(random, total);
  size_t p = 0;
  while (p + 1 < parts && wanted >= masses[p]) wanted -= masses[p++];
  for (size_t id = p * part; id < logits.size(); ++id) {
    const float likelihood = likelihood_of(logits[id], softmax);
    if (!cut.keeps({logits[id], static_cast<int32_t>(id)}, likelihood)) continue;
    const uint64_t mass = mass_of(likelihood);
    if (wanted < mass) return static_cast<int32_t>(id);
    wanted -= mass;
  }
  return -1;  // nothing was left
}

}  // namespace mxpath
