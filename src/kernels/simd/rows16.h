// Groups of 16 rows times tokens: the loops that all instruction sets share. `Math` gives the instructions:
//   Element  what x holds: float, or bf16 as uint16_t         Sum    `lanes` floats, one per row; 16 rows are one or
//   two such vectors Weight   `lanes` rows of two adjacent columns             Pair   the same two columns of one
//   token, in all lanes Line     8 columns of `lanes` rows as codes               Scale  `lanes` block scales Bytes 4
//   columns of `lanes` rows as INT8 codes tile_vectors, tile_tokens   vectors of rows × tokens whose sums fit into
//   registers direct_tokens               tokens (2 or 4) up to which decoding straight into registers is cheaper than
//   a panel direct_vectors(tokens)      vectors of rows to do together then: enough sums to hide the latency of an
//   addition, few enough
//                               streams of weights for the prefetchers; measured
// Sealed: everything here is local to the object that includes it, and nothing of std is used.
#pragma once
#include "kernels/row_products/row_products.h"
#include "kernels/simd/intrinsics.h"

namespace mxpath {
namespace {

constexpr int64_t mxfp4_block_bytes16 = 256, mxfp4_block_scales16 = 16, bf16_pair_bytes16 = 64, int8_line_bytes16 = 64;
constexpr int64_t slab_columns = rows16_slab, slab_blocks = slab_columns / 32, job_tile = rows16_token_tile;
// How far ahead of its use a stream of weights is asked for: about 150 ns at 40 GB/s.
constexpr int64_t prefetch_bytes = 6144;

inline void prefetch(const uint8_t* codes) {
  _mm_prefetch(reinterpret_cast<const char*>(codes + prefetch_bytes), _MM_HINT_T0);
}
inline int64_t number_of(const TokenJob& job, int64_t i) { return job.order ? job.order[i] : i; }
inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class Math>
const typename Math::Element* activations(const TokenJob& job, int64_t i) {
  return static_cast<const typename Math::Element*>(job.x) + number_of(job, i) / job.x_divisor * job.x_stride;
}

/// Where vector v of the rows starts if a group of 16 rows is `group` bytes long and a row's part of a line `part`
/// bytes.
template <class Math>
int64_t vector_at(int64_t v, int64_t group, int64_t part) {
  constexpr int64_t in_group = 16 / Math::lanes;
  return v / in_group * group + v % in_group * Math::lanes * part;
}

/// Bias, weight and the store of `count` sums of entry o; inlined for whole vectors, where the loops become
/// instructions.
inline __attribute__((always_inline)) void put_sums(const TokenJob& job, int64_t o, int64_t row, int64_t count,
                                                    float* out, float* y) {
  const float weight = job.weight ? job.weight[o] : 1.0f;
  if (job.bias)
    for (int64_t r = 0; r < count; ++r) out[r] += job.bias[row + r];
  if (job.weight)
    for (int64_t r = 0; r < count; ++r) out[r] *= weight;
  if (job.accumulate)
    for (int64_t r = 0; r < count; ++r) out[r] += y[r];
  for (int64_t r = 0; r < count; ++r) y[r] = out[r];
}

/// Hands over one token's sums of vector v; of the last vector not all rows may exist.
template <class Math>
void finish(const Rows16& rows, const TokenJob& job, int64_t token, int64_t v, typename Math::Sum sum) {
  alignas(64) float out[Math::lanes];
  Math::store(out, sum);
  const int64_t row = v * Math::lanes, o = number_of(job, token);
  float* y = job.y + o / job.y_divisor * job.y_stride + row;
  if (row + Math::lanes <= rows.rows) return put_sums(job, o, row, Math::lanes, out, y);
  put_sums(job, o, row, rows.rows - row, out, y);
}

/// G vectors of rows times T tokens, nibbles decoded in registers.
template <class Math, int G, int T>
void mxfp4_direct(const Rows16& rows, const TokenJob& job, int64_t v) {
  const int64_t blocks = rows.columns / 32, group_bytes = blocks * mxfp4_block_bytes16,
                group_scales = blocks * mxfp4_block_scales16;
  const uint8_t* codes = rows.codes + vector_at<Math>(v, group_bytes, 4);
  const uint8_t* scales = rows.scales + vector_at<Math>(v, group_scales, 1);
  const typename Math::Element* x[T];
  typename Math::Sum sums[G][T];
  for (int t = 0; t < T; ++t) {
    x[t] = activations<Math>(job, t);
    for (int g = 0; g < G; ++g) sums[g][t] = Math::zero();
  }
  for (int64_t b = 0; b < blocks; ++b, codes += mxfp4_block_bytes16, scales += mxfp4_block_scales16) {
    typename Math::Sum block[G][T];
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t) block[g][t] = Math::zero();
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      typename Math::Line line[G];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) {
        const uint8_t* from = codes + vector_at<Math>(g, group_bytes, 4) + q * 64;
        if (g % (16 / Math::lanes) == 0) prefetch(from);
        line[g] = Math::line(from);
      }
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j)
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) {
          const typename Math::Weight weight = Math::nibbles(line[g], j);
#pragma GCC unroll 8
          for (int t = 0; t < T; ++t)
            block[g][t] = Math::add(block[g][t], weight, Math::pair(x[t] + b * 32 + q * 8 + j * 2));
        }
    }
    for (int g = 0; g < G; ++g) {
      const typename Math::Scale scale = Math::scale(scales + vector_at<Math>(g, group_scales, 1));
      for (int t = 0; t < T; ++t) sums[g][t] = Math::add_scaled(sums[g][t], block[g][t], scale);
    }
  }
  for (int g = 0; g < G; ++g)
    for (int t = 0; t < T; ++t) finish<Math>(rows, job, t, v + g, sums[g][t]);
}

