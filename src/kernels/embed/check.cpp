// The self-check of the embedding: rows in no order, bit for bit.
#include <numeric>
#include <utility>

#include "kernels/self_check_subject.h"

namespace mxpath {
namespace {

void check_embed_once(Subject& s, int tokens, Comparison& out) {
  const int64_t rows = tokens + 2, hidden = s.site.k;
  const KnownMatrix table = known_matrix(s.layout, 1, rows, hidden, false, s.random);
  std::vector<int32_t> ids(static_cast<size_t>(rows));  // all different, in no order
  std::iota(ids.begin(), ids.end(), 0);
  for (int64_t i = rows - 1; i > 0; --i)
    std::swap(ids[static_cast<size_t>(i)], ids[static_cast<size_t>(s.random.integer(0, i))]);
  std::vector<float> y(static_cast<size_t>(tokens * hidden), poison);
  call(s, out, EmbedArgs{.table = &table.packed, .tokens = ids.data(), .count = tokens, .y = y.data()});
  for (int t = 0; t < tokens; ++t)
    for (int64_t i = 0; i < hidden; ++i)
      out.compare(table.values[static_cast<size_t>(ids[static_cast<size_t>(t)] * hidden + i)], 0,
                  y[static_cast<size_t>(t * hidden + i)], t, i);
}

}  // namespace

void check_embed(Subject& s, Comparison& out) { check_each_count(s, 17, check_embed_once, out); }

}  // namespace mxpath
