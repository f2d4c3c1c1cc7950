// Every attention row against a double reference and against itself.
#include "kernels/attention/attention.h"

#include <algorithm>
#include <memory>

#include "kernels/test_rows.h"

namespace mxpath {
namespace {

/// Keys and values of one sequence, which lie in pages of a pool. The first `stored` positions are there already, of
/// the others only k and v are known.
struct Sequence {
  Sequence(int kv_heads, int head_dim, int64_t length, NumberFormat format, uint64_t seed) {
    Random random(seed);
    const int64_t width = int64_t{kv_heads} * head_dim;
    for (int64_t p = 0; p < length; ++p) {
      raw_k.push_back(activations(random, width, false)), raw_v.push_back(activations(random, width, false));
      k.push_back(raw_k.back()), v.push_back(raw_v.back());
      for (auto* row : {&k.back(), &v.back()}) kv_round(format, row->data(), kv_heads, head_dim);
    }
  }
  std::vector<std::vector<float>> k, v, raw_k, raw_v;  // by position; raw: not rounded
};

/// The pool of a batch: what no row may read is NaN. Tables hold pages in any order; entries of pages that no token of
/// the batch can see point nowhere.
struct Pool {
  std::vector<uint8_t> memory;
  std::vector<int32_t> tables;
  KvPages pages;
};

struct Case {
  int heads, kv_heads, head_dim, window;
  std::vector<int64_t> lengths;  // of each sequence
  int tokens;                    // the last ones of each sequence, all in one batch
  float sink = 0.3f;
  bool stores = false;       // the row is given k and v of the batch and stores them itself
  bool interleaved = false;  // the tokens of the sequences take turns
  NumberFormat format = NumberFormat::bf16;
  int singles = 0;
};

struct Batch {
  explicit Batch(const Case& which) : c(which) {
    Random random(11);
    for (size_t s = 0; s < c.lengths.size(); ++s)
      sequences.push_back(std::make_shared<Sequence>(c.kv_heads, c.head_dim, c.lengths[s], c.format, s + 1));
    keys = pool_with(c.stores ? c.tokens : 0);
    const int count = static_cast<int>(c.lengths.size()), most = c.tokens * count;
    for (int i = 0; i < most; ++i)
      add_token(static_cast<size_t>(c.interleaved ? i % count : i / c.tokens),
                c.interleaved ? i / count : i % c.tokens);
    stride = c.heads * c.head_dim + 5;
    q = activations(random, static_cast<int64_t>(positions.size()) * stride, false);
    for (int h = 0; h < c.heads; ++h) sinks.push_back(c.sink + 0.1f * static_cast<float>(h));
    if (c.stores) find_keys();
  }
  /// The pool in which the last `missing` positions of each sequence are not stored.
  Pool pool_with(int64_t missing) const {
    Random random(12);
    const int64_t half = static_cast<int64_t>(kv_half_bytes(c.format, c.kv_heads, c.head_dim)),
                  entries = kv_table_entries(std::ranges::max(c.lengths)) + 1;
    Pool made;
    std::vector<size_t> places;
    made.tables.assign(c.lengths.size() * static_cast<size_t>(entries), -7);
    for (size_t s = 0; s < c.lengths.size(); ++s) {
      const int64_t first = c.window > 0 ? std::max<int64_t>(0, c.lengths[s] - c.tokens - c.window + 1) : 0;
      for (int64_t i = std::max<int64_t>(first, 0) / kv_page_tokens; i < kv_table_entries(c.lengths[s]); ++i)
        places.push_back(s * static_cast<size_t>(entries) + static_cast<size_t>(i));
    }
    for (size_t i = places.size(); i > 1; --i)
      std::swap(places[i - 1], places[static_cast<size_t>(random.integer(0, static_cast<int64_t>(i) - 1))]);
    for (size_t i = 0; i < places.size(); ++i) made.tables[places[i]] = static_cast<int32_t>(i) + 1;
    // Rows of 0xff are NaN in every format, and so are such scales; page 0 belongs to nobody.
    made.memory.assign((places.size() + 1) * static_cast<size_t>(2 * half), 0xff);
    made.pages = {made.memory.data(), 2 * half, 0, half, made.tables.data(), entries, c.format};
    for (size_t s = 0; s < c.lengths.size(); ++s)
      for (int64_t p = 0; p < c.lengths[s] - missing; ++p)
        if (made.tables[s * static_cast<size_t>(entries) + static_cast<size_t>(p / kv_page_tokens)] > 0)
          kv_store(made.pages, static_cast<int>(s), p, c.kv_heads, c.head_dim,
                   sequences[s]->raw_k[static_cast<size_t>(p)].data(),
                   sequences[s]->raw_v[static_cast<size_t>(p)].data());
    return made;
  }
  /// Number i of the last tokens of a sequence, if it has so many.
  void add_token(size_t s, int i) {
    const int64_t p = c.lengths[s] - c.tokens + i;
    if (p >= 0) positions.push_back(static_cast<int32_t>(p)), slots.push_back(static_cast<int32_t>(s)), of.push_back(s);
  }
  void find_keys() {
    k.assign(q.size(), poison), v = k;
    for (size_t t = 0; t < positions.size(); ++t) {
      const Sequence& s = *sequences[of[t]];
      std::ranges::copy(s.raw_k[static_cast<size_t>(positions[t])], k.begin() + static_cast<int64_t>(t) * stride);
      std::ranges::copy(s.raw_v[static_cast<size_t>(positions[t])], v.begin() + static_cast<int64_t>(t) * stride);
    }
  }
  /// Only these tokens stay in the batch; the keys of the others are stored.
  void keep(const std::vector<size_t>& tokens) {
    const Batch whole = *this;
    positions.clear(), slots.clear(), of.clear(), q.clear(), k.clear(), v.clear();
    for (size_t t = 0; t < whole.positions.size(); ++t)
      if (!std::ranges::count(tokens, t))
        kv_store(keys.pages, whole.slots[t], whole.positions[t], c.kv_heads, c.head_dim,
                 &whole.k[t * static_cast<size_t>(stride)], &whole.v[t * static_cast<size_t>(stride)]);
    for (const size_t t : tokens) {
      positions.push_back(whole.positions[t]), slots.push_back(whole.slots[t]), of.push_back(whole.of[t]);
      for (const auto& [to, from] : {std::pair{&q, &whole.q}, {&k, &whole.k}, {&v, &whole.v}})
        to->insert(to->end(), from->begin() + static_cast<int64_t>(t) * stride,
                   from->begin() + static_cast<int64_t>(t + 1) * stride);
    }
  }
  std::vector<float> run(const KernelPath& path, int threads, size_t first, size_t count) const {
    ThreadPool pool(threads);
    const size_t at = first * static_cast<size_t>(stride);
    std::vector<float> y(count * static_cast<size_t>(c.heads * c.head_dim), poison);
    run_row(path, AttentionArgs{.q = q.data() + at,
                                .q_stride = stride,
                                .y = y.data(),
                                .k = c.stores ? k.data() + at : nullptr,
                                .v = c.stores ? v.data() + at : nullptr,
                                .sinks = sinks.data(),
                                .positions = positions.data() + first,
                                .slots = slots.data() + first,
                                .kv = keys.pages,
                                .tokens = static_cast<int>(count),
                                .heads = c.heads,
                                .kv_heads = c.kv_heads,
                                .head_dim = c.head_dim,
                                .singles = c.singles,
                                .window = c.window,
                                .scale = 0.125f,
                                .threads = &pool});
    return y;
  }
  std::vector<float> run(const KernelPath& path, int threads = 1) const {
    return run(path, threads, 0, positions.size());
  }

