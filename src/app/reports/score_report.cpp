#include "app/reports/score_report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/json.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// A token as a quoted word: line ends and bytes that are no text stay visible.
std::string quoted(Token id, const Tokenizer& tokenizer) {
  return Json(tokenizer.decode_lossy({&id, 1})).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string likely_text(const std::vector<std::pair<int32_t, double>>& top, const Tokenizer& tokenizer) {
  std::string out;
  for (const auto& [id, logprob] : top) out += fmt::format("  {} {:.4f}", quoted(id, tokenizer), logprob);
  return out;
}

}  // namespace

std::optional<double> perplexity(double sum, int64_t count) {
  if (count == 0) return std::nullopt;
  // JSON has no infinity.
  return std::min(std::exp(-sum / static_cast<double>(count)), std::numeric_limits<double>::max());
}

std::optional<double> perplexity(const Score& score) {
  return perplexity(std::accumulate(score.logprobs.begin(), score.logprobs.end(), 0.0), std::ssize(score.logprobs));
}

Json score_json(std::span<const Token> tokens, const Score& score) {
  Json out = {{"tokens", tokens}, {"logprobs", score.logprobs}};
  if (!score.top.empty()) {
    Json& top = out["top"] = Json::array();
    for (const auto& place : score.top) {
      Json pairs = Json::array();
      for (const auto& [id, logprob] : place) pairs.push_back(Json::array({id, logprob}));
      top.push_back(std::move(pairs));
    }
  }
  const auto value = perplexity(score);
  out["perplexity"] = value ? Json(*value) : Json();
  return out;
}

std::string score_text(std::span<const Token> tokens, const Score& score, const Tokenizer& tokenizer) {
  std::string out = fmt::format("{:>6} {:>7} {:>10}  token\n", "place", "id", "logprob");
  for (size_t i = 0; i < tokens.size(); ++i) {
    out += fmt::format("{:>6} {:>7} {:>10}  {}\n", i, tokens[i], i ? fmt::format("{:.4f}", score.logprobs[i - 1]) : "",
                       quoted(tokens[i], tokenizer));
    if (!score.top.empty()) out += fmt::format("{:>24}  next:{}\n", "", likely_text(score.top[i], tokenizer));
  }
  if (const auto value = perplexity(score))
    out += fmt::format("perplexity {} over {}\n",
                       *value < 1e15 ? fmt::format("{:.4f}", *value) : fmt::format("{:.4g}", *value),
                       plural(score.logprobs.size(), "token"));
  return out;
}

}  // namespace mxpath
