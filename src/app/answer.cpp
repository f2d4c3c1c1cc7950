#include "app/answer.h"

#include <algorithm>

namespace mxpath {
namespace {

GenerateOptions generate_options(const AnswerOptions& options) {
  GenerateOptions out;
  out.max_new_tokens = options.max_new_tokens;
  out.sampling = options.sampling;
  out.use_cache = options.use_cache;
  out.go_on = options.go_on;
  out.progress = options.progress;
  return out;
}

/// The generation; where it ends in an error, the tokens before that.
Status generate_into(Generation& out, Session& session, std::span<const Token> prompt, GenerateOptions options) {
  std::vector<Token> tokens;
  options.on_token = [&, hear = std::move(options.on_token)](Token token) {
    tokens.push_back(token);
    return hear(token);
  };
  auto generation = session.generate(prompt, options);
  if (!generation.ok()) {
    out.tokens = std::move(tokens);
    return generation.error();
  }
  out = std::move(generation).value();
  return {};
}

/// An answer that was begun is told before its error.
Result<Answer> answer_or_error(Answer answer, const Status& status, const AnswerOptions& options) {
  if (status.ok()) return answer;
  if (options.on_error) options.on_error(answer);
  return status.error();
}

}  // namespace

std::string_view stop_reason(const Answer& answer) {
  return answer.calls_tool ? "tool_call" : name_of(answer.generation.reason);
}

Result<Answer> answer_chat(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                           const AnswerOptions& options) {
  DeltaStream stream(tokenizer, options.on_delta, options.unknown);
  GenerateOptions generate = generate_options(options);
  generate.stop_tokens = harmony::stop_tokens(tokenizer);
  generate.largest_token = tokenizer.special().largest;
  generate.on_token = [&](Token token) {
    stream.push(token);
    return !stream.turn_over() && (!options.go_on || options.go_on());
  };
  Answer answer;
  const Status status = generate_into(answer.generation, session, prompt, std::move(generate));
  if (!status.ok() && answer.generation.tokens.empty()) return status.error();
  if (stream.turn_over()) answer.generation.reason = StopReason::stop_token;
  take_messages(answer, stream);
  return answer_or_error(std::move(answer), status, options);
}

Result<Answer> continue_raw(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                            std::span<const Token> stop_tokens, const AnswerOptions& options) {
  Utf8Stream stream;
  bool first = true;
  const auto report = [&](const std::string& text, bool last) {
    if (options.on_delta && (first || last || !text.empty())) options.on_delta({"", "", text, first, last});
    first = false;
  };
  GenerateOptions generate = generate_options(options);
  generate.stop_tokens.assign(stop_tokens.begin(), stop_tokens.end());
  generate.on_token = [&](Token token) {
    if (std::ranges::count(stop_tokens, token)) return true;
    const auto bytes = tokenizer.token_bytes(token);
    report(bytes.ok() ? stream.push(*bytes) : stream.flush() + "\uFFFD", false);
    return !options.go_on || options.go_on();
  };
  Answer answer;
  const Status status = generate_into(answer.generation, session, prompt, std::move(generate));
  if (!status.ok() && answer.generation.tokens.empty()) return status.error();
  report(stream.flush(), true);
  const size_t stop = answer.generation.reason == StopReason::stop_token ? 1 : 0;
  answer.text =
      tokenizer.decode_lossy(std::span(answer.generation.tokens).first(answer.generation.tokens.size() - stop));
  return answer_or_error(std::move(answer), status, options);
}

}  // namespace mxpath
