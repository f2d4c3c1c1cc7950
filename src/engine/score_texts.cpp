#include "engine/score_texts.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

#include "base/text.h"
#include "engine/generate.h"
#include "engine/score.h"
#include "model/not_finite.h"
#include "plan/workspace.h"

namespace mxpath {
namespace {

/// A window that is being read.
struct Reading {
  ScoreWindow window;
  int sequence = 0;
  size_t at = 0;  // tokens of the text, up to which it has been read
  int64_t pages = 0;
};

/// A row of logits that is wanted: that after `position`, in the `token`-th place of the step.
struct Row {
  int token = 0;
  const Reading* reading = nullptr;
  size_t position = 0;
};

class Scoring {
 public:
  Scoring(ModelExecutor& executor, std::span<const std::vector<int32_t>> texts, const ScoreTextsOptions& options)
      : executor_(executor), texts_(texts), options_(options), scores_(texts.size()), left_(texts.size()) {
    const size_t context = static_cast<size_t>(executor.context()),
                 stride = options.stride > 0 ? static_cast<size_t>(options.stride) : std::max<size_t>(context / 2, 1);
    for (size_t i = 0; i < texts.size(); ++i)
      for (const ScoreWindow& window : score_windows(i, texts[i].size(), context, stride)) add(window);
  }
  ~Scoring() { close_all(); }
  Scoring(const Scoring&) = delete;
  Scoring& operator=(const Scoring&) = delete;

  Result<bool> run() {
    for (hand_out(); next_ < windows_.size() || !reading_.empty(); hand_out()) {
      if (options_.go_on && !options_.go_on()) return false;
      MXPATH_CHECK(step());
      if (options_.progress) options_.progress(read_, total_);
    }
    return true;
  }

