#include "server/openai/chat_request.h"

#include <array>
#include <limits>

#include "server/openai/answer_fields.h"
#include "server/openai/tool_fields.h"

namespace mxpath::openai {
namespace {

constexpr int most_top = 20, most_tokens = std::numeric_limits<int>::max();

constexpr auto known_fields = std::to_array<std::string_view>(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p",
     "top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty", "n", "seed", "stop", "logprobs",
     "top_logprobs", "logit_bias", "tools", "tool_choice", "parallel_tool_calls", "response_format", "reasoning_effort",
     "reasoning", "include_reasoning", "reasoning_budget", "chat_template_kwargs", "cache_salt", "priority",
     // refused where they ask for something
     "functions", "function_call", "audio", "modalities", "web_search_options", "adapter",
     // without a meaning here
     "user", "metadata", "store", "verbosity", "service_tier", "prompt_cache_key", "prompt_cache_retention",
     "safety_identifier", "prediction"});
constexpr auto refused_fields =
    std::to_array<std::string_view>({"functions", "function_call", "audio", "web_search_options", "adapter"});

Asked<void> refuse_modalities(const FieldReader& fields) {
  std::vector<std::string> kinds;
  MXPATH_CHECK(fields.texts("modalities", 8, kinds));
  for (size_t i = 0; i < kinds.size(); ++i)
    if (kinds[i] != "text")
      return bad_field(path_of_item("modalities", i), "modalities: this model answers in text only");
  return {};
}

/// What is said of the reasoning, in the order in which it counts: the later beats the earlier.
struct Reasoning {
  std::optional<EffortAsked> effort;
  std::optional<std::string> identity;
};

Asked<void> take_effort(const FieldReader& fields, std::string_view name, Question& question, Reasoning& out) {
  MXPATH_TRY(const auto effort, effort_of(fields, name, question.warnings));
  if (effort) out.effort = effort;
  return {};
}

Asked<void> read_template_options(const FieldReader& body, Question& question, Reasoning& out) {
  constexpr auto known = std::to_array<std::string_view>({"reasoning_effort", "model_identity"});
  MXPATH_TRY(const auto fields, body.object("chat_template_kwargs"));
  if (!fields) return {};
  fields->warn_of_others(known, question.warnings);
  MXPATH_CHECK(fields->text("model_identity", out.identity));
  return take_effort(*fields, "reasoning_effort", question, out);
}

Asked<void> read_reasoning_object(const FieldReader& body, Question& question, Reasoning& out) {
  constexpr auto known =
      std::to_array<std::string_view>({"effort", "exclude", "enabled", "max_tokens", "summary", "generate_summary"});
  MXPATH_TRY(const auto fields, body.object("reasoning"));
  if (!fields) return {};
  fields->warn_of_others(known, question.warnings);
  bool exclude = false, enabled = true;
  MXPATH_CHECK(fields->flag("exclude", exclude));
  MXPATH_CHECK(fields->flag("enabled", enabled));
  if (exclude) question.show_reasoning = false;
  MXPATH_CHECK(fields->whole("max_tokens", 0, most_tokens, question.reasoning_budget));
  MXPATH_CHECK(take_effort(*fields, "effort", question, out));
  if (!enabled) out.effort = EffortAsked{harmony::Effort::low, true};
  return {};
}

Asked<Reasoning> read_reasoning(const FieldReader& body, Question& question) {
  Reasoning out;
  MXPATH_CHECK(body.flag("include_reasoning", question.show_reasoning));
  MXPATH_CHECK(read_template_options(body, question, out));
  MXPATH_CHECK(read_reasoning_object(body, question, out));
  MXPATH_CHECK(take_effort(body, "reasoning_effort", question, out));
  question.skip_reasoning = out.effort && out.effort->none;
  return out;
}

Asked<void> read_logprobs(const FieldReader& body, Question& question) {
  bool wanted = false;
  std::optional<int> top;
  MXPATH_CHECK(body.flag("logprobs", wanted));
  MXPATH_CHECK(body.whole("top_logprobs", 0, most_top, top));
  if (top.value_or(0) > 0 && !wanted) return bad_field("top_logprobs", "top_logprobs needs logprobs to be true");
  if (wanted) question.top = top.value_or(0);
  return {};
}

Asked<void> read_lengths(const FieldReader& body, const QuestionDefaults& defaults, Question& question) {
  MXPATH_CHECK(body.whole("max_tokens", 1, most_tokens, question.max_new_tokens));
  MXPATH_CHECK(body.whole("max_completion_tokens", 1, most_tokens, question.max_new_tokens));
  MXPATH_CHECK(body.whole("n", 1, defaults.most_choices, question.choices));
  question.best_of = question.choices;
  return {};
}

Asked<void> read_tools(const FieldReader& body, Question& question) {
  bool parallel = true;  // the model makes one call a turn, which both values allow
  MXPATH_CHECK(body.flag("parallel_tool_calls", parallel));
  if (const Json* tools = body.find("tools")) {
    MXPATH_TRY(question.functions, functions_of(*tools, body.path_of("tools")));
  }
  MXPATH_CHECK(read_tool_choice(body, question));
  if (const Json* format = body.find("response_format")) {
    MXPATH_TRY(question.format, response_format_of(*format, body.path_of("response_format")));
  }
  return {};
}

harmony::Message system_message(ConversationOptions options, const Reasoning& reasoning) {
  if (reasoning.identity) options.identity = reasoning.identity;
  if (reasoning.effort) options.effort = reasoning.effort->effort;
  options.developer.clear();
  return Conversation(std::move(options)).messages().front();
}

Asked<void> read_messages(const FieldReader& body, const QuestionDefaults& defaults, const RestoreReasoning& restore,
                          const Reasoning& reasoning, Question& question) {
  MXPATH_TRY(const Json* list, body.need("messages"));
  MXPATH_TRY(auto history, harmony_of_chat(*list, defaults, restore));
  if (list->empty()) return bad_field("messages", "messages is empty");
  std::string instructions = defaults.conversation.developer;
  const bool leads = !history.empty() && history[0].developer;
  if (leads && !instructions.empty()) instructions += "\n\n";
  if (leads) instructions += history[0].developer->instructions.value_or("");
  const bool offered = question.tool_choice != ToolChoice::none;
  const auto developer = developer_message(
      instructions, offered ? std::span<const Function>(question.functions) : std::span<const Function>(),
      question.format);
  question.messages.push_back(system_message(defaults.conversation, reasoning));
  if (developer) question.messages.push_back(*developer);
  question.messages.insert(question.messages.end(), std::make_move_iterator(history.begin() + (leads ? 1 : 0)),
                           std::make_move_iterator(history.end()));
  return {};
}

}  // namespace

Asked<Question> parse_chat(const Json& json, const QuestionDefaults& defaults, const RestoreReasoning& restore) {
  MXPATH_TRY(const FieldReader body, FieldReader::open(json));
  MXPATH_CHECK(refuse_fields(body, refused_fields));
  MXPATH_CHECK(refuse_modalities(body));
  Question question;
  question.sampling = defaults.sampling;
  body.warn_of_others(known_fields, question.warnings);
  MXPATH_CHECK(body.text("model", question.model));
  MXPATH_CHECK(read_sampling(body, question));
  MXPATH_CHECK(read_stop(body, question));
  MXPATH_CHECK(read_bias(body, defaults.vocab, question));
  MXPATH_CHECK(read_extensions(body, question));
  MXPATH_CHECK(read_streaming(body, question));
  MXPATH_CHECK(read_logprobs(body, question));
  MXPATH_CHECK(read_lengths(body, defaults, question));
  MXPATH_CHECK(read_tools(body, question));
  MXPATH_TRY(const Reasoning reasoning, read_reasoning(body, question));
  MXPATH_CHECK(read_messages(body, defaults, restore, reasoning, question));
  return question;
}

}  // namespace mxpath::openai
