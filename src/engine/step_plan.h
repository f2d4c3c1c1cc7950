// Which tokens a step reads: a budget of time, shared out fairly. Pure.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// Chunks of a prompt end at multiples of it where they can: it is a page of keys and values.
inline constexpr int chunk_border = 64;
/// Tokens that a second of waiting counts for, when the prompt with the fewest left goes first.
inline constexpr double ageing_tokens = 64;

/// The longest that a step may take, in seconds, while answers wait for it: two steps of answers alone, or 100 ms where
/// that is longer.
double usual_step_target(double decode_seconds);

/// Prompt tokens that a step may read: the most, up to `most`, with seconds(tokens) ≤ target; `seconds` must not fall.
/// One even where none fits, so that no prompt waits for ever. 0: `most` is.
int reading_budget(const std::function<double(int tokens)>& seconds, double target, int most);

/// A sequence with a prompt to read.
struct Reader {
  int64_t held = 0;           ///< tokens that it has read
  int64_t left = 1;           ///< tokens that it must still read
  double waited = 0;          ///< seconds since it came
  int priority = 0;           ///< higher goes first
  std::string_view key = {};  ///< of its caller
};

struct Shares {
  std::vector<int> tokens;     ///< [readers] to read in this step
  std::string_view first_key;  ///< the caller who was served first; that of a reader
};

/// Shares out a budget of tokens. Higher priorities take what they can. Among equals, callers take turns, beginning
/// with the one after `after`; of each caller the prompt with the fewest tokens left goes first, where waiting counts
/// like tokens read. A prompt gets a quarter of the budget at a time, or chunk_border tokens where that is more and the
/// budget holds them; what is left when all had theirs goes round again.
Shares share_out(std::span<const Reader> readers, int budget, std::string_view after);

/// How much longer something takes than predicted, smoothed: 1 until something was noted.
class Correction {
 public:
  double ratio() const { return ratio_; }
  /// One outlier, such as a first step that loads kernels, moves it by half at most. Times in seconds; those that are
  /// not above 0 are left out.
  void note(double predicted, double took);

 private:
  double ratio_ = 1;
};

}  // namespace mxpath
