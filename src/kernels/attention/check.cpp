// The self-check of attention: every output of every token. That would cost a softmax over all keys for each, so tokens
// share a few queries: what one query sees from one position is what it saw from the position before and one key more.
#include <algorithm>
#include <cmath>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

/// Up to this many tokens have a query each; more of them share.
constexpr int most_queries = 10;

/// A cache with more keys than the window holds, of which the batch brings its own. Pages lie in any order, and those
/// that no token of the batch can see are gone.
struct KnownCache {
  int tokens, keys, heads, kv_heads, head_dim;
  int64_t width;               // of one token in the projection: queries, then its key and value for each head
  std::vector<int> query_of;   // of each token
  std::vector<float> queries;  // [most_queries, heads, head_dim]
  std::vector<float> keys_of, values_of;  // as the cache gives them back
  std::vector<float> projected;
  std::vector<uint8_t> storage;
  std::vector<int32_t> table;
  KvPages pages;

  KnownCache(Subject& s, int batch, int window)
      : tokens(batch),
        keys(batch + 150),
        heads(s.site.heads / s.site.kv_heads * std::min(s.site.kv_heads, 2)),
        kv_heads(std::min(s.site.kv_heads, 2)),
        head_dim(s.site.head_dim),
        width((heads + 2 * kv_heads) * head_dim) {
    const int64_t kv_width = int64_t{kv_heads} * head_dim;
    lay_out(s.site.kv, window, s.random);
    keys_of = known_inputs(static_cast<size_t>(keys * kv_width), false, s.random),
    values_of = known_inputs(keys_of.size(), false, s.random);
    for (auto* values : {&keys_of, &values_of})
      for (float& value : *values) value = std::nearbyint(value * 64) / 64;  // BF16 holds these exactly
    for (int p = 0; p < keys - tokens; ++p)
      if (table[static_cast<size_t>(p / kv_page_tokens)] >= 0)
        kv_store(pages, 0, p, kv_heads, head_dim, key(p), value(p));
    project(s.random);
    for (auto* values : {&keys_of, &values_of}) kv_round(s.site.kv, values->data(), int64_t{keys} * kv_heads, head_dim);
  }
  void lay_out(NumberFormat format, int window, Random& random) {
    const int64_t half = static_cast<int64_t>(kv_half_bytes(format, kv_heads, head_dim));
    const int first = window ? std::max(0, keys - tokens - window + 1) / kv_page_tokens : 0,
              count = static_cast<int>(kv_table_entries(keys));
    for (int i = 0; i < count; ++i) table.push_back(i < first ? -1 : i - first);
    for (int i = count - 1; i > first; --i)
      std::swap(table[static_cast<size_t>(i)], table[static_cast<size_t>(random.integer(first, i))]);
    storage.resize(static_cast<size_t>(2 * half * (count - first)), 0xff);  // which is no number in any of the formats
    pages = {storage.data(), 2 * half, 0, half, table.data(), count, format};
  }
  void project(Random& random) {
    const int64_t q_width = int64_t{heads} * head_dim, kv_width = int64_t{kv_heads} * head_dim;
    queries = known_inputs(static_cast<size_t>(most_queries * q_width), false, random);
    projected.resize(static_cast<size_t>(tokens * width));
    for (int t = 0; t < tokens; ++t) {
      query_of.push_back(t < most_queries ? t : static_cast<int>(random.integer(0, most_queries - 1)));
      float* own = &projected[static_cast<size_t>(t * width)];
      std::copy_n(query(query_of.back(), 0), q_width, own);
      std::copy_n(key(position(t)), kv_width, own + q_width),
          std::copy_n(value(position(t)), kv_width, own + q_width + kv_width);
    }
  }
  int position(int token) const { return keys - tokens + token; }
  const float* query(int which, int head) const {
    return &queries[static_cast<size_t>((which * heads + head) * head_dim)];
  }
  const float* key(int p) const { return &keys_of[static_cast<size_t>(int64_t{p} * kv_heads * head_dim)]; }
  const float* value(int p) const { return &values_of[static_cast<size_t>(int64_t{p} * kv_heads * head_dim)]; }
};