template <class Math, int T>
void mxfp4_all_direct(const Rows16& rows, const TokenJob& job, int64_t vectors) {
  constexpr int together = Math::direct_vectors(T);
  int64_t v = 0;
  for (; v + together <= vectors; v += together) mxfp4_direct<Math, together, T>(rows, job, v);
  for (; together > 1 && v < vectors; ++v) mxfp4_direct<Math, 1, T>(rows, job, v);
}

/// Decodes `blocks` blocks of one vector of rows: a Weight for each column pair.
template <class Math>
void fill_panel(const uint8_t* codes, int64_t blocks, uint8_t* panel) {
  for (int64_t b = 0; b < blocks; ++b)
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q) {
      const typename Math::Line line = Math::line(codes + b * mxfp4_block_bytes16 + q * 64);
      prefetch(codes + b * mxfp4_block_bytes16 + q * 64);
#pragma GCC unroll 4
      for (int j = 0; j < 4; ++j, panel += Math::weight_bytes) Math::store_weight(panel, Math::nibbles(line, j));
    }
}

/// Some vectors of rows of which a slab is decoded.
struct Slab {
  const uint8_t* panel;    // [vectors][slab_columns / 2] weights
  const uint8_t* scales;   // of the first vector, at the slab's first block
  int64_t group_scales;    // bytes from group to group
  int64_t column, blocks;  // first column, blocks of 32
  float* sums;             // [vectors][job_tile][lanes]
};

/// G vectors times T tokens over one slab.
template <class Math, int G, int T>
void mxfp4_tile(const Slab& slab, const TokenJob& job, int64_t first_token, int64_t token) {
  constexpr int64_t panel_bytes = slab_columns / 2 * Math::weight_bytes;
  const typename Math::Element* x[T];
  for (int t = 0; t < T; ++t) x[t] = activations<Math>(job, first_token + token + t) + slab.column;
  for (int64_t b = 0; b < slab.blocks; ++b) {
    typename Math::Sum block[G][T];
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t) block[g][t] = Math::zero();
    const uint8_t* panel = slab.panel + b * 16 * Math::weight_bytes;
#pragma GCC unroll 4
    for (int c = 0; c < 16; ++c) {
      typename Math::Weight weight[G];
      for (int g = 0; g < G; ++g) weight[g] = Math::load_weight(panel + g * panel_bytes + c * Math::weight_bytes);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const typename Math::Pair pair = Math::pair(x[t] + b * 32 + c * 2);
        for (int g = 0; g < G; ++g) block[g][t] = Math::add(block[g][t], weight[g], pair);
      }
    }
    for (int g = 0; g < G; ++g) {
      const typename Math::Scale scale =
          Math::scale(slab.scales + vector_at<Math>(g, slab.group_scales, 1) + b * mxfp4_block_scales16);
      float* sums = slab.sums + (g * job_tile + token) * Math::lanes;
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t)
        Math::store(sums + t * Math::lanes, Math::add_scaled(Math::load(sums + t * Math::lanes), block[g][t], scale));
    }
  }
}

/// The last tokens, fewer than a whole tile: exactly `tokens` of at most T.
template <class Math, int G, int T>
void mxfp4_rest(const Slab& slab, const TokenJob& job, int64_t first_token, int64_t token, int64_t tokens) {
  if constexpr (T > 0) {
    if (tokens == T) return mxfp4_tile<Math, G, T>(slab, job, first_token, token);
    mxfp4_rest<Math, G, T - 1>(slab, job, first_token, token, tokens);
  }
}

