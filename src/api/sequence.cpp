#include <mutex>

#include "api/convert.h"
#include "api/engine_state.h"
#include "base/text.h"

namespace mxpath::api {

/// Its pages are in the prefix cache alone: a sequence that waits holds nothing that others need.
struct Sequence::Text {
  explicit Text(std::shared_ptr<const EngineState> engine) : state(std::move(engine)) {}

  const std::shared_ptr<const EngineState> state;
  mutable std::mutex mutex;  // of what follows
  std::vector<int32_t> tokens;
  bool answering = false;

  Status check_rests() const {
    if (!answering) return {};
    return wrong_use("the model is answering this text; wait for the end, or fork it");
  }
  Result<std::vector<int32_t>> begin() {
    const std::lock_guard lock(mutex);
    MXPATH_CHECK(check_rests());
    answering = true;
    return tokens;
  }
  void end(std::span<const int32_t> more) {
    const std::lock_guard lock(mutex);
    tokens.insert(tokens.end(), more.begin(), more.end());
    answering = false;
  }
};

Sequence::Sequence(std::unique_ptr<Text> text) : text_(std::move(text)) {}
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;
Sequence::~Sequence() = default;

Sequence Engine::sequence(std::span<const int32_t> tokens) {
  auto text = std::make_unique<Sequence::Text>(state_);
  text->tokens.assign(tokens.begin(), tokens.end());
  return Sequence(std::move(text));
}

std::vector<int32_t> Sequence::tokens() const {
  const std::lock_guard lock(text_->mutex);
  return text_->tokens;
}

Sequence Sequence::fork() const {
  auto copy = std::make_unique<Text>(text_->state);
  copy->tokens = tokens();
  return Sequence(std::move(copy));
}

Outcome<int> Sequence::append(std::span<const int32_t> tokens) {
  const std::lock_guard lock(text_->mutex);
  if (const Status rests = text_->check_rests(); !rests.ok()) return to_api(rests.error());
  const int vocabulary = text_->state->info.vocabulary;
  for (const int32_t token : tokens)
    if (token < 0 || token >= vocabulary)
      return to_api(fail("token {} is outside the model's vocabulary of {}", token, vocabulary));
  text_->tokens.insert(text_->tokens.end(), tokens.begin(), tokens.end());
  return static_cast<int>(text_->tokens.size());
}

Outcome<Answer> Sequence::generate(const GenerateOptions& options, const OnText& on_text, bool harmony) {
  const auto prompt = text_->begin();
  if (!prompt.ok()) return to_api(prompt.error());
  // Whatever ends the answer, be it what a callback throws.
  struct AtTheEnd {
    Text& text;
    std::vector<int32_t> more = {};
    ~AtTheEnd() { text.end(more); }
  } end{*text_};
  const EngineState& state = *text_->state;
  auto answers = state.answer(*prompt, harmony ? state.harmony() : state.raw(), 1, options, of_one(on_text));
  if (!answers.ok()) return to_api(answers.error());
  end.more = answers->front().answer.generation.tokens;
  return to_api(std::move(answers->front()));
}

}  // namespace mxpath::api