/// Softmax over a window of keys for one query of one head, by the formula; the window moves up.
class MovingHead {
 public:
  MovingHead(const KnownCache& c, int query, int head, float sink)
      : c_(c),
        at_(int64_t{head / (c.heads / c.kv_heads)} * c.head_dim),
        sum_(static_cast<size_t>(c.head_dim)),
        sink_(std::exp(double{sink})) {
    const double scale = 1 / std::sqrt(static_cast<double>(c.head_dim));
    for (int p = 0; p < c.keys; ++p) {
      const DotProduct dot = exact_dot(c.query(query, head), c.key(p) + at_, c.head_dim);
      weight_.push_back(std::exp(dot.sum * scale)), magnitude_ = std::max(magnitude_, dot.magnitude * scale);
    }
  }
  void move_to(int first, int last) {
    for (; end_ <= last; ++end_) add(end_, 1);
    for (; begin_ < first; ++begin_) add(begin_, -1);
  }
  double output(int i) const { return sum_[static_cast<size_t>(i)] / (total_ + sink_); }
  /// What rounding may do: to the scores, which the exponential (2 ulp) makes relative; to numerator and denominator,
  /// each key with one rescaling at most. Values are no larger than 1.
  double bound() const {
    const double score = sum_bound(magnitude_, c_.head_dim + 8) + 0x1p-21;
    return std::expm1(2 * score) + 2 * sum_bound(1, 2 * (end_ - begin_) + 8);
  }

 private:
  void add(int p, double sign) {
    const double weight = sign * weight_[static_cast<size_t>(p)];
    const float* v = c_.value(p) + at_;
    total_ += weight;
    for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += weight * static_cast<double>(v[i]);
  }
  const KnownCache& c_;
  int64_t at_;
  std::vector<double> sum_, weight_;
  double total_ = 0, sink_, magnitude_ = 0;
  int begin_ = 0, end_ = 0;
};

void compare_head(Subject& s, const KnownCache& c, int head, int window, float sink, const std::vector<float>& y,
                  Comparison& out) {
  for (int query = 0; query < std::min(c.tokens, most_queries); ++query) {
    MovingHead expected(c, query, head, sink);
    s.work += static_cast<uint64_t>(2 * c.keys * c.head_dim);
    for (int t = 0; t < c.tokens; ++t) {
      if (c.query_of[static_cast<size_t>(t)] != query) continue;
      expected.move_to(window ? std::max(0, c.position(t) - window + 1) : 0, c.position(t));
      const double bound = expected.bound();
      for (int i = 0; i < c.head_dim; ++i)
        out.compare(expected.output(i), bound, y[static_cast<size_t>((t * c.heads + head) * c.head_dim + i)], t,
                    head * c.head_dim + i);
    }
  }
}

void check_attention_once(Subject& s, int tokens, Comparison& out) {
  const int window = s.site.row().layers == LayerKind::sliding ? s.config.sliding_window : 0;
  const KnownCache c(s, tokens, window);
  const int d = c.head_dim;
  const auto sinks = known_inputs(static_cast<size_t>(c.heads), false, s.random);
  std::vector<float> y(static_cast<size_t>(tokens * c.heads * d), poison);
  std::vector<int32_t> positions;
  for (int t = 0; t < tokens; ++t) positions.push_back(c.position(t));
  const std::vector<int32_t> slots(static_cast<size_t>(tokens), 0);
  const float *k = c.projected.data() + int64_t{c.heads} * d, *v = k + int64_t{c.kv_heads} * d;
  call(s, out,
       AttentionArgs{.q = c.projected.data(),
                     .q_stride = c.width,
                     .y = y.data(),
                     .k = k,
                     .v = v,
                     .sinks = sinks.data(),
                     .positions = positions.data(),
                     .slots = slots.data(),
                     .kv = c.pages,
                     .tokens = tokens,
                     .heads = c.heads,
                     .kv_heads = c.kv_heads,
                     .head_dim = d,
                     .window = window,
                     .scale = 1 / std::sqrt(static_cast<float>(d)),
                     .threads = &s.threads});
  for (int h = 0; h < c.heads; ++h) compare_head(s, c, h, window, sinks[static_cast<size_t>(h)], y, out);
}

}  // namespace

void check_attention(Subject& s, Comparison& out) { check_each_count(s, 65, check_attention_once, out); }

}  // namespace mxpath