  Case c;
  std::vector<std::shared_ptr<const Sequence>> sequences;
  Pool keys;
  std::vector<int32_t> positions, slots;
  std::vector<size_t> of;
  std::vector<float> q, k, v, sinks;
  int64_t stride;
};

/// One head of one token in double. tolerance: what errors of ε (head_dim + 8) Σ|q k| in the scores, of the exponential
/// and of the sums can do to the result.
void expect_head(const Batch& b, size_t t, int h, const float* y) {
  const Case& c = b.c;
  const Sequence& s = *b.sequences[b.of[t]];
  const int64_t last = b.positions[t], first = c.window > 0 ? std::max<int64_t>(0, last - c.window + 1) : 0;
  const int64_t g = h / (c.heads / c.kv_heads) * c.head_dim;
  const float* q = b.q.data() + static_cast<int64_t>(t) * b.stride + h * c.head_dim;
  std::vector<double> z;
  double largest = b.sinks[static_cast<size_t>(h)], magnitude = 0;
  for (int64_t p = first; p <= last; ++p) {
    double dot = 0, size = 0;
    for (int i = 0; i < c.head_dim; ++i) {
      const double product = double(q[i]) * s.k[static_cast<size_t>(p)][static_cast<size_t>(g + i)];
      dot += product, size += std::fabs(product);
    }
    z.push_back(0.125 * dot), largest = std::max(largest, z.back()), magnitude = std::max(magnitude, 0.125 * size);
  }
  double sum = std::exp(b.sinks[static_cast<size_t>(h)] - largest), deepest = 0;
  for (double score : z) sum += std::exp(score - largest), deepest = std::max(deepest, largest - score);
  const double epsilon = std::ldexp(1.0, -24),
               share = epsilon * (2 * (c.head_dim + 8) * magnitude + 4 * deepest + static_cast<double>(z.size()) + 40);
  for (int i = 0; i < c.head_dim; ++i) {
    double value = 0, size = 0;
    for (size_t j = 0; j < z.size(); ++j) {
      const double term =
          std::exp(z[j] - largest) / sum * s.v[static_cast<size_t>(first) + j][static_cast<size_t>(g + i)];
      value += term, size += std::fabs(term);
    }
    ASSERT_NEAR(y[i], value, share * size + 1e-36) << "token " << t << ", head " << h << ", dimension " << i
                                                   << ", window " << c.window << ", head_dim " << c.head_dim;
  }
}

class Attention : public RowTest {
 protected:
  void expect_right(const Case& c) {
    const Batch batch(c);
    const std::vector<float> y = batch.run(path());
    // Of many tokens a few: both sides of every tile edge, the first and the last.
    for (size_t t = 0; t < batch.positions.size(); ++t)
      if (t < 18 || t % 8 == 7 || t % 64 == 0 || t + 2 > batch.positions.size())
        for (int h = 0; h < c.heads; ++h)
          expect_head(batch, t, h, y.data() + static_cast<int64_t>(t) * c.heads * c.head_dim + h * c.head_dim);
    for (float value : y) ASSERT_TRUE(std::isfinite(value)) << "an element was not written";
    if (c.stores) expect_stored(batch);
  }
  /// The pool, byte for byte, as if kv_store had been called for every position.
  static void expect_stored(const Batch& batch) { EXPECT_EQ(batch.keys.memory, batch.pool_with(0).memory); }
};

TEST_P(Attention, AgreesWithTheReferenceForAllShapes) {
  for (int head_dim : {2, 16, 32, 64, 80, 128})
    for (int window : {0, 1, 3, 128}) expect_right({8, 1, head_dim, window, {150, 7}, 5});
  expect_right({4, 4, 64, 0, {70}, 3});
  expect_right({24, 2, 64, 0, {1}, 1});
  expect_right({6, 2, 96, 128, {200}, 200});
}

TEST_P(Attention, TakesAnyNumberOfTokensAndStoresTheirKeys) {
  for (int tokens : {1, 2, 3, 7, 8, 9, 16, 17, 63, 64, 65, 129}) {
    expect_right({.heads = 8,
                  .kv_heads = 1,
                  .head_dim = 64,
                  .window = 0,
                  .lengths = {tokens + 40},
                  .tokens = tokens,
                  .stores = true});
    // Two sequences of which the pages before the window are gone.
    expect_right({.heads = 6,
                  .kv_heads = 2,
                  .head_dim = 64,
                  .window = 100,
                  .lengths = {tokens + 300, tokens + 7},
                  .tokens = tokens,
                  .stores = true});
    expect_right({.heads = 4,
                  .kv_heads = 2,
                  .head_dim = 128,
                  .window = tokens % 2 ? 30 : 0,
                  .lengths = {tokens},
                  .tokens = tokens,
                  .stores = true});
  }
}

TEST_P(Attention, TakesAPrompt) {
  for (int tokens : {519, 520})
    for (int window : {0, 128})
      expect_right({.heads = 8,
                    .kv_heads = 1,
                    .head_dim = 64,
                    .window = window,
                    .lengths = {tokens},
                    .tokens = tokens,
                    .stores = true});
}

TEST_P(Attention, TakesBatchesOfManySequences) {
  std::vector<int64_t> lengths;
  for (int s = 0; s < 70; ++s) lengths.push_back(1 + s * 37 % 200);
  expect_right(
      {.heads = 8, .kv_heads = 1, .head_dim = 64, .window = 0, .lengths = lengths, .tokens = 1, .stores = true});
  lengths.resize(30);
  for (bool interleaved : {false, true}) {
    expect_right({.heads = 8,
                  .kv_heads = 2,
                  .head_dim = 64,
                  .window = 0,
                  .lengths = lengths,
                  .tokens = 3,
                  .interleaved = interleaved});
    expect_right({.heads = 4,
                  .kv_heads = 1,
                  .head_dim = 80,
                  .window = 20,
                  .lengths = lengths,
                  .tokens = 4,
                  .interleaved = interleaved});
  }
}

TEST_P(Attention, TakesAnyGroupOfHeads) {
  for (int tokens : {1, 20, 66}) {
    expect_right({.heads = 3, .kv_heads = 3, .head_dim = 64, .window = 0, .lengths = {70}, .tokens = tokens});
    expect_right({.heads = 22, .kv_heads = 2, .head_dim = 64, .window = 50, .lengths = {70}, .tokens = tokens});
    expect_right({.heads = 40, .kv_heads = 1, .head_dim = 128, .window = 0, .lengths = {70}, .tokens = tokens});
    for (int head_dim : {2, 12, 24, 136})
      expect_right({.heads = 5,
                    .kv_heads = 1,
                    .head_dim = head_dim,
                    .window = 0,
                    .lengths = {150},
                    .tokens = tokens,
                    .stores = true});
  }
}

TEST_P(Attention, TakesALongContext) {
  for (int window : {0, 700, 3000})
    for (int tokens : {1, 2})
      expect_right({.heads = 8,
                    .kv_heads = 1,
                    .head_dim = 64,
                    .window = window,
                    .lengths = {5001},
                    .tokens = tokens,
                    .stores = true});
}

TEST_P(Attention, ReadsNoPageBeforeTheWindow) {
  for (int window : {1, 3, 63, 64, 65, 128})
    for (int tokens : {1, 2, 70}) expect_right({8, 2, 64, window, {1000, 130}, tokens});
}

TEST_P(Attention, ReadsEveryFormat) {
  for (const NumberFormat format : kv_formats())
    for (int tokens : {1, 5, 66})
      for (int head_dim : {12, 64, 80, 128})
        expect_right({.heads = 8,
                      .kv_heads = 2,
                      .head_dim = head_dim,
                      .window = tokens == 5 ? 100 : 0,
                      .lengths = {tokens + 200, tokens + 1},
                      .tokens = tokens,
                      .stores = true,
                      .format = format});
}

TEST_P(Attention, WhatAFormatCannotHoldIsNoNumber) {
  for (const auto& [format, value] : {std::pair{NumberFormat::fp16, 65520.0f},
                                      {NumberFormat::fp16, -INFINITY},
                                      {NumberFormat::fp8_e4m3, 465.0f},
                                      {NumberFormat::fp8_e4m3, -1e9f},
                                      {NumberFormat::int8, INFINITY},
                                      {NumberFormat::fp32, poison}})
    for (int tokens : {1, 66})
      for (bool key : {true, false}) {
        Batch batch({.heads = 2,
                     .kv_heads = 1,
                     .head_dim = 64,
                     .window = 0,
                     .lengths = {tokens + 3},
                     .tokens = tokens,
                     .stores = true,
                     .format = format});
        (key ? batch.k : batch.v)[5] = value;                                             // of the first token
        for (size_t i = 0; i < batch.q.size(); ++i) batch.q[i] = -std::fabs(batch.q[i]);  // its score: minus infinity
        const std::vector<float> y = batch.run(path());
        EXPECT_TRUE(std::isnan(y[5])) << name_of(format) << " " << value << (key ? " in a key, " : " in a value, ")
                                      << tokens << " tokens: " << y[5];
      }
}

TEST_P(Attention, TakesADecodeBesideAPrompt) {
  // Twelve sequences bring one token each, the last brings eighty.
  Case c{.heads = 8, .kv_heads = 2, .head_dim = 64, .window = 0, .lengths = {}, .tokens = 80, .stores = true};
  for (const int window : {0, 100}) {
    Case decode = c;
    decode.window = window, decode.tokens = 1, decode.lengths = {1, 2, 63, 64, 65, 200, 129, 300, 9, 77, 128, 500};
    Case prompt = c;
    prompt.window = window, prompt.lengths = {280};
    Case both = decode;
    both.lengths.push_back(280), both.tokens = 80, both.singles = 12;
    Batch batch(both);
    // Of the first twelve only the last token each.
    std::vector<size_t> kept;
    for (size_t t = 0; t < batch.of.size(); ++t)
      if (batch.of[t] == 12 || batch.positions[t] + 1 == both.lengths[batch.of[t]]) kept.push_back(t);
    batch.keep(kept);
    const std::vector<float> y = batch.run(path());
    for (size_t t = 0; t < batch.positions.size(); ++t)
      for (int h = 0; h < c.heads; ++h)
        expect_head(batch, t, h, y.data() + static_cast<int64_t>(t) * c.heads * c.head_dim + h * c.head_dim);
  }
}

TEST_P(Attention, TakesAnySink) {
  for (float sink : {-INFINITY, -1e30f, -50.0f, 30.0f, 1e4f})
    for (int tokens : {2, 20, 70})
      expect_right({8, 1, 64, 0, {100}, tokens, sink}), expect_right({8, 1, 64, 128, {100}, tokens, sink});
  // One key with score 0 and sink 0 takes half.
  Case c{1, 1, 16, 0, {1}, 1, 0.0f};
  Batch batch(c);
  std::fill(batch.q.begin(), batch.q.end(), 0.0f);
  const std::vector<float> y = batch.run(path());
  for (size_t i = 0; i < 16; ++i) EXPECT_FLOAT_EQ(y[i], 0.5f * batch.sequences[0]->v[0][i]);
}

TEST_P(Attention, ReproducesTheSinkExamples) {
  // z = [1, 2, 3], s = 0.5 → 0.0853688935, 0.2320567119, 0.6307955432. Values are unit vectors, so y shows the weights.
  Batch batch({1, 1, 16, 0, {3}, 1, 0.5f});
  for (int p = 0; p < 3; ++p) {
    std::vector<float> k(16, 0.0f), v(16, 0.0f);
    k[0] = static_cast<float>(p + 1), v[static_cast<size_t>(p)] = 1;
    kv_store(batch.keys.pages, 0, p, 1, 16, k.data(), v.data());
  }
  std::ranges::fill(batch.q, 0.0f);
  batch.q[0] = 8;  // the scale is an eighth
  const std::vector<float> y = batch.run(path());
  EXPECT_NEAR(y[0], 0.0853688935, 2e-7);
  EXPECT_NEAR(y[1], 0.2320567119, 2e-7);
  EXPECT_NEAR(y[2], 0.6307955432, 2e-7);
  EXPECT_EQ(y[3], 0);
}

TEST_P(Attention, GivesTheSameBitsForAnyThreadsAndAnyBatch) {
  const Batch batch({16, 2, 64, 0, {130, 300, 3}, 3});
  const std::vector<float> all = batch.run(path());
  for (int threads : {2, 3}) EXPECT_TRUE(same_bits(batch.run(path(), threads), all)) << threads << " threads";
  for (int tokens : {1, 30, 70}) {
    const Batch other({16, 2, 64, 0, {300, 200}, tokens});
    EXPECT_TRUE(same_bits(other.run(path()), other.run(path(), 2))) << "the same call again, " << tokens << " tokens";
  }
  if (!path().batch_invariant) return;
  for (size_t t = 0; t < batch.positions.size(); ++t) {
    const std::vector<float> alone = batch.run(path(), 1, t, 1), part(all.begin() + static_cast<int64_t>(t) * 1024,
                                                                      all.begin() + static_cast<int64_t>(t + 1) * 1024);
    EXPECT_TRUE(same_bits(part, alone)) << "token " << t << " " << first_difference(part, alone);
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Attention, testing::ValuesIn(rows_of({Op::attention})), test_name);

}  // namespace
}  // namespace mxpath
