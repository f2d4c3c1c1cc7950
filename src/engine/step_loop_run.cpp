// One step: what it reads, the run, what came of it.
#include <algorithm>

#include "base/text.h"
#include "engine/step_loop.h"

namespace mxpath {
namespace {

/// Steps that fail one after the other before the executor is taken for lost.
constexpr int failures_of_the_lost = 3;

/// Half of a chunk that begins at `begin`, to a border if it has one.
int64_t half(int64_t begin, int64_t tokens) {
  const int64_t end = begin + tokens / 2, border = end / chunk_border * chunk_border;
  return (border > begin ? border : end) - begin;
}

}  // namespace

void StepLoop::add_part(Step& step, Choice& choice, int64_t tokens) {
  step.choices.push_back(&choice);
  const auto rest = std::span(choice.text).subspan(static_cast<size_t>(choice.read));
  step.parts.push_back({choice.sequence, rest.first(static_cast<size_t>(tokens)), tokens == choice.unread()});
}

StepLoop::Step StepLoop::form() {
  counts_.target = 0;
  for (;;) {
    Step step;
    for (Choice* choice : running_)
      if (choice->unread() == 1) add_part(step, *choice, 1);
    step.decoding = static_cast<int>(step.parts.size());
    const bool room = step.parts.empty() || executor_.has_room(step.parts);
    if (room) add_chunks(step);
    if (room && (!step.parts.empty() || running_.empty())) return step;
    give_way();
  }
}

int StepLoop::reading_tokens(int decoding) {
  const int most = executor_.most_tokens() - decoding;
  if (decoding == 0) return most;
  const double decode_seconds = executor_.predicted_seconds(decoding, 0) * of_decoding_.ratio();
  counts_.target = options_.step_target > 0 ? options_.step_target : usual_step_target(decode_seconds);
  const auto seconds = [&](int tokens) { return executor_.predicted_seconds(decoding, tokens) * of_reading_.ratio(); };
  return reading_budget(seconds, counts_.target, most);
}

void StepLoop::add_chunks(Step& step) {
  std::vector<Reader> readers;
  std::vector<Choice*> choices;
  const double time = now();
  for (Choice* c : running_) {
    if (c->unread() == 1) continue;
    const Request& request = c->of->request;
    // Before the fork the last token of the prompt is left to each choice.
    const int64_t left = c->unread() - (c->of->forked || request.choices == 1 ? 0 : 1);
    readers.push_back({c->read, left, time - c->of->submitted, request.priority, request.key});
    choices.push_back(c);
  }
  if (readers.empty()) return;
  const Shares shares = share_out(readers, reading_tokens(step.decoding), last_reader_);
  last_reader_ = shares.first_key;
  for (size_t i = 0; i < choices.size(); ++i)
    if (shares.tokens[i] > 0) add_part(step, *choices[i], shares.tokens[i]);
  fit_chunks(step);
}

/// Shortens and drops chunks from the back until there is room for all.
void StepLoop::fit_chunks(Step& step) {
  const auto answers = static_cast<size_t>(step.decoding);
  while (step.parts.size() > answers && !executor_.has_room(step.parts)) {
    Choice& last = *step.choices.back();
    const int64_t fewer = half(last.read, std::ssize(step.parts.back().tokens));
    step.parts.pop_back(), step.choices.pop_back();
    if (fewer > 0) add_part(step, last, fewer);
  }
  for (size_t i = answers; i < step.parts.size(); ++i) step.reading += static_cast<int>(step.parts[i].tokens.size());
}

Result<std::vector<Sampled>> StepLoop::compute(const Step& step) {
  MXPATH_CHECK(executor_.step(step.parts));
  std::vector<SampleChoice> rows;
  for (size_t i = 0; i < step.parts.size(); ++i) {
    if (!step.parts[i].wants_logits) continue;
    const Choice& choice = *step.choices[i];
    const Request& request = choice.of->request;
    SampleChoice row{.options = request.sampling, .largest_token = request.largest_token, .top = request.top};
    row.choice = static_cast<uint64_t>(choice.number), row.index = choice.answer().size(), row.seen = choice.answer();
    if (request.mask) row.mask = request.mask(choice.number, choice.answer());
    rows.push_back(row);
  }
  if (rows.empty()) return std::vector<Sampled>();
  MXPATH_TRY(auto sampled, executor_.sample(rows));
  if (sampled.size() != rows.size())
    return fail("{} wanted, {} chosen; this is a mistake in mxpath", plural(rows.size(), "token"), sampled.size());
  return sampled;
}

void StepLoop::run(const Step& step) {
  Correction& correction = step.reading > 0 ? of_reading_ : of_decoding_;
  const double predicted = executor_.predicted_seconds(step.decoding, step.reading), begin = now();
  counts_.predicted = predicted * correction.ratio();
  counts_.decoding = step.decoding, counts_.reading = step.reading;
  ++counts_.steps;
  const auto sampled = compute(step);
  if (!sampled.ok()) return fail_step(step, sampled.error());
  const double seconds = now() - begin;
  correction.note(predicted, seconds);
  if (options_.on_step) options_.on_step(step.decoding, step.reading, seconds);
  failed_in_a_row_ = 0;
  hand_out(step, *sampled);
}

void StepLoop::fail_step(const Step& step, const Error& error) {
  ++counts_.failed_steps;
  if (++failed_in_a_row_ >= failures_of_the_lost) {
    dead_ = fail("{} steps failed one after the other, the last because {}; load the model again", failed_in_a_row_,
                 error.message);
  }
  for (Choice* choice : step.choices) end_request(*choice->of, EndReason::error, error);
  if (dead_) end_all(EndReason::error, *dead_);
}

void StepLoop::hand_out(const Step& step, std::span<const Sampled> sampled) {
  for (size_t i = 0; i < step.parts.size(); ++i) {
    Choice& choice = *step.choices[i];
    choice.read += std::ssize(step.parts[i].tokens);
    RunningRequest& request = *choice.of;
    const bool whole = choice.read >= std::ssize(request.request.prompt);
    if (!whole && request.request.on_read) request.request.on_read(choice.read);
    const bool prompt_ends = whole && choice.kept < std::ssize(request.request.prompt);
    if (!request.request.reread && (prompt_ends || choice.read - choice.kept >= tokens_between_checkpoints))
      keep(choice);
  }
  size_t row = 0;
  for (size_t i = 0; i < step.parts.size(); ++i) {
    if (!step.parts[i].wants_logits) continue;
    const Sampled& next = sampled[row++];
    Choice& choice = *step.choices[i];
    if (choice.state != Choice::State::running) continue;  // an event before ended its request
    if (hooks_.is_cancelled && hooks_.is_cancelled(choice.of->id)) end_request(*choice.of, EndReason::cancelled);
    else hear(choice, next);
  }
}

std::optional<EndReason> StepLoop::end_of(const Choice& choice, int32_t token) const {
  const Request& request = choice.of->request;
  if (std::ranges::count(request.stop_tokens, token) > 0) return EndReason::stop_token;
  if (request.max_new_tokens > 0 && std::ssize(choice.answer()) >= request.max_new_tokens) return EndReason::length;
  if (std::ssize(choice.text) >= executor_.context()) return EndReason::context;
  return {};
}

void StepLoop::hear(Choice& choice, const Sampled& sampled) {
  RunningRequest& request = *choice.of;
  const auto index = static_cast<int>(choice.answer().size());
  if (sampled.token == Sampled::nothing_allowed)
    return end_request(request, EndReason::error, fail("nothing may follow token {} of the answer", index));
  if (sampled.token < 0) return end_request(request, EndReason::error, executor_.not_finite(choice.read_text()));
  if (choice.answered < 0) choice.answered = now();
  choice.text.push_back(sampled.token);
  if (std::ssize(choice.text) >= choice.limit && request.request.max_new_tokens == 0)
    choice.limit = std::min<int64_t>(executor_.context(), choice.limit + options_.answer_reserve);
  const Request& r = request.request;
  if (r.on_event) r.on_event({request.id, choice.number, NewToken{index, sampled.token, sampled.logprob, sampled.top}});
  if (const auto end = end_of(choice, sampled.token)) end_choice(choice, *end);
  else if (r.reread) wait_again(choice, false);
}

}  // namespace mxpath
