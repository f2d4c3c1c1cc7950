#include "server/turn.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/error_reply.h"
#include "server/openai/reply_parts.h"

namespace mxpath::server {
namespace {

/// What is wrong with a prompt that can never run: its length, or a value.
std::string code_of(const Error& error) { return error.kind == ErrorKind::wrong_use ? "" : "context_length_exceeded"; }

openai::ApiError error_of(const Error& error, NotTaken why, Wording wording) {
  std::string sentence = in_words(error.message, wording);
  switch (why) {
    case NotTaken::wrong: return {.message = std::move(sentence), .code = code_of(error)};
    case NotTaken::queue_full: return queue_full(std::move(sentence), 1);
    case NotTaken::ended: break;
  }
  return unavailable(std::move(sentence), "engine_ended", 30);
}

/// What a header may hold.
std::string header_text(const std::vector<std::string>& sentences) {
  std::string out;
  for (const std::string& sentence : sentences) {
    if (!out.empty()) out += "; ";
    for (const char c : sentence) out += c >= ' ' && c <= '~' ? c : '?';
  }
  return out.substr(0, 1000);
}

Told told_of(const Event& event) {
  if (const auto* end = std::get_if<Ended>(&event.what)) return *end;
  const auto& token = std::get<NewToken>(event.what);
  return ToldToken{token.token, token.logprob, {token.top.begin(), token.top.end()}};
}

}  // namespace

Turn::Turn(TurnContext context, TurnParts parts) : context_(std::move(context)), parts_(std::move(parts)) {
  const auto each = static_cast<size_t>(choices());
  for (size_t i = 0; i < parts_.prompts.size() * each; ++i)
    answers_.push_back({std::make_unique<openai::AnswerReader>(context_.tokenizer, *parts_.question)});
  guides_.resize(parts_.prompts.size());
  for (auto& guides : guides_) guides.resize(each);
  ids_.resize(parts_.prompts.size());
  if (parts_.rules) nothing_.resize((static_cast<size_t>(context_.grammars->vocab()) + 31) / 32);
  open_ = answers_.size();
}

Turn::~Turn() = default;

const uint32_t* Turn::mask(size_t prompt, int choice, std::span<const int32_t> answer) {
  try {
    auto& guide = guides_[prompt][static_cast<size_t>(choice)];
    if (!guide) guide = grammar::AnswerGuide::create(context_.grammars, parts_.rules);
    return guide->mask(answer);
  } catch (const std::exception&) {  // no memory: an answer without its rules would be worse than none
    return nothing_.data();
  }
}

/// On the thread of the steps, which may not be thrown at. No event: some of the prompt was read.
void Turn::put(int prompt, const Event* event) noexcept {
  try {
    context_.outbox.put({shared_from_this(), prompt, event ? event->choice : 0, seconds_now(),
                         event ? told_of(*event) : Told(std::monostate())});
  } catch (const std::exception&) {  // no memory
    broken_ = true;
  }
}

Request Turn::request_for(size_t prompt) {
  const openai::Question& question = *parts_.question;
  Request request;
  request.prompt = parts_.prompts[prompt];
  request.max_new_tokens = parts_.max_new_tokens;
  const int most = parts_.most_new_tokens;
  if (most > 0 && (request.max_new_tokens == 0 || request.max_new_tokens > most)) request.max_new_tokens = most;
  request.stop_tokens = parts_.stop_tokens;
  request.sampling = question.sampling;
  request.largest_token = parts_.largest_token;
  request.priority = question.priority;
  request.key = parts_.key;
  request.salt = parts_.salt;
  request.choices = choices();
  request.top = question.top;
  auto self = shared_from_this();
  const auto index = static_cast<int>(prompt);
  if (parts_.rules)
    request.mask = [this, self, prompt](int choice, std::span<const int32_t> answer) {
      return mask(prompt, choice, answer);
    };
  request.on_event = [this, self, index](const Event& event) { put(index, &event); };
  request.on_read = [this, self, index](int64_t) { put(index, nullptr); };
  return request;
}

Result<void, openai::ApiError> Turn::submit() {
  const std::lock_guard lock(submitting_);
  for (size_t prompt = 0; prompt < parts_.prompts.size(); ++prompt) {
    NotTaken why = NotTaken::wrong;
    const auto id = context_.scheduler.submit(request_for(prompt), &why);
    if (!id.ok()) {
      refused_ = true;
      for (size_t before = 0; before < prompt; ++before) context_.scheduler.cancel(ids_[before]);
      return error_of(id.error(), why, context_.wording);
    }
    ids_[prompt] = *id;
  }
  submitted_ = true;
  if (cancelled_)
    for (const RequestId id : ids_) context_.scheduler.cancel(id);
  return {};
}

void Turn::cancel() {
  cancelled_ = true;
  if (!submitted_) return;
  for (const RequestId id : ids_) context_.scheduler.cancel(id);
}

void Turn::begin() {
  if (begun_ || over_) return;
  begun_ = true;
  status_ = 200;
  std::string first = parts_.writer->begin();
  if (!parts_.question->stream) return;
  parts_.exchange->begin_stream(headers());
  pending_ += first;
}

void Turn::hear_safely(const TurnEvent& event) noexcept {
  try {
    if (broken_) return fail(openai::own_fault("bad_alloc"));
    hear(event);
  } catch (const std::exception&) {  // not even an error can be told
    cancel();
    if (parts_.question->stream && begun_) parts_.exchange->end_stream(false);
    else parts_.exchange->reply({500, {}, "application/json", {}});
    over_ = true;
  }
}

void Turn::hear(const TurnEvent& event) {
  { const std::lock_guard until_submitted(submitting_); }
  if (over_ || refused_) return;
  const auto* end = std::get_if<Ended>(&event.what);
  if (!end) reading_ = true;
  if (!end || end->reason != EndReason::error) begin();  // what fails before its first byte has a status of its own
  const int index = event.prompt * choices() + event.choice;
  Answer& answer = answers_[static_cast<size_t>(index)];
  if (const auto* token = std::get_if<ToldToken>(&event.what)) hear_token(answer, index, event, *token);
  else if (end) hear_end(answer, index, *end);
}

void Turn::tell(Answer& answer, int index, std::span<const openai::Piece> pieces) {
  for (const openai::Piece& piece : pieces)
    if (piece.kind == openai::Piece::Kind::reasoning) answer.reasoning += piece.text;
  if (!pieces.empty()) pending_ += parts_.writer->pieces(index, pieces);
}

void Turn::hear_token(Answer& answer, int index, const TurnEvent& event, const ToldToken& token) {
  if (answer.ended || answer.reader->over()) return;
  if (first_token_ < 0) first_token_ = event.at;
  if (answer.last_token >= 0) context_.metrics.between_tokens(event.at - answer.last_token);
  answer.last_token = event.at;
  tell(answer, index, answer.reader->hear(token.token, token.logprob, token.top));
  if (answer.reader->over()) context_.scheduler.cancel(ids_[static_cast<size_t>(event.prompt)], event.choice);
}

void Turn::hear_end(Answer& answer, int index, const Ended& ended) {
  if (std::exchange(answer.ended, true)) return;
  --open_;
  EndReason reason = ended.reason;
  if (reason == EndReason::cancelled && time_is_up_) reason = EndReason::length;
  if (reason == EndReason::cancelled && !answer.reader->over() && !cancelled_) return fail(server_ends());
  const Error error{in_words(ended.error.message, context_.wording), ended.error.kind};
  const auto [pieces, end] = answer.reader->finish(reason, error);
  tell(answer, index, pieces);
  if (end.error) return fail(*end.error);
  pending_ += parts_.writer->end(index, end);
  if (end.finish == openai::Finish::length && end_.warnings.empty())
    if (std::string why = why_cut(reason); !why.empty()) end_.warnings.push_back(std::move(why));
  if (index % choices() == 0) {
    end_.prompt_tokens += ended.prompt_tokens;
    end_.cached_tokens += ended.reused_tokens;
    end_.written_tokens += ended.prompt_tokens - ended.reused_tokens;
    end_.queue_seconds = std::max(end_.queue_seconds, ended.queue_seconds);
    end_.prompt_seconds = std::max(end_.prompt_seconds, ended.prompt_seconds);
  }
  end_.new_tokens += end.new_tokens;
  end_.reasoning_tokens += end.reasoning_tokens;
  end_.answer_seconds = std::max(end_.answer_seconds, ended.answer_seconds);
  if (open_ == 0) finish();
}

/// Why an answer ended before its model ended it; "": it has the length that was asked for.
std::string Turn::why_cut(EndReason reason) const {
  if (time_is_up_) return fmt::format("the answer was cut: this server answers for {} s at most", parts_.seconds_limit);
  if (reason == EndReason::context)
    return fmt::format("the answer was cut: prompt and answer fill the context of {}", plural(parts_.context, "token"));
  if (parts_.max_new_tokens == 0 && parts_.most_new_tokens > 0)
    return fmt::format("the answer was cut: this server gives answers of {} at most",
                       plural(parts_.most_new_tokens, "token"));
  return "";
}

/// Of the reply as far as it is known.
http::Headers Turn::headers() const {
  http::Headers all = parts_.headers;
  std::vector<std::string> warnings = parts_.question->warnings;
  warnings.insert(warnings.end(), end_.warnings.begin(), end_.warnings.end());
  if (!warnings.empty()) all.emplace_back("X-Mxpath-Warnings", header_text(warnings));
  return all;
}

void Turn::finish() {
  if (parts_.report) end_.report = parts_.report(end_);
  pending_ += parts_.writer->finish(end_);
  went_well_ = true;
  if (parts_.question->stream) {
    flush();
    parts_.exchange->end_stream();
  } else if (!cancelled_) {
    parts_.exchange->reply({.body = openai::one_line(parts_.writer->whole()), .headers = headers()});
  }
  set_over(cancelled_ ? "abort" : time_is_up_ ? "length" : "stop");
}

void Turn::reply_error(const openai::ApiError& error) {
  http::Reply reply = error_reply(error);
  const http::Headers more = headers();
  reply.headers.insert(reply.headers.end(), more.begin(), more.end());
  status_ = error.status;
  context_.metrics.rejected(error.status);
  parts_.exchange->reply(std::move(reply));
}

void Turn::fail(const openai::ApiError& error) {
  if (over_) return;
  cancel();
  if (parts_.question->stream && begun_) {
    pending_ += parts_.writer->fail(error);
    flush();
    parts_.exchange->end_stream(false);
  } else {
    reply_error(error);
  }
  set_over("error");
}

void Turn::cut(const openai::ApiError& why) { fail(why); }

std::string_view Turn::phase() const {
  if (first_token_ >= 0) return "decode";
  return reading_ ? "prefill" : "queue";
}

void Turn::set_over(std::string_view reason) {
  if (std::exchange(over_, true)) return;
  for (auto& guides : guides_)
    for (auto& guide : guides)
      if (guide && open_ == 0) context_.metrics.masks(guide->cost().first, guide->cost().second);
  EndedRequest ended{.reason = cancelled_ && reason != "error" ? "abort" : reason,
                     .prompt_tokens = end_.prompt_tokens,
                     .cached_tokens = end_.cached_tokens,
                     .new_tokens = end_.new_tokens};
  if (cancelled_ && reason != "error") ended.phase = phase();
  ended.queue_seconds = end_.queue_seconds;
  ended.prompt_seconds = end_.prompt_seconds;
  ended.answer_seconds = end_.answer_seconds;
  ended.first_token_seconds = first_token_ < 0 ? -1 : first_token_ - parts_.arrived;
  ended.whole_seconds = seconds_now() - parts_.arrived;
  context_.metrics.ended(ended);
  if (parts_.on_over) parts_.on_over(*this);
}

void Turn::flush() {
  if (pending_.empty()) return;
  if (parts_.question->stream && begun_) parts_.exchange->send(std::exchange(pending_, {}));
  pending_.clear();
}

void Turn::look_at_clock(double now, double max_wait) {
  if (over_) return;
  if (max_wait > 0 && !reading_ && !begun_ && now - parts_.arrived > max_wait)
    return fail(queue_full(fmt::format("no place was free for {} seconds; try again later", max_wait),
                           static_cast<int>(max_wait) + 1));
  if (parts_.seconds_limit <= 0 || time_is_up_ || now - parts_.arrived < parts_.seconds_limit) return;
  time_is_up_ = true;
  for (const RequestId id : ids_) context_.scheduler.cancel(id);
}

}  // namespace mxpath::server
