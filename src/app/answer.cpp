#include "app/answer.h"

#include "app/answer_builder.h"

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

Result<Answer> answer_with(AnswerBuilder& builder, Session& session, std::span<const Token> prompt,
                           const AnswerOptions& options) {
  GenerateOptions generate = generate_options(options);
  generate.stop_tokens = builder.format().stop_tokens, generate.largest_token = builder.format().largest_token;
  generate.on_token = [&](Token token) { return !builder.hear(token) && (!options.go_on || options.go_on()); };
  Answer answer;
  const Status status = generate_into(answer.generation, session, prompt, std::move(generate));
  if (!status.ok() && answer.generation.tokens.empty()) return status.error();
  builder.finish(answer);
  return answer_or_error(std::move(answer), status, options);
}

}  // namespace

std::string_view stop_reason(const Answer& answer) {
  return answer.calls_tool ? "tool_call" : name_of(answer.generation.reason);
}

Result<Answer> answer_chat(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                           const AnswerOptions& options) {
  AnswerFormat format = harmony_format(tokenizer);
  format.stops = options.stops;
  AnswerBuilder builder(tokenizer, std::move(format), options.on_delta, options.unknown);
  return answer_with(builder, session, prompt, options);
}

Result<Answer> continue_raw(Session& session, const Tokenizer& tokenizer, std::span<const Token> prompt,
                            std::span<const Token> stop_tokens, const AnswerOptions& options) {
  AnswerFormat format = raw_format(stop_tokens);
  format.stops = options.stops;
  AnswerBuilder builder(tokenizer, std::move(format), options.on_delta);
  return answer_with(builder, session, prompt, options);
}

}  // namespace mxpath
