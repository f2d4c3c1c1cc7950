// Bodies of /v1/completions.
#include <array>
#include <limits>

#include "server/openai/answer_fields.h"
#include "server/openai/chat_request.h"

namespace mxpath::openai {
namespace {

constexpr int default_new_tokens = 16;  // OpenAI's
constexpr int most_top = 20, most_tokens = std::numeric_limits<int>::max();
constexpr size_t most_answers = 256;  // of all prompts together

constexpr auto known_fields = std::to_array<std::string_view>({"model",
                                                               "prompt",
                                                               "stream",
                                                               "stream_options",
                                                               "max_tokens",
                                                               "temperature",
                                                               "top_p",
                                                               "top_k",
                                                               "min_p",
                                                               "repetition_penalty",
                                                               "presence_penalty",
                                                               "frequency_penalty",
                                                               "n",
                                                               "best_of",
                                                               "seed",
                                                               "stop",
                                                               "logprobs",
                                                               "echo",
                                                               "logit_bias",
                                                               "cache_salt",
                                                               "priority",
                                                               "reasoning_budget",
                                                               "suffix",
                                                               "user",
                                                               "metadata",
                                                               "store",
                                                               "adapter"});
constexpr auto refused_fields = std::to_array<std::string_view>({"suffix", "adapter", "reasoning_budget"});

Asked<std::vector<Token>> tokens_of(const Json& list, const std::string& path, int vocab) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < list.size(); ++i) {
    const Json& id = list[i];
    if (!id.is_number_integer()) return wrong_type(path_of_item(path, i), "the id of a token", id);
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(vocab))
      return bad_field(path_of_item(path, i), "{} is {}; the ids of tokens are 0 to {}", path_of_item(path, i),
                       id.dump(), vocab - 1);
    tokens.push_back(id.get<Token>());
  }
  if (tokens.empty()) return bad_field(path, "{} is empty", path);
  return tokens;
}

/// A text, a list of texts, a list of ids, or a list of such lists.
Asked<void> read_prompt(const FieldReader& body, int vocab, Question& question) {
  MXPATH_TRY(const Json* prompt, body.need("prompt"));
  if (!prompt->is_array() && !prompt->is_string())
    return wrong_type("prompt", "a text, a list of texts, or of ids of tokens", *prompt);
  if (prompt->empty()) return bad_field("prompt", "prompt is empty");
  if (prompt->is_string() || (*prompt)[0].is_string()) return body.texts("prompt", most_answers, question.prompt_texts);
  if (!(*prompt)[0].is_array()) {
    MXPATH_TRY(question.prompts.emplace_back(), tokens_of(*prompt, "prompt", vocab));
    return {};
  }
  for (size_t i = 0; i < prompt->size(); ++i) {
    const std::string path = path_of_item("prompt", i);
    if (!(*prompt)[i].is_array()) return wrong_type(path, "a list of ids of tokens", (*prompt)[i]);
    MXPATH_TRY(question.prompts.emplace_back(), tokens_of((*prompt)[i], path, vocab));
  }
  return {};
}

Asked<void> read_choices(const FieldReader& body, const QuestionDefaults& defaults, Question& question) {
  MXPATH_CHECK(body.whole("n", 1, defaults.most_choices, question.choices));
  question.best_of = question.choices;
  MXPATH_CHECK(body.whole("best_of", question.choices, defaults.most_choices, question.best_of));
  if (question.stream && question.best_of > question.choices)
    return bad_field("best_of", "best_of must equal n in a stream: the best is known when all have ended");
  const size_t answers =
      (question.prompt_texts.size() + question.prompts.size()) * static_cast<size_t>(question.best_of);
  if (answers > most_answers)
    return bad_field("prompt", "{} answers are asked for; the most of one request is {}", answers, most_answers);
  return {};
}

Asked<void> read_logprobs(const FieldReader& body, Question& question) {
  MXPATH_CHECK(body.whole("logprobs", 0, most_top, question.top));
  MXPATH_CHECK(body.flag("echo", question.echo));
  if (question.echo && question.top)
    return bad_field("logprobs", "logprobs of an echoed prompt are not computed here; leave out echo or logprobs");
  // The best answers are chosen by their likelihood, which the reply does not tell unasked.
  question.asked["logprobs"] = question.top.has_value();
  if (question.best_of > question.choices && !question.top) question.top = 0;
  return {};
}

}  // namespace

Asked<Question> parse_completion(const Json& json, const QuestionDefaults& defaults) {
  MXPATH_TRY(const FieldReader body, FieldReader::open(json));
  MXPATH_CHECK(refuse_fields(body, refused_fields));
  Question question;
  question.harmony = false;
  question.sampling = defaults.sampling;
  body.warn_of_others(known_fields, question.warnings);
  MXPATH_CHECK(body.text("model", question.model));
  MXPATH_CHECK(read_sampling(body, question));
  MXPATH_CHECK(read_stop(body, question));
  MXPATH_CHECK(read_bias(body, defaults.vocab, question));
  MXPATH_CHECK(read_extensions(body, question));
  MXPATH_CHECK(read_streaming(body, question));
  question.max_new_tokens = default_new_tokens;
  MXPATH_CHECK(body.whole("max_tokens", 1, most_tokens, question.max_new_tokens));
  MXPATH_CHECK(read_prompt(body, defaults.vocab, question));
  MXPATH_CHECK(read_choices(body, defaults, question));
  MXPATH_CHECK(read_logprobs(body, question));
  return question;
}

}  // namespace mxpath::openai
