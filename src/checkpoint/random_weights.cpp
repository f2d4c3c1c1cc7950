#include "checkpoint/random_weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/random.h"
#include "checkpoint/roles.h"
#include "formats/bf16.h"
#include "formats/mxfp4.h"

namespace mxpath {
namespace {

constexpr size_t piece_bytes = size_t{1} << 20;

/// One stream for each tensor, expert and part (0 values, 1 scales), so that experts can be drawn in any layout.
Random stream_of(const TensorRecord& record, uint64_t seed, int expert, int part) {
  Random mix(seed);
  uint64_t state = mix.next();
  for (const int value : {static_cast<int>(record.role), record.layer, expert, part})
    state = Random(state ^ static_cast<uint32_t>(value)).next();
  return Random(state);
}

struct Spread {
  float centre, width;  // values are uniform in centre ± width
};

/// Matrices keep the variance of what goes through them, norms stay near 1, biases and sinks small but not negligible.
Spread spread_of(const TensorRecord& record) {
  const float root3 = 1.7320508f, fan_in = root3 / std::sqrt(static_cast<float>(record.columns));
  switch (record.role) {
    case Role::embedding: return {0, root3};
    case Role::final_norm:
    case Role::attention_norm:
    case Role::mlp_norm: return {1, 0.25f};
    case Role::sinks: return {0, 2};
    case Role::head: return {0, 3 * fan_in};
    case Role::router_weight: return {0, 2 * fan_in};
    default: return row_of(record.role).columns == Extent::one ? Spread{0, 0.1f} : Spread{0, fan_in};
  }
}

/// The scale of most blocks: 2.93 is the root mean square of a uniform E2M1 code, 1.15 that of the four scales drawn
/// around the middle.
uint8_t middle_scale(const TensorRecord& record) {
  return static_cast<uint8_t>(127 -
                              std::lround(std::log2(2.93 * 1.15 * std::sqrt(static_cast<double>(record.columns)))));
}

bool drawn_as_mxfp4(const TensorRecord& record) {
  return row_of(record.role).expert_matrix() && record.columns % mxfp4_block == 0;
}

size_t expert_elements(const TensorRecord& record) {
  return static_cast<size_t>(record.rows) * static_cast<size_t>(record.columns);
}

void fill_bytes(Random& random, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size(); i += 8) {
    const uint64_t bits = random.next();
    std::memcpy(out.data() + i, &bits, std::min<size_t>(8, out.size() - i));
  }
}

/// Scales m-2 … m+1, 32 draws from one word.
void fill_scales(Random& random, uint8_t middle, std::span<uint8_t> out) {
  for (size_t i = 0; i < out.size();) {
    uint64_t bits = random.next();
    for (const size_t end = std::min(out.size(), i + 32); i < end; ++i, bits >>= 2)
      out[i] = static_cast<uint8_t>(middle - 2 + (bits & 3));
  }
}

void fill_bf16(Random& random, Spread spread, std::span<uint16_t> out) {
  const float step = spread.width / 32768;
  for (size_t i = 0; i < out.size();) {
    uint64_t bits = random.next();
    for (const size_t end = std::min(out.size(), i + 4); i < end; ++i, bits >>= 16)
      out[i] = encode_bf16(spread.centre + step * static_cast<float>(static_cast<int16_t>(bits)));
  }
}

std::span<const uint8_t> bytes_of(std::span<const uint16_t> codes) {
  return {reinterpret_cast<const uint8_t*>(codes.data()), codes.size() * 2};
}

Status stream_bf16(Random random, Spread spread, size_t count, const WriteBytes& write) {
  std::vector<uint16_t> piece(std::min(count, piece_bytes / 2));
  for (size_t done = 0; done < count; done += piece.size()) {
    piece.resize(std::min(piece.size(), count - done));
    fill_bf16(random, spread, piece);
    MXPATH_CHECK(write(bytes_of(piece)));
  }
  return {};
}

template <class Fill>
Status stream_bytes(size_t count, const WriteBytes& write, Fill fill) {
  std::vector<uint8_t> piece(std::min(count, piece_bytes));
  for (size_t done = 0; done < count; done += piece.size()) {
    piece.resize(std::min(piece.size(), count - done));
    fill(std::span<uint8_t>(piece));
    MXPATH_CHECK(write(piece));
  }
  return {};
}

/// [rows, columns] of one expert as BF16; exact, for a drawn value has two significant bits.
std::vector<uint16_t> draw_expert(const TensorRecord& record, uint64_t seed, int expert) {
  std::vector<uint16_t> out(expert_elements(record));
  Random values = stream_of(record, seed, expert, 0), scales = stream_of(record, seed, expert, 1);
  if (!drawn_as_mxfp4(record)) return fill_bf16(values, spread_of(record), out), out;
  std::vector<uint8_t> codes(out.size() / 2), bytes(out.size() / mxfp4_block);
  fill_bytes(values, codes);
  fill_scales(scales, middle_scale(record), bytes);
  float block[mxfp4_block];
  for (size_t b = 0; b < bytes.size(); ++b) {
    decode_mxfp4_block(codes.data() + b * mxfp4_block_bytes, bytes[b], block, NibbleOrder::adjacent);
    for (size_t i = 0; i < mxfp4_block; ++i) out[b * mxfp4_block + i] = encode_bf16(block[i]);
  }
  return out;
}

/// Transposes in tiles, so that neither side is walked a cache line for every element.
std::vector<uint16_t> transpose(const std::vector<uint16_t>& in, size_t rows, size_t columns) {
  constexpr size_t tile = 64;
  std::vector<uint16_t> out(in.size());
  for (size_t r0 = 0; r0 < rows; r0 += tile)
    for (size_t c0 = 0; c0 < columns; c0 += tile)
      for (size_t c = c0; c < std::min(columns, c0 + tile); ++c)
        for (size_t r = r0; r < std::min(rows, r0 + tile); ++r) out[c * rows + r] = in[r * columns + c];
  return out;
}

}  // namespace

Status write_random_values(const TensorRecord& record, uint64_t seed, const WriteBytes& write) {
  for (int expert = 0; expert < record.experts; ++expert) {
    Random random = stream_of(record, seed, expert, 0);
    if (record.encoding == Encoding::mxfp4_blocks) {
      MXPATH_CHECK(
          stream_bytes(expert_elements(record) / 2, write, [&](std::span<uint8_t> out) { fill_bytes(random, out); }));
    } else if (row_of(record.role).expert_matrix()) {
      auto values = draw_expert(record, seed, expert);
      if (record.transposed)
        values = transpose(values, static_cast<size_t>(record.rows), static_cast<size_t>(record.columns));
      MXPATH_CHECK(write(bytes_of(values)));
    } else {
      MXPATH_CHECK(stream_bf16(random, spread_of(record), expert_elements(record), write));
    }
  }
  return {};
}

Status write_random_scales(const TensorRecord& record, uint64_t seed, const WriteBytes& write) {
  for (int expert = 0; expert < record.experts; ++expert) {
    Random random = stream_of(record, seed, expert, 1);
    const uint8_t middle = middle_scale(record);
    MXPATH_CHECK(stream_bytes(expert_elements(record) / mxfp4_block, write,
                              [&](std::span<uint8_t> out) { fill_scales(random, middle, out); }));
  }
  return {};
}

}  // namespace mxpath
