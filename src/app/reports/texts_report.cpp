#include "app/reports/texts_report.h"

#include "app/reports/score_report.h"
#include "base/text.h"

namespace mxpath {
namespace {

std::string perplexity_text(double sum, int64_t count) {
  const auto value = perplexity(sum, count);
  if (!value) return "-";
  return *value < 1e15 ? fmt::format("{:.4f}", *value) : fmt::format("{:.4g}", *value);
}

Json perplexity_json(double sum, int64_t count) {
  const auto value = perplexity(sum, count);
  return value ? Json(*value) : Json();
}

}  // namespace

std::string texts_title() { return fmt::format("{:>10} {:>12}  text\n", "tokens", "perplexity"); }

std::string text_line(std::string_view name, const TextScore& score) {
  const int64_t scored = std::ssize(score.logprobs);
  return fmt::format("{:>10} {:>12}  {}\n", scored + 1, perplexity_text(score.sum, scored), name);
}

Json text_json(std::string_view name, const TextScore& score) {
  const int64_t scored = std::ssize(score.logprobs);
  return {{"name", name},         {"tokens", scored + 1},     {"scored", scored},
          {"logprob", score.sum}, {"windows", score.windows}, {"perplexity", perplexity_json(score.sum, scored)}};
}

std::string total_text(const TextsTotal& total, int context, int stride) {
  std::string out = fmt::format("perplexity {} over {} of {}", perplexity_text(total.sum, total.scored),
                                plural(total.scored, "token"), plural(total.texts, "text"));
  if (total.windows > total.texts) out += fmt::format(", in windows of {} every {}", plural(context, "token"), stride);
  return out + "\n";
}

Json total_json(const TextsTotal& total) {
  return {{"texts", total.texts},
          {"scored", total.scored},
          {"logprob", total.sum},
          {"perplexity", perplexity_json(total.sum, total.scored)},
          {"windows", total.windows},
          {"tokens_read", total.read},
          {"seconds", total.seconds},
          {"tokens_per_second", total.seconds > 0 ? static_cast<double>(total.read) / total.seconds : 0}};
}

}  // namespace mxpath
