#include "app/batch_answer.h"

namespace mxpath {

BatchAnswer::BatchAnswer(BatchQuestion question, const Tokenizer& tokenizer, AnswerFormat format)
    : question_(std::move(question)), builder_(tokenizer, std::move(format), {}) {}

bool BatchAnswer::hear(Token token) {
  tokens_.push_back(token);
  return builder_.hear(token);
}

Json BatchAnswer::result(const Ended& end) {
  Answer answer;
  answer.generation.tokens = tokens_, answer.generation.reason = end.reason;
  builder_.finish(answer);
  Json out = {{"text", answer.text}};
  if (question_.harmony) {
    out["analysis"] = answer.analysis, out["messages"] = to_json(answer.messages);
    out["reasoning_tokens"] = answer.reasoning_tokens;
  } else {
    out["tokens"] = tokens_;
  }
  out["stop_reason"] = stop_reason(answer);
  out["prompt_tokens"] = end.prompt_tokens, out["new_tokens"] = end.new_tokens;
  out["seed"] = question_.sampling.seed;
  return out;
}

}  // namespace mxpath
