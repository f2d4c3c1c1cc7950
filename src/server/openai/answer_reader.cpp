#include "server/openai/answer_reader.h"

#include <array>
#include <utility>

#include "server/openai/visible_text.h"

namespace mxpath::openai {
namespace {

AnswerFormat format_of(const Tokenizer& tokenizer, const Question& question) {
  if (question.harmony) return harmony_format(tokenizer);
  const SpecialTokens& special = tokenizer.special();
  const std::array stops = {special.end_of_text, special.return_};
  return raw_format(stops);
}

ApiError server_error(const Error& error) { return {.status = 500, .message = error.message, .type = "server_error"}; }

}  // namespace

struct AnswerReader::State {
  State(const Tokenizer& of, const Question& asked)
      : tokenizer(of),
        question(asked),
        trail(of, !asked.harmony),
        visible(asked.stop),
        builder(of, format_of(of, asked), [this](const Delta& delta) { take(delta); }) {}

  void begin_final();
  void take(const Delta& delta);
  void begin_message(const Delta& delta);
  void take_visible(const Delta& delta);
  void add(Piece piece) { pieces.push_back(std::move(piece)); }
  Piece::Kind kind_of(const Delta& delta) const;
  std::string_view function_of(const Delta& delta) const;
  AnswerEnd end(EndReason reason, const Error& error) const;

  const Tokenizer& tokenizer;
  const Question& question;
  std::vector<Token> tokens;  // of the answer
  size_t seeded = 0;          // tokens that the prompt holds, and the builder heard
  std::vector<Piece> pieces;  // not told yet

  // Of the message that is being told.
  Piece::Kind kind = Piece::Kind::text;
  int message = -1, call = -1;
  bool begins = false;      // nothing of it was told
  size_t message_from = 0;  // tokens that had come when the one before it ended
  TokenTrail trail;
  VisibleText visible;

  size_t reasoning_tokens = 0;
  bool over = false;
  AnswerBuilder builder;  // last: it tells what it hears at once
};

// The prompt ends with the header of channel final. A <|message|> that the answer begins with does no harm.
void AnswerReader::State::begin_final() {
  std::vector<Token> header = tokenizer.encode("final");
  header.insert(header.begin(), tokenizer.special().channel);
  header.push_back(tokenizer.special().message);
  seeded = header.size();
  for (const Token token : header) {
    trail.add(token, 0, {});
    builder.hear(token);
  }
  message_from = seeded;
}

std::string_view AnswerReader::State::function_of(const Delta& delta) const {
  if (question.tool_choice == ToolChoice::none && !question.functions.empty()) return {};
  return called_function(delta.recipient, question.functions);
}

// What is said to a tool that is not there is no text for the user.
Piece::Kind AnswerReader::State::kind_of(const Delta& delta) const {
  if (!delta.recipient.empty() && delta.recipient != "all")
    return function_of(delta).empty() ? Piece::Kind::reasoning : Piece::Kind::arguments;
  if (delta.channel == "analysis") return Piece::Kind::reasoning;
  return delta.channel == "commentary" ? Piece::Kind::preamble : Piece::Kind::text;
}

void AnswerReader::State::begin_message(const Delta& delta) {
  kind = kind_of(delta);
  ++message;
  begins = true;
  visible = VisibleText(question.stop);
  if (kind != Piece::Kind::arguments) return;
  ++call;
  begins = false;
  add({.kind = Piece::Kind::call,
       .text = std::string(function_of(delta)),
       .message = message,
       .call = call,
       .begins = true});
}

void AnswerReader::State::take(const Delta& delta) {
  if (visible.stopped()) return;
  if (delta.begins || message < 0) begin_message(delta);
  if (kind == Piece::Kind::text || kind == Piece::Kind::preamble) {
    take_visible(delta);
  } else {
    (void)trail.take(delta.tokens, delta.text.size());
    if (begins || delta.ends || !delta.text.empty())
      add({.kind = kind,
           .text = std::string(delta.text),
           .message = message,
           .call = kind == Piece::Kind::arguments ? call : -1,
           .begins = std::exchange(begins, false),
           .ends = delta.ends});
  }
  if (!delta.ends) return;
  if (kind == Piece::Kind::reasoning) reasoning_tokens += delta.tokens - message_from;
  message_from = delta.tokens;
}

void AnswerReader::State::take_visible(const Delta& delta) {
  auto logprobs = question.top ? trail.take(delta.tokens, delta.text.size()) : std::vector<TextLogprob>();
  auto shown = visible.push(delta.text, std::move(logprobs));
  if (delta.ends) {
    auto rest = visible.flush();
    shown.text += rest.text;
    shown.logprobs.insert(shown.logprobs.end(), std::make_move_iterator(rest.logprobs.begin()),
                          std::make_move_iterator(rest.logprobs.end()));
  }
  over |= visible.stopped();
  const bool ends = delta.ends || visible.stopped();
  if (!begins && !ends && shown.text.empty()) return;
  add({.kind = kind,
       .text = std::move(shown.text),
       .message = message,
       .begins = std::exchange(begins, false),
       .ends = ends,
       .logprobs = std::move(shown.logprobs)});
}

AnswerEnd AnswerReader::State::end(EndReason reason, const Error& error) const {
  AnswerEnd out;
  out.new_tokens = static_cast<int>(tokens.size());
  out.reasoning_tokens = static_cast<int>(reasoning_tokens);
  out.stopped_by_text = visible.stopped();
  if (over || reason == EndReason::stop_token) {
    out.finish = call >= 0 ? Finish::tool_calls : Finish::stop;
  } else if (reason == EndReason::error) {
    out.finish = Finish::error;
    out.error = server_error(error);
  } else {
    out.finish = reason == EndReason::cancelled ? Finish::cancelled : Finish::length;
  }
  return out;
}

AnswerReader::AnswerReader(const Tokenizer& tokenizer, const Question& question)
    : state_(std::make_unique<State>(tokenizer, question)) {
  if (question.harmony && question.skip_reasoning) state_->begin_final();
}

AnswerReader::~AnswerReader() = default;

std::vector<Piece> AnswerReader::hear(Token token, float logprob, std::span<const std::pair<Token, float>> top) {
  State& s = *state_;
  if (s.over) return {};
  s.tokens.push_back(token);
  if (s.question.top) s.trail.add(token, logprob, top);
  s.over |= s.builder.hear(token);
  return std::exchange(s.pieces, {});
}

bool AnswerReader::over() const { return state_->over; }

std::pair<std::vector<Piece>, AnswerEnd> AnswerReader::finish(EndReason reason, const Error& error) {
  State& s = *state_;
  Answer answer;
  answer.generation.tokens = s.tokens;
  s.builder.finish(answer);
  return {std::exchange(s.pieces, {}), s.end(reason, error)};
}

}  // namespace mxpath::openai
