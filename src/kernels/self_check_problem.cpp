#include "kernels/self_check_problem.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/text.h"
#include "formats/e2m1.h"
#include "formats/fp8.h"

namespace mxpath {
namespace {

/// A zero in the first or last column of a row would hide that a path leaves it out. `part` of the row has just been
/// filled.
void fill_edges(std::span<float> row, std::span<float> part, float value) {
  for (float* edge : {&row.front(), &row.back()})
    if (*edge == 0 && edge >= part.data() && edge < part.data() + part.size()) *edge = value;
}

/// One block of 32: any codes under one power of two.
void fill_mxfp4_row(std::span<float> row, bool exact, Random& random) {
  for (size_t begin = 0; begin < row.size(); begin += 32) {
    const float scale = std::ldexp(1.0f, static_cast<int>(exact ? random.integer(-1, 1) : random.integer(-7, -3)));
    for (float& value : row.subspan(begin, 32))
      value = decode_e2m1(static_cast<uint8_t>(random.integer(0, 15))) * scale;
    fill_edges(row, row.subspan(begin, 32), 1.5f * scale);
  }
}

/// Integers with one that makes the scale of every group of `group` columns a power of two: `largest` times it.
void fill_scaled_integers(std::span<float> row, size_t group, int largest, Random& random) {
  for (size_t begin = 0; begin < row.size(); begin += group) {
    const auto part = row.subspan(begin, std::min(group, row.size() - begin));
    const float scale = std::ldexp(1.0f, static_cast<int>(random.integer(-1, 1)));
    for (float& value : part) value = static_cast<float>(random.integer(-largest, largest)) * scale;
    part[static_cast<size_t>(random.integer(0, std::ssize(part) - 1))] =
        static_cast<float>(random.integer(0, 1) ? largest : -largest) * scale;
    fill_edges(row, part, scale);
  }
}

/// Multiples of 1/8 below 16 that an FP8 has, and its largest value once: the scale is 1.
void fill_fp8_row(std::span<float> row, bool e4m3, Random& random) {
  for (float& value : row) {
    const float x = static_cast<float>(random.integer(-120, 120)) / 8;
    value = e4m3 ? decode_e4m3(encode_e4m3(x)) : decode_e5m2(encode_e5m2(x));
  }
  fill_edges(row, row, 1);
  row[static_cast<size_t>(random.integer(0, std::ssize(row) - 1))] = e4m3 ? largest_e4m3 : largest_e5m2;
}

/// Only three codes of NF4 are no 24-bit fractions: -1, 0 and 1, under a small integer.
void fill_nf4_row(std::span<float> row, size_t group, Random& random) {
  for (size_t begin = 0; begin < row.size(); begin += group) {
    const float absmax = static_cast<float>(random.integer(1, 8));
    for (float& value : row.subspan(begin, group)) value = static_cast<float>(random.integer(-1, 1)) * absmax;
    fill_edges(row, row.subspan(begin, group), absmax);
  }
}

void fill_exact_row(Layout layout, std::span<float> row, Random& random) {
  const size_t group = static_cast<size_t>(group_of(layout));
  switch (format_of(layout)) {
    case NumberFormat::mxfp4: return fill_mxfp4_row(row, true, random);
    case NumberFormat::int8: return fill_scaled_integers(row, row.size(), 127, random);
    case NumberFormat::int4: return fill_scaled_integers(row, group, 7, random);
    case NumberFormat::fp8_e4m3:
    case NumberFormat::fp8_e5m2: return fill_fp8_row(row, format_of(layout) == NumberFormat::fp8_e4m3, random);
    case NumberFormat::nf4: return fill_nf4_row(row, group, random);
    default: break;
  }
  for (float& value : row) value = static_cast<float>(random.integer(-8, 8));
  fill_edges(row, row, 1);
}

}  // namespace

void fill_known_row(Layout layout, std::span<float> row, bool exact, Random& random) {
  if (exact) return fill_exact_row(layout, row, random);
  if (format_of(layout) == NumberFormat::mxfp4) return fill_mxfp4_row(row, false, random);
  for (float& value : row) value = static_cast<float>(random.uniform(-1, 1));
  // Not to be rounded to zero by any format.
  for (float* edge : {&row.front(), &row.back()})
    if (std::abs(*edge) < 0.25f) *edge = 0.25f;
  quantised_reference(layout, row);
}
KnownMatrix known_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns, bool exact, Random& random) {
  KnownMatrix known{experts, rows, columns, std::vector<float>(static_cast<size_t>(experts * rows * columns)), {}, {}};
  for (int64_t r = 0; r < experts * rows; ++r)
    fill_known_row(layout,
                   std::span(known.values).subspan(static_cast<size_t>(r * columns), static_cast<size_t>(columns)),
                   exact, random);
  // A problem of a few hundred KiB: where even that cannot be had, loading has failed before.
  if (auto memory = Buffer::allocate(layout_bytes(layout, experts, rows, columns)); memory.ok())
    known.memory = std::move(memory).value();
  known.packed = pack_floats(layout, experts, rows, columns, known.values, known.memory.bytes());
  return known;
}

