// Many texts scored side by side.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/model_executor.h"

namespace mxpath {

/// Tokens [begin, end) of a text, read from an empty context. Those from `counted` on get their probabilities from it;
/// those before it are context alone, because a window before has counted them.
struct ScoreWindow {
  size_t text = 0;
  size_t begin = 0, end = 0, counted = 0;
};

/// The windows of a text: one of `context` tokens every `stride` tokens, and the last ends where the text does. So each
/// token but the first is counted once, and behind the first window with context - stride tokens before it or more.
/// 1 ≤ stride < context.
std::vector<ScoreWindow> score_windows(size_t text, size_t tokens, size_t context, size_t stride);

struct TextScore {
  std::vector<double> logprobs;  ///< [tokens - 1] natural log-probability of token i + 1 in its window
  double sum = 0;                ///< of them
  int windows = 0;
  int64_t read = 0;  ///< tokens of all windows
};

struct ScoreTextsOptions {
  int stride = 0;                                                         ///< of windows; 0: half the context
  std::function<bool()> go_on = {};                                       ///< asked before each step; false: stop
  std::function<void(int64_t read, int64_t total)> progress = {};         ///< tokens of all windows, after each step
  std::function<void(size_t text, const TextScore& score)> on_text = {};  ///< once for each text, in their order
};

/// Reads the windows of all texts, as many at once as there are places, pages and tokens of a step. Where rows give the
/// same bits in any batch, the numbers are those of each text alone. False: it was told to stop. Errors: a text without
/// tokens, an id outside the vocabulary, logits that are NaN or infinite, no memory for a single window.
Result<bool> score_texts(ModelExecutor& executor, std::span<const std::vector<int32_t>> texts,
                         const ScoreTextsOptions& options);

}  // namespace mxpath
