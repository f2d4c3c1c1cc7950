#include "engine/step_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace mxpath {
namespace {

/// The next piece of a reader that was given `given` tokens already, at most `room` long: to its end, or to a border;
/// `loose`: to anywhere, where no border can be reached.
int next_piece(const Reader& reader, int given, int room, bool loose) {
  const int64_t begin = reader.held + given, left = reader.left - given;
  if (left <= room) return static_cast<int>(left);
  const int64_t to_border = (begin + room) / chunk_border * chunk_border - begin;
  if (to_border > 0) return static_cast<int>(to_border);
  const bool at_border = given > 0 && begin % chunk_border == 0;  // good enough for this step
  return loose && !at_border ? room : 0;
}

/// Readers of one priority in the order in which they are served: callers in turn, each with its best first.
std::vector<size_t> in_turn(std::span<const Reader> readers, std::span<const size_t> equals, std::string_view after) {
  const auto rank = [&](size_t i) { return static_cast<double>(readers[i].left) - ageing_tokens * readers[i].waited; };
  std::map<std::string_view, std::vector<size_t>> of_key;
  for (const size_t i : equals) of_key[readers[i].key].push_back(i);
  size_t longest = 0;
  std::vector<const std::vector<size_t>*> turns;
  for (auto& [key, line] : of_key) {
    std::ranges::stable_sort(line, {}, rank);
    longest = std::max(longest, line.size());
    turns.push_back(&line);
  }
  std::rotate(turns.begin(), turns.begin() + std::distance(of_key.begin(), of_key.upper_bound(after)), turns.end());
  std::vector<size_t> out;
  for (size_t round = 0; round < longest; ++round)
    for (const auto* line : turns)
      if (round < line->size()) out.push_back((*line)[round]);
  return out;
}

/// Serves readers of one priority; what of the budget is left. loose: the whole budget is too small for borders.
int serve(std::span<const Reader> readers, std::span<const size_t> order, int budget, bool loose, Shares& shares) {
  const int quarter = loose ? std::max(1, budget / 4) : std::max(budget / 4 / chunk_border, 1) * chunk_border;
  const int most = order.size() > 1 ? quarter : budget;
  for (bool more = true; more && budget > 0;) {
    more = false;
    for (const size_t i : order) {
      const int piece = next_piece(readers[i], shares.tokens[i], std::min(most, budget), loose);
      shares.tokens[i] += piece, budget -= piece;
      more |= piece > 0;
    }
  }
  return budget;
}

}  // namespace

double usual_step_target(double decode_seconds) { return std::max(2 * decode_seconds, 0.1); }

int reading_budget(const std::function<double(int tokens)>& seconds, double target, int most) {
  if (most <= 0 || seconds(most) <= target) return std::max(most, 0);
  int fits = 0, too_many = most;
  while (too_many - fits > 1) {
    const int middle = fits + (too_many - fits) / 2;
    (seconds(middle) <= target ? fits : too_many) = middle;
  }
  return std::max(fits, 1);
}

Shares share_out(std::span<const Reader> readers, int budget, std::string_view after) {
  Shares shares{std::vector<int>(readers.size()), {}};
  std::vector<size_t> all(readers.size());
  std::iota(all.begin(), all.end(), size_t{0});
  std::ranges::stable_sort(all, std::greater(), [&](size_t i) { return readers[i].priority; });
  const bool loose = budget < chunk_border;
  for (size_t begin = 0, end = 0; begin < all.size() && budget > 0; begin = end) {
    while (end < all.size() && readers[all[end]].priority == readers[all[begin]].priority) ++end;
    const auto order = in_turn(readers, std::span(all).subspan(begin, end - begin), after);
    if (begin == 0) shares.first_key = readers[order.front()].key;
    budget = serve(readers, order, budget, loose, shares);
  }
  return shares;
}

void Correction::note(double predicted, double took) {
  if (!(predicted > 0 && took > 0)) return;
  const double off = std::clamp(took / predicted / ratio_, 0.25, 4.0);
  ratio_ = std::clamp(ratio_ * std::pow(off, 0.3), 1e-3, 1e3);
}

}  // namespace mxpath