std::vector<float> known_inputs(size_t count, bool exact, Random& random) {
  std::vector<float> x(count);
  for (float& value : x) {
    const auto integer = exact ? random.integer(-3, 2) : 0;
    value = exact ? static_cast<float>(integer < 0 ? integer : integer + 1) : static_cast<float>(random.uniform(-1, 1));
  }
  return x;
}

std::vector<double> random_factors(size_t count, Random& random) {
  std::set<int64_t> drawn;
  std::vector<double> factors;
  while (factors.size() < count)
    if (const int64_t factor = random.integer(1, int64_t{1} << 18); drawn.insert(factor).second)
      factors.push_back(static_cast<double>(factor));
  return factors;
}

int64_t make_kind(TokenKind kind, Arithmetic arithmetic, std::span<float> x, const float* weights, Random& random) {
  constexpr size_t few = 8;
  // Cutting this off instead of rounding it costs a BF16 almost twice its bound, and rounding it costs almost nothing.
  // The other size loses 2^-11 as a TF32 or an FP16 and 2^-8 as a BF16, more than sums in FP32 may.
  const float size = arithmetic == Arithmetic::bf16_inputs ? 1 + 0x1p-7f - 0x1p-11f : 1 + 0x1p-8f + 0x1p-11f;
  for (size_t i = 0; i < x.size(); ++i)
    x[i] = kind == TokenKind::aligned ? std::copysign(size, weights[i]) : static_cast<float>(random.uniform(-1, 1));
  if (kind != TokenKind::sparse || x.size() <= few) return std::ssize(x);
  std::set<size_t> kept{0, x.size() - 1};
  while (kept.size() < few) kept.insert(static_cast<size_t>(random.integer(0, std::ssize(x) - 1)));
  for (size_t i = 0; i < x.size(); ++i)
    if (!kept.contains(i)) x[i] = 0;
  return few;
}

std::vector<int> sampled_tokens(int tokens) {
  std::vector<int> sampled;
  for (int t : {0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, tokens - 1})
    if (t >= 0 && t < tokens && !std::ranges::count(sampled, t)) sampled.push_back(t);
  return sampled;
}

void Comparison::compare(double expected, double bound, float got, int64_t token, int64_t element) {
  const double difference = std::abs(static_cast<double>(got) - expected);
  const double share = bound > 0 ? difference / bound : difference > 0 ? 1e9 : 0;
  if (!(share <= worst)) worst = std::isnan(share) ? 1e9 : share;  // a NaN is the worst of all
  if (!(share <= 1) && finding.empty())
    finding = fmt::format("token {}, output {} is {}, expected {} within {:.3g}", token, element, got, expected, bound);
}

DotProduct exact_dot(const float* x, const float* w, int64_t k) {
  double sums[4] = {}, magnitudes[4] = {};
  const auto add = [&](int lane, int64_t i) {
    const double product = static_cast<double>(x[i]) * static_cast<double>(w[i]);
    sums[lane] += product;
    magnitudes[lane] += std::abs(product);
  };
  int64_t i = 0;
  for (; i + 4 <= k; i += 4)
    for (int lane = 0; lane < 4; ++lane) add(lane, i + lane);
  for (; i < k; ++i) add(0, i);
  return {(sums[0] + sums[1]) + (sums[2] + sums[3]), (magnitudes[0] + magnitudes[1]) + (magnitudes[2] + magnitudes[3])};
}

double sum_bound(double magnitude, int64_t operations) {
  const double m = static_cast<double>(operations) * 0x1p-24;
  return m / (1 - m) * magnitude;
}

double quantised_magnitude(const float* x, const float* w, int64_t k) {
  double largest = 0, weights = 0;
  for (int64_t i = 0; i < k; ++i)
    if (x[i] != 0) largest = std::max(largest, std::abs(double{x[i]})), weights += std::abs(double{w[i]});
  return largest * weights;
}

double dot_bound(Arithmetic arithmetic, double magnitude, int64_t terms, double added, double quantised) {
  double inputs = 0;  // what rounding the inputs alone may do
  switch (arithmetic) {
    case Arithmetic::f32: break;
    case Arithmetic::bf16_inputs: inputs = 0x1p-8 * magnitude; break;  // 8 significant bits: half a step at 1 is 2^-8
    case Arithmetic::tf32:
      inputs = 0x1p-10 * magnitude;
      break;  // 11 bits, both factors: (1 + 2^-11 / (1 + 2^-11))^2 - 1 < 2^-10
    case Arithmetic::int8_dynamic:
      inputs = (1 + 0x1p-8) / 254 * quantised;
      break;  // half a step of 1/127 of the largest input, whatever x is
  }
  // A term meets at most terms + 1 additions (bias, residual), its product, the rounding of its decoded weight and a
  // scale at the end; the rest of the 8 is for scales of groups and sums of parts.
  return inputs + sum_bound(magnitude + inputs + added, terms + 8);
}

}  // namespace mxpath
