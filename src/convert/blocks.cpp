#include "convert/blocks.h"

#include <cstring>

#include "formats/bf16.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

constexpr size_t lanes = 8;
// The compiler's own vectors: eight rows side by side, on any processor.
using Words = uint16_t __attribute__((vector_size(16)));
using Signed = int16_t __attribute__((vector_size(16)));
using Bytes = uint8_t __attribute__((vector_size(16)));

template <class T>
T load(const void* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
void store(void* at, Words value) { std::memcpy(at, &value, sizeof value); }

/// rows[i][j] → rows[j][i]
void transpose8(Words (&rows)[lanes]) {
  Words a[lanes], b[lanes];
  for (size_t i = 0; i < 4; ++i) {
    a[2 * i] = __builtin_shufflevector(rows[i], rows[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    a[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (size_t i = 0; i < 4; ++i) {
    b[2 * i] = __builtin_shufflevector(a[i], a[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
  for (size_t i = 0; i < 4; ++i) {
    rows[2 * i] = __builtin_shufflevector(b[i], b[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
    rows[2 * i + 1] = __builtin_shufflevector(b[i], b[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
  }
}

/// BF16 bits of a code's magnitude 0..7 under the exponent field that 0.5 has in its block: c*64 + base is right
/// from 1.0 up.
Words magnitude_bits(Words c, Words base) {
  const Words bits = (c << 6) + base - (Words(c == 1) & 64);
  return bits & Words(c != 0);
}

/// Scales whose every code is a normal, finite BF16 number.
bool plain_scale(uint8_t scale) { return scale >= 2 && scale <= 252; }

void decode_block_scalar(const uint8_t* codes, uint8_t scale, uint16_t* out, size_t out_stride) {
  float values[mxfp4_block];
  decode_mxfp4_block(codes, scale, values, NibbleOrder::adjacent);
  for (size_t i = 0; i < mxfp4_block; ++i) out[i * out_stride] = encode_bf16(values[i]);
}

/// Block b of eight rows.
void decode_eight(BlockRows in, size_t blocks, size_t b, uint16_t* out, size_t out_stride) {
  Words rows[lanes], base{};
  bool plain = true;
  for (size_t r = 0; r < lanes; ++r) {
    const uint8_t scale = in.scales[r * blocks + b];
    plain = plain && plain_scale(scale);
    base[r] = static_cast<uint16_t>((scale - 1) << 7);
    rows[r] = load<Words>(in.codes + (r * blocks + b) * mxfp4_block_bytes);
  }
  if (!plain) {
    for (size_t r = 0; r < lanes; ++r)
      decode_block_scalar(in.codes + (r * blocks + b) * mxfp4_block_bytes, in.scales[r * blocks + b], out + r,
                          out_stride);
    return;
  }
  transpose8(rows);
  for (size_t i = 0; i < mxfp4_block; ++i) {
    const Words code = rows[i / 4] >> (4 * (i % 4));
    store(out + i * out_stride, magnitude_bits(code & 7, base) | ((code & 8) << 12));
  }
}

/// Eight blocks of BF16 on their way to MXFP4.
struct Eight {
  Words values[mxfp4_block];
  Signed shift{};    // exponent of the scale, in BF16 bits
  Words base{};      // as in magnitude_bits
  Words sign_bit{};  // 8, or 0 in a block of zeros, whose signs are dropped
  uint8_t scales[lanes];
};

Words largest_magnitudes(const Eight& eight) {
  Signed most{};
  for (const Words& value : eight.values) {
    const Signed magnitude = Signed(value & 0x7fff);
    most = most > magnitude ? most : magnitude;
  }
  return Words(most);
}

/// False if a block needs the scalar path: NaN, infinity, or numbers near the ends of the range.
bool choose_scales(Eight& eight, const ScaleTable& table) {
  const Words amax = largest_magnitudes(eight);
  for (size_t r = 0; r < lanes; ++r) {
    const uint8_t scale = eight.scales[r] = table[amax[r]];
    if (amax[r] != 0 && (scale < 8 || scale > 252)) return false;
    // A block of zeros: any scale that makes every element too small.
    const int exponent = amax[r] == 0 ? 127 : scale - 127;
    eight.shift[r] = static_cast<int16_t>(exponent * 128);
    eight.base[r] = static_cast<uint16_t>((exponent + 126) << 7);
    eight.sign_bit[r] = amax[r] == 0 ? 0 : 8;
  }
  return true;
}

/// Round to nearest even by counting the midpoints below: 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5 as BF16 bits; odd codes
/// win no tie.
Words round_codes(Signed m) {
  const Signed above =
      (m > 0x3e80) + (m >= 0x3f40) + (m > 0x3fa0) + (m >= 0x3fe0) + (m > 0x4020) + (m >= 0x4060) + (m > 0x40a0);
  return Words(-above);
}

void measure(const Eight& eight, const Words (&rounded)[mxfp4_block], Loss& loss) {
  for (size_t i = 0; i < mxfp4_block; ++i)
    for (size_t r = 0; r < lanes; ++r) loss.add(decode_bf16(eight.values[i][r] & 0x7fff), decode_bf16(rounded[i][r]));
}

/// Codes of the eight blocks, one per row of `out`.
void encode_eight(const Eight& eight, Words (&out)[lanes], Loss& loss) {
  Words rounded[mxfp4_block], differs{};
  for (auto& word : out) word = Words{};
  for (size_t i = 0; i < mxfp4_block; ++i) {
    const Words value = eight.values[i], magnitude = value & 0x7fff;
    const Words code = round_codes(Signed(magnitude) - eight.shift);
    rounded[i] = magnitude_bits(code, eight.base);
    differs |= rounded[i] ^ magnitude;
    out[i / 4] |= (code | ((value >> 12) & eight.sign_bit)) << (4 * (i % 4));
  }
  transpose8(out);
  uint64_t any[2];
  std::memcpy(any, &differs, sizeof any);
  if (any[0] | any[1]) measure(eight, rounded, loss);
  else loss.values += lanes * mxfp4_block;
}

void encode_block(const float* values, ScaleRule rule, uint8_t* codes, uint8_t* scale, Loss& loss) {
  *scale = encode_mxfp4_block(values, codes, rule, NibbleOrder::adjacent);
  float back[mxfp4_block];
  decode_mxfp4_block(codes, *scale, back, NibbleOrder::adjacent);
  for (size_t i = 0; i < mxfp4_block; ++i) loss.add(values[i], back[i]);
}

void encode_strided(const uint16_t* in, size_t in_stride, ScaleRule rule, uint8_t* codes, uint8_t* scale, Loss& loss) {
  float values[mxfp4_block];
  for (size_t i = 0; i < mxfp4_block; ++i) values[i] = decode_bf16(in[i * in_stride]);
  encode_block(values, rule, codes, scale, loss);
}

std::array<ScaleTable, 3> all_scale_tables() {
  std::array<ScaleTable, 3> tables;
  for (size_t rule = 0; rule < tables.size(); ++rule)
    for (size_t code = 0; code < tables[rule].size(); ++code)
      tables[rule][code] =
          block_scale(decode_bf16(static_cast<uint16_t>(code)), largest_e2m1, static_cast<ScaleRule>(rule));
  return tables;
}

}  // namespace

void decode_transposed(BlockRows in, size_t rows, size_t blocks, uint16_t* out, size_t out_stride) {
  const size_t whole = rows / lanes * lanes;
  for (size_t b = 0; b < blocks; ++b) {
    uint16_t* column = out + b * mxfp4_block * out_stride;
    for (size_t r = 0; r < whole; r += lanes)
      decode_eight({in.codes + r * blocks * mxfp4_block_bytes, in.scales + r * blocks}, blocks, b, column + r,
                   out_stride);
    for (size_t r = whole; r < rows; ++r)
      decode_block_scalar(in.codes + (r * blocks + b) * mxfp4_block_bytes, in.scales[r * blocks + b], column + r,
                          out_stride);
  }
}

const ScaleTable& scale_table(ScaleRule rule) {
  static const std::array<ScaleTable, 3> tables = all_scale_tables();
  return tables[static_cast<size_t>(rule)];
}

void encode_transposed(const uint16_t* in, size_t in_stride, size_t rows, size_t blocks, ScaleRule rule, uint8_t* codes,
                       uint8_t* scales, Loss& loss) {
  const ScaleTable& table = scale_table(rule);
  const size_t whole = rows / lanes * lanes;
  for (size_t b = 0; b < blocks; ++b) {
    const uint16_t* column = in + b * mxfp4_block * in_stride;
    for (size_t r = 0; r < whole; r += lanes) {
      Eight eight;
      for (size_t i = 0; i < mxfp4_block; ++i) eight.values[i] = load<Words>(column + i * in_stride + r);
      const bool plain = choose_scales(eight, table);
      Words out[lanes];
      if (plain) encode_eight(eight, out, loss);
      for (size_t k = 0; k < lanes; ++k) {
        const size_t block = (r + k) * blocks + b;
        if (!plain)
          encode_strided(column + r + k, in_stride, rule, codes + block * mxfp4_block_bytes, scales + block, loss);
        else store(codes + block * mxfp4_block_bytes, out[k]), scales[block] = eight.scales[k];
      }
    }
    for (size_t r = whole; r < rows; ++r)
      encode_strided(column + r, in_stride, rule, codes + (r * blocks + b) * mxfp4_block_bytes, scales + r * blocks + b,
                     loss);
  }
}

void encode_row(const float* in, size_t blocks, ScaleRule rule, uint8_t* codes, uint8_t* scales, Loss& loss) {
  for (size_t b = 0; b < blocks; ++b)
    encode_block(in + b * mxfp4_block, rule, codes + b * mxfp4_block_bytes, scales + b, loss);
}

void halves_to_adjacent(const uint8_t* from, uint8_t* to) {
  // Bytes 2b and 2b+1 hold elements 2b and 2b+1 low (byte b of the answer) and elements 2b+16 and 2b+17 high (byte
  // b+8).
  const auto pairs = load<Words>(from);
  const Words low = (pairs & 0x000f) | ((pairs >> 4) & 0x00f0),
              high = ((pairs >> 4) & 0x000f) | ((pairs >> 8) & 0x00f0);
  const Bytes out =
      __builtin_shufflevector(Bytes(low), Bytes(high), 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  std::memcpy(to, &out, sizeof out);
}

void transpose(const uint16_t* in, size_t rows, size_t columns, uint16_t* out, size_t out_stride) {
  constexpr size_t tile = 64;
  for (size_t c0 = 0; c0 < columns; c0 += tile)
    for (size_t r = 0; r < rows; ++r)
      for (size_t c = c0; c < std::min(columns, c0 + tile); ++c) out[c * out_stride + r] = in[r * columns + c];
}

size_t first_not_finite(const uint16_t* values, size_t count) {
  constexpr size_t run = 1024;
  for (size_t begin = 0; begin < count; begin += run) {
    const size_t end = std::min(count, begin + run);
    uint16_t most = 0;
    for (size_t i = begin; i < end; ++i) most = std::max<uint16_t>(most, values[i] & 0x7fff);
    if (most < 0x7f80) continue;
    for (size_t i = begin; i < end; ++i)
      if ((values[i] & 0x7fff) >= 0x7f80) return i;
  }
  return count;
}

}  // namespace mxpath::convert