/// Up to job_tile tokens times G vectors, slab by slab.
template <class Math, int G>
void mxfp4_vectors(const Rows16& rows, const TokenJob& job, int64_t v, int64_t first_token, int64_t tokens,
                   uint8_t* scratch) {
  constexpr int64_t panel_bytes = slab_columns / 2 * Math::weight_bytes;
  const int64_t blocks = rows.columns / 32, group_scales = blocks * mxfp4_block_scales16;
  uint8_t* panel = scratch;
  float* sums = reinterpret_cast<float*>(scratch + G * panel_bytes);
  for (int64_t g = 0; g < G; ++g)
    for (int64_t i = 0; i < tokens * Math::lanes; ++i) sums[g * job_tile * Math::lanes + i] = 0;
  for (int64_t b = 0; b < blocks; b += slab_blocks) {
    const int64_t count = smaller(blocks - b, slab_blocks);
    for (int64_t g = 0; g < G; ++g)
      fill_panel<Math>(rows.codes + vector_at<Math>(v + g, blocks * mxfp4_block_bytes16, 4) + b * mxfp4_block_bytes16,
                       count, panel + g * panel_bytes);
    const Slab slab{panel,        rows.scales + vector_at<Math>(v, group_scales, 1) + b * mxfp4_block_scales16,
                    group_scales, b * 32,
                    count,        sums};
    int64_t t = 0;
    for (; t + Math::tile_tokens <= tokens; t += Math::tile_tokens)
      mxfp4_tile<Math, G, Math::tile_tokens>(slab, job, first_token, t);
    mxfp4_rest<Math, G, Math::tile_tokens - 1>(slab, job, first_token, t, tokens - t);
  }
  for (int64_t g = 0; g < G; ++g)
    for (int64_t t = 0; t < tokens; ++t)
      finish<Math>(rows, job, first_token + t, v + g, Math::load(sums + (g * job_tile + t) * Math::lanes));
}

template <class Math>
int64_t vectors_of(const Rows16& rows) {
  return (rows.rows + Math::lanes - 1) / Math::lanes;
}

template <class Math>
void mxfp4_rows(const Rows16& rows, const TokenJob& job, void* scratch) {
  const int64_t vectors = vectors_of<Math>(rows);
  if (job.tokens == 1) return mxfp4_all_direct<Math, 1>(rows, job, vectors);
  if (job.tokens == 2) return mxfp4_all_direct<Math, 2>(rows, job, vectors);
  if constexpr (Math::direct_tokens >= 4) {
    if (job.tokens == 3) return mxfp4_all_direct<Math, 3>(rows, job, vectors);
    if (job.tokens == 4) return mxfp4_all_direct<Math, 4>(rows, job, vectors);
  }
  for (int64_t t = 0; t < job.tokens; t += job_tile) {
    const int64_t tokens = smaller(job.tokens - t, job_tile);
    int64_t v = 0;
    for (; v + Math::tile_vectors <= vectors; v += Math::tile_vectors)
      mxfp4_vectors<Math, Math::tile_vectors>(rows, job, v, t, tokens, static_cast<uint8_t*>(scratch));
    for (; v < vectors; ++v) mxfp4_vectors<Math, 1>(rows, job, v, t, tokens, static_cast<uint8_t*>(scratch));
  }
}

/// BF16 weights: one chain over all column pairs for each sum.
template <class MathOf>
struct Bf16Rows {
  using Math = MathOf;
  /// One token: two groups at a time, because a single chain of additions is bound by its latency and more streams are
  /// slower.
  static constexpr int together = 2 * 16 / Math::lanes;

  /// G vectors of rows times T tokens.
  template <int G, int T>
  static void tile(const Rows16& rows, const TokenJob& job, int64_t v, int64_t token) {
    const int64_t pairs = rows.columns / 2, group_bytes = (rows.columns + 1) / 2 * bf16_pair_bytes16;
    const uint8_t* codes = rows.codes + vector_at<Math>(v, group_bytes, 4);
    const typename Math::Element* x[T];
    typename Math::Sum sums[G][T];
    for (int t = 0; t < T; ++t) x[t] = activations<Math>(job, token + t);
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t) sums[g][t] = Math::zero();
#pragma GCC unroll 4
    for (int64_t c = 0; c < pairs; ++c, codes += bf16_pair_bytes16) {
      typename Math::Weight weight[G];
      for (int g = 0; g < G; ++g) {
        const uint8_t* from = codes + vector_at<Math>(g, group_bytes, 4);
        if (g % (16 / Math::lanes) == 0) prefetch(from);
        weight[g] = Math::bf16(from);
      }
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const typename Math::Pair pair = Math::pair(x[t] + c * 2);
        for (int g = 0; g < G; ++g) sums[g][t] = Math::add(sums[g][t], weight[g], pair);
      }
    }
    if (rows.columns % 2 != 0)
      for (int t = 0; t < T; ++t)
        for (int g = 0; g < G; ++g)
          sums[g][t] = Math::add(sums[g][t], Math::bf16(codes + vector_at<Math>(g, group_bytes, 4)),
                                 Math::half_pair(x[t] + pairs * 2));
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t) finish<Math>(rows, job, token + t, v + g, sums[g][t]);
  }
};

