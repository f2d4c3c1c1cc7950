// What `mxpath score` says.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "base/json_fwd.h"
#include "chat/tokenizer.h"
#include "engine/session.h"

namespace mxpath {

/// exp(-mean logprob), at most the largest double; none for a single token.
std::optional<double> perplexity(const Score& score);
/// The same from the sum of so many log-probabilities.
std::optional<double> perplexity(double sum, int64_t count);

/// {"tokens": [n], "logprobs": [n - 1], "top": [n][[id, logprob]…], "perplexity": x}; "top" only where it was asked
/// for, perplexity null for a single token.
Json score_json(std::span<const Token> tokens, const Score& score);
/// A table: place, id, text, logprob and the most likely tokens before it.
std::string score_text(std::span<const Token> tokens, const Score& score, const Tokenizer& tokenizer);

}  // namespace mxpath
