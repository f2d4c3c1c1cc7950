// What `mxpath score` says of many texts.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "engine/score_texts.h"

namespace mxpath {

/// Figures over all texts so far.
struct TextsTotal {
  int64_t texts = 0;
  int64_t scored = 0;  ///< tokens with a probability
  double sum = 0;      ///< of their natural log-probabilities
  int64_t read = 0;    ///< tokens of all windows
  int windows = 0;
  double seconds = 0;
};

/// The line above the texts, and that of one of them.
std::string texts_title();
std::string text_line(std::string_view name, const TextScore& score);
/// {"name", "tokens", "scored", "logprob", "perplexity", "windows"}; perplexity null for a single token.
Json text_json(std::string_view name, const TextScore& score);

/// "perplexity 12.3456 over 1999 tokens of 2 texts, in windows of 1024 tokens every 512".
std::string total_text(const TextsTotal& total, int context, int stride);
Json total_json(const TextsTotal& total);

}  // namespace mxpath