/// INT8 weights: one chain over all columns for each sum, times the scale of the row at its end.
template <class MathOf>
struct Int8Rows {
  using Math = MathOf;
  static constexpr int together = Math::direct_vectors(1);

  /// The columns 2j and 2j + 1 of a line of four; `columns`: how many of the line exist.
  template <int G, int T>
  static void add_line(const uint8_t* codes, int64_t group_bytes, const typename Math::Element* const (&x)[T],
                       int64_t c, int64_t columns, typename Math::Sum (&sums)[G][T]) {
    typename Math::Bytes bytes[G];
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      const uint8_t* from = codes + vector_at<Math>(g, group_bytes, 4);
      if (g % (16 / Math::lanes) == 0) prefetch(from);
      bytes[g] = Math::bytes(from);
    }
#pragma GCC unroll 2
    for (int j = 0; j < 2; ++j) {
      if (columns <= 2 * j) break;
      typename Math::Weight weight[G];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) weight[g] = Math::int8(bytes[g], j);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const typename Math::Element* at = x[t] + c + 2 * j;
        const typename Math::Pair pair = columns >= 2 * j + 2 ? Math::pair(at) : Math::half_pair(at);
        for (int g = 0; g < G; ++g) sums[g][t] = Math::add(sums[g][t], weight[g], pair);
      }
    }
  }

  template <int G, int T>
  static void tile(const Rows16& rows, const TokenJob& job, int64_t v, int64_t token) {
    const int64_t whole = rows.columns / 4 * 4, group_bytes = (rows.columns + 3) / 4 * int8_line_bytes16;
    const uint8_t* codes = rows.codes + vector_at<Math>(v, group_bytes, 4);
    const typename Math::Element* x[T];
    typename Math::Sum sums[G][T];
    for (int t = 0; t < T; ++t) x[t] = activations<Math>(job, token + t);
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t) sums[g][t] = Math::zero();
    for (int64_t c = 0; c < whole; c += 4, codes += int8_line_bytes16)
      add_line<G, T>(codes, group_bytes, x, c, 4, sums);
    if (whole < rows.columns) add_line<G, T>(codes, group_bytes, x, whole, rows.columns - whole, sums);
    for (int g = 0; g < G; ++g)
      for (int t = 0; t < T; ++t)
        finish<Math>(rows, job, token + t, v + g,
                     Math::times_row_scales(sums[g][t], rows.scales + (v + g) * Math::lanes * 4));
  }
};

template <class Kind, int G, int T>
void plain_rest(const Rows16& rows, const TokenJob& job, int64_t v, int64_t token, int64_t tokens) {
  if constexpr (T > 0) {
    if (tokens == T) return Kind::template tile<G, T>(rows, job, v, token);
    plain_rest<Kind, G, T - 1>(rows, job, v, token, tokens);
  }
}

template <class Kind, int G>
void plain_vectors(const Rows16& rows, const TokenJob& job, int64_t v, int64_t first_token, int64_t tokens) {
  constexpr int tile_tokens = Kind::Math::tile_tokens;
  int64_t t = 0;
  for (; t + tile_tokens <= tokens; t += tile_tokens)
    Kind::template tile<G, tile_tokens>(rows, job, v, first_token + t);
  plain_rest<Kind, G, tile_tokens - 1>(rows, job, v, first_token + t, tokens - t);
}

/// Weights that are widened where they are used. Kind: Bf16Rows or Int8Rows.
template <class Kind>
void plain_rows(const Rows16& rows, const TokenJob& job) {
  constexpr int tile_vectors = Kind::Math::tile_vectors;
  const int64_t vectors = vectors_of<typename Kind::Math>(rows);
  int64_t done = 0;
  if (job.tokens == 1)
    for (; done + Kind::together <= vectors; done += Kind::together)
      Kind::template tile<Kind::together, 1>(rows, job, done, 0);
  for (int64_t t = 0; t < job.tokens; t += job_tile) {
    const int64_t tokens = smaller(job.tokens - t, job_tile);
    int64_t v = done;
    for (; v + tile_vectors <= vectors; v += tile_vectors) plain_vectors<Kind, tile_vectors>(rows, job, v, t, tokens);
    for (; v < vectors; ++v) plain_vectors<Kind, 1>(rows, job, v, t, tokens);
  }
}

}  // namespace
}  // namespace mxpath