 private:
  void add(const ScoreWindow& window) {
    windows_.push_back(window);
    TextScore& score = scores_[window.text];
    score.logprobs.resize(texts_[window.text].size() - 1);
    score.read += static_cast<int64_t>(window.end - window.begin), ++score.windows, ++left_[window.text];
    total_ += static_cast<int64_t>(window.end - window.begin);
  }
  /// By worst case, so that nobody who has begun stands still.
  Result<bool> begin_next() {
    if (next_ == windows_.size() || std::ssize(reading_) == executor_.most_sequences()) return false;
    const ScoreWindow& window = windows_[next_];
    const int64_t pages = executor_.pages_for(static_cast<int64_t>(window.end - window.begin));
    int64_t held = 0;
    for (const Reading& one : reading_) held += one.pages;
    if (held + pages > executor_.pages() && !reading_.empty()) return false;
    MXPATH_TRY(const int sequence, executor_.open_empty());
    reading_.push_back({window, sequence, window.begin, pages});
    ++next_;
    return true;
  }
  Result<std::vector<StepPart>> form() {
    std::vector<StepPart> parts;
    size_t room = static_cast<size_t>(executor_.most_tokens());
    for (size_t i = 0; room > 0; ++i) {
      if (i == reading_.size()) {
        MXPATH_TRY(const bool begun, begin_next());
        if (!begun) break;
      }
      const Reading& one = reading_[i];
      const size_t count = std::min(room, one.window.end - one.at);
      parts.push_back({one.sequence, std::span(texts_[one.window.text]).subspan(one.at, count), false});
      room -= count;
    }
    return parts;
  }
  /// Those whose next token is counted in their window.
  std::vector<Row> rows_of(std::span<const StepPart> parts) const {
    std::vector<Row> rows;
    for (size_t i = 0; i < parts.size(); ++i) {
      const Reading& one = reading_[i];
      for (size_t j = 0; j < parts[i].tokens.size(); ++j) {
        const size_t position = one.at + j, next = position + 1;
        if (next >= one.window.counted && next < one.window.end)
          rows.push_back({executor_.start_of(i) + static_cast<int>(j), &one, position});
      }
    }
    std::ranges::sort(rows, {}, &Row::token);
    return rows;
  }
  Status step() {
    MXPATH_TRY(const std::vector<StepPart> parts, form());
    MXPATH_CHECK(executor_.step(parts));
    const std::vector<Row> rows = rows_of(parts);
    const size_t at_once = static_cast<size_t>(logit_rows_of(executor_.model().plan));
    for (size_t begin = 0, end; begin < rows.size(); begin = end) {
      for (end = begin + 1; end < rows.size() && end - begin < at_once && rows[end].token == rows[end - 1].token + 1;)
        ++end;
      MXPATH_CHECK(look_at(std::span(rows).subspan(begin, end - begin)));
    }
    for (size_t i = 0; i < parts.size(); ++i) {
      reading_[i].at += parts[i].tokens.size(), read_ += std::ssize(parts[i].tokens);
      if (reading_[i].at == reading_[i].window.end) executor_.close(reading_[i].sequence);
    }
    std::erase_if(reading_, [this](const Reading& one) {
      const bool done = one.at == one.window.end;
      if (done) --left_[one.window.text];
      return done;
    });
    return {};
  }
  /// Rows that follow each other.
  Status look_at(std::span<const Row> rows) {
    MXPATH_TRY(const auto logits, executor_.logits_of_tokens(rows.front().token, static_cast<int>(rows.size())));
    const size_t vocab = logits.size() / rows.size();
    std::vector<uint8_t> broken(rows.size());
    executor_.threads().for_range(rows.size(), 1, [&](size_t begin, size_t end, int) {
      for (size_t r = begin; r < end; ++r) {
        const auto z = logits.subspan(r * vocab, vocab);
        const size_t text = rows[r].reading->window.text, position = rows[r].position;
        broken[r] = first_not_finite(z) < vocab;
        if (!broken[r])
          scores_[text].logprobs[position] =
              static_cast<double>(z[static_cast<size_t>(texts_[text][position + 1])]) - log_sum_exp(z);
      }
    });
    const auto bad = std::ranges::find(broken, uint8_t{1});
    return bad == broken.end() ? Status() : not_finite(rows[static_cast<size_t>(bad - broken.begin())]);
  }
  Error not_finite(const Row& row) {
    const ScoreWindow window = row.reading->window;
    const size_t count = row.position + 1 - window.begin;
    close_all();  // its pages are needed to read the text again
    return executor_.not_finite(std::span(texts_[window.text]).subspan(window.begin, count));
  }
  void close_all() {
    for (const Reading& one : reading_) executor_.close(one.sequence);
    reading_.clear();
  }
  void hand_out() {
    for (; done_ < texts_.size() && left_[done_] == 0; ++done_) {
      TextScore& score = scores_[done_];
      score.sum = std::accumulate(score.logprobs.begin(), score.logprobs.end(), 0.0);
      if (options_.on_text) options_.on_text(done_, score);
      score = {};
    }
  }

  ModelExecutor& executor_;
  std::span<const std::vector<int32_t>> texts_;
  const ScoreTextsOptions& options_;
  std::vector<ScoreWindow> windows_;
  std::vector<TextScore> scores_;  // [texts]
  std::vector<int> left_;          // [texts] windows that have not been read
  std::vector<Reading> reading_;
  size_t next_ = 0, done_ = 0;
  int64_t read_ = 0, total_ = 0;
};

}  // namespace

std::vector<ScoreWindow> score_windows(size_t text, size_t tokens, size_t context, size_t stride) {
  std::vector<ScoreWindow> windows;
  for (size_t begin = 0, counted = 1;; begin += stride) {
    const size_t end = std::min(begin + context, tokens);
    windows.push_back({text, begin, end, counted});
    if (end == tokens) return windows;
    counted = end;
  }
}

Result<bool> score_texts(ModelExecutor& executor, std::span<const std::vector<int32_t>> texts,
                         const ScoreTextsOptions& options) {
  if (options.stride >= executor.context())
    return wrong_use("windows of {} that begin every {} would leave tokens out; choose less than the context",
                     plural(executor.context(), "token"), options.stride);
  for (const std::vector<int32_t>& text : texts)
    MXPATH_CHECK(check_prompt(text, std::numeric_limits<int>::max(), executor.model().config));
  return Scoring(executor, texts, options).run();
}

}  // namespace mxpath
