#include "kernels/self_check_problem.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "formats/bf16.h"
#include "formats/e2m1.h"

namespace mxpath {
namespace {

/// One block of 32: any codes under one power of two.
void fill_mxfp4_row(std::span<float> row, bool exact, Random& random) {
  for (size_t begin = 0; begin < row.size(); begin += 32) {
    const float scale = std::ldexp(1.0f, static_cast<int>(exact ? random.integer(-1, 1) : random.integer(-7, -3)));
    for (float& value : row.subspan(begin, 32)) value = decode_e2m1(static_cast<uint8_t>(random.integer(0, 15))) * scale;
    // A zero in the first or last column would hide that a path leaves it out.
    for (float* edge : {&row.front(), &row.back()})
      if (*edge == 0 && edge >= &row[begin] && edge < &row[begin] + 32) *edge = 1.5f * scale;
  }
}

void fill_plain_row(std::span<float> row, bool exact, bool bf16, Random& random) {
  for (float& value : row) {
    value = exact ? static_cast<float>(random.integer(-8, 8)) : static_cast<float>(random.uniform(-1, 1));
    if (bf16) value = decode_bf16(encode_bf16(value));
    if (value == 0 && (&value == &row.front() || &value == &row.back())) value = 1;
  }
}

}  // namespace

KnownMatrix known_matrix(Layout layout, int64_t experts, int64_t rows, int64_t columns, bool exact, Random& random) {
  KnownMatrix known{experts, rows, columns, std::vector<float>(static_cast<size_t>(experts * rows * columns)), {}, {}};
  const NumberFormat format = format_of(layout);
  for (int64_t r = 0; r < experts * rows; ++r) {
    const auto row = std::span(known.values).subspan(static_cast<size_t>(r * columns), static_cast<size_t>(columns));
    if (format == NumberFormat::mxfp4) fill_mxfp4_row(row, exact, random);
    else fill_plain_row(row, exact, format == NumberFormat::bf16, random);
  }
  // A problem of a few hundred KiB: where even that cannot be had, loading has failed before.
  if (auto memory = Buffer::allocate(layout_bytes(layout, experts, rows, columns)); memory.ok()) known.memory = std::move(memory).value();
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

std::vector<int> sampled_tokens(int tokens) {
  std::vector<int> sampled;
  for (int t : {0, 1, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, tokens - 1})
    if (t >= 0 && t < tokens && !std::ranges::count(sampled, t)) sampled.push_back(t);
  return sampled;
}

void Comparison::compare(double expected, double bound, float got, int64_t token, int64_t element) {
  const double difference = std::abs(static_cast<double>(got) - expected);
  const double share = bound > 0 ? difference / bound : difference > 0 ? 1e9 : 0;
  if (!(share <= worst)) worst = std::isnan(share) ? 1e9 : share;   // a NaN is the worst of all
  if (!(share <= 1) && finding.empty()) finding = fmt::format("token {}, output {} is {}, expected {} within {:.3g}", token, element, got, expected, bound);
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

double dot_bound(Arithmetic arithmetic, double magnitude, int64_t k) {
  const double sums = static_cast<double>(k + 8) * 0x1p-24;
  switch (arithmetic) {
    case Arithmetic::f32: return sums * magnitude;
    case Arithmetic::bf16_f32: return (sums + 0x1p-9 * 1.01) * magnitude;
    case Arithmetic::int8_dynamic: return (sums + 0x1p-6) * magnitude;
  }
  return 0;
}

}  // namespace mxpath
