#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/session.h"
#include "model/not_finite.h"
#include "plan/workspace.h"

namespace mxpath {
namespace {

std::vector<std::pair<int32_t, double>> most_likely(std::span<const float> logits, double log_sum, int count) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto more = [&](int32_t a, int32_t b) {
    return logits[size_t(a)] != logits[size_t(b)] ? logits[size_t(a)] > logits[size_t(b)] : a < b;
  };
  const auto end = ids.begin() + std::min<ptrdiff_t>(count, std::ssize(ids));
  std::partial_sort(ids.begin(), end, ids.end(), more);
  std::vector<std::pair<int32_t, double>> out;
  for (auto id = ids.begin(); id != end; ++id) out.emplace_back(*id, logits[size_t(*id)] - log_sum);
  return out;
}

}  // namespace

double log_sum_exp(std::span<const float> logits) {
  const double largest = static_cast<double>(*std::ranges::max_element(logits));
  double sum = 0;
  for (float z : logits) sum += std::exp(static_cast<double>(z) - largest);
  return largest + std::log(sum);
}

Status Session::visit_logits(std::span<const int32_t> tokens,
                             const std::function<void(size_t position, std::span<const float> logits)>& visit,
                             const Progress& progress) {
  MXPATH_CHECK(check(tokens));
  const Model& model = executor_->model();
  const size_t vocab = static_cast<size_t>(model.config.vocab), chunk = static_cast<size_t>(executor_->most_tokens()),
               at_once = static_cast<size_t>(logit_rows_of(model.plan));
  MXPATH_TRY([[maybe_unused]] const size_t held, begin(tokens, false));
  for (size_t begin = 0; begin < tokens.size(); begin += chunk) {
    const auto part = tokens.subspan(begin, std::min(chunk, tokens.size() - begin));
    MXPATH_CHECK(read_part(part, false));
    for (size_t row = 0; row < part.size(); row += at_once) {
      const size_t rows = std::min(at_once, part.size() - row);
      MXPATH_TRY(const auto logits, executor_->logits_of_tokens(static_cast<int>(row), static_cast<int>(rows)));
      for (size_t r = 0; r < rows; ++r) {
        const auto of_token = logits.subspan(r * vocab, vocab);
        if (first_not_finite(of_token) < vocab) return not_finite(begin + row + r);
        visit(begin + row + r, of_token);
      }
    }
    if (progress) progress("scoring", begin + part.size(), tokens.size());
  }
  return {};
}

Result<Score> Session::score(std::span<const int32_t> tokens, int top, const Progress& progress) {
  Score out;
  const auto note = [&](size_t position, std::span<const float> z) {
    const double log_sum = log_sum_exp(z);
    if (position + 1 < tokens.size())
      out.logprobs.push_back(static_cast<double>(z[static_cast<size_t>(tokens[position + 1])]) - log_sum);
    if (top > 0) out.top.push_back(most_likely(z, log_sum, top));
  };
  MXPATH_CHECK(visit_logits(tokens, note, progress));
  return out;
}

}  // namespace mxpath
