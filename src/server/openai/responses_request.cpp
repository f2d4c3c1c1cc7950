#include <algorithm>
#include <array>
#include <iterator>
#include <limits>
#include <map>

#include "base/text.h"
#include "server/openai/answer_fields.h"
#include "server/openai/responses_fields.h"
#include "server/openai/responses_items.h"
#include "server/openai/responses_names.h"
#include "server/openai/responses_tools.h"

namespace mxpath::openai {
namespace {

constexpr size_t most_functions = 1024;
constexpr auto known = std::to_array<std::string_view>(
    {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_tool_calls",
     "max_output_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty",
     "frequency_penalty", "seed", "stop", "logit_bias", "top_logprobs", "reasoning", "reasoning_budget", "text",
     "stream", "stream_options", "store", "previous_response_id", "include", "metadata", "truncation", "user",
     "safety_identifier", "prompt_cache_key", "service_tier", "cache_salt", "priority",
     // refused where they ask for something
     "background", "conversation", "prompt",
     // without a meaning here
     "prompt_cache_retention", "prompt_cache_options", "client_metadata"});

class RequestReader {
 public:
  RequestReader(const FieldReader& body, const QuestionDefaults& defaults, const StoredResponse* previous)
      : body_(body), defaults_(defaults), previous_(previous), conversation_(defaults.conversation) {}
  Asked<ResponsesQuestion> read(const RestoreReasoning& restore);

 private:
  Asked<void> refuse() const;
  Asked<void> read_previous();
  Asked<void> read_sending();
  Asked<void> read_input();
  Asked<void> read_messages(const RestoreReasoning& restore);
  Asked<void> read_functions(std::vector<Function> added);

  const FieldReader& body_;
  const QuestionDefaults& defaults_;
  const StoredResponse* previous_;
  ConversationOptions conversation_;
  ResponsesQuestion out_;
  Question& question_ = out_.question;
};

Asked<void> RequestReader::refuse() const {
  static constexpr auto refused = std::to_array<std::string_view>({"background", "conversation", "prompt"});
  static constexpr auto truncations = std::to_array<std::string_view>({"disabled", "auto"});
  MXPATH_CHECK(refuse_fields(body_, refused));
  MXPATH_TRY(const auto truncation, body_.choice("truncation", truncations));
  if (truncation == 1u)
    return bad_field("truncation", "truncation \"auto\" is not supported: nothing is cut from a prompt");
  return {};
}

Asked<void> RequestReader::read_previous() {
  MXPATH_CHECK(body_.text("previous_response_id", out_.previous));
  if (out_.previous.empty() || previous_) return {};
  ApiError error =
      bad_field("previous_response_id", "no response with the id \"{}\" is stored", printable(out_.previous));
  error.status = 404;
  error.code = "previous_response_not_found";
  return error;
}

/// How the answer is sent and kept.
Asked<void> RequestReader::read_sending() {
  MXPATH_CHECK(body_.text("model", question_.model));
  MXPATH_CHECK(body_.flag("stream", question_.stream));
  MXPATH_CHECK(body_.object("stream_options"));
  MXPATH_CHECK(body_.flag("store", out_.store));
  return body_.whole("max_output_tokens", 1, std::numeric_limits<int>::max(), question_.max_new_tokens);
}

Asked<void> RequestReader::read_input() {
  const Json* input = body_.find("input");
  if (input && !input->is_string() && !input->is_array())
    return wrong_type("input", "a text or a list of items", *input);
  if (input && input->is_array()) out_.input_items = *input;
  else if (input && !input->get_ref<const std::string&>().empty())
    out_.input_items = Json::array({{{"type", "message"}, {"role", "user"}, {"content", *input}}});
  // One token of nothing is how clients find out whether a server speaks this API.
  if (out_.input_items.empty() && out_.previous.empty() && question_.max_new_tokens != 1)
    return bad_field("input", "input is empty; give a text or items, or previous_response_id");
  return {};
}

/// Those of the body, and `added` by items; of the latter, a later one replaces one of the same name.
Asked<void> RequestReader::read_functions(std::vector<Function> added) {
  auto& functions = question_.functions;
  if (const Json* tools = body_.find("tools")) {
    MXPATH_TRY(functions, read_tools_of_responses(*tools, "tools", question_.warnings));
  }
  std::map<std::string, size_t> places;
  for (const Function& function : functions) places.emplace(function.name, places.size());
  for (Function& function : added) {
    const auto [place, is_new] = places.emplace(function.name, functions.size());
    if (is_new) functions.push_back(std::move(function));
    else functions[place->second] = std::move(function);
  }
  if (functions.size() > most_functions)
    return bad_field("tools", "there may be up to {} tools, but there are {}", most_functions, functions.size());
  return read_choice_of_responses(body_, question_);
}

Asked<void> RequestReader::read_messages(const RestoreReasoning& restore) {
  std::string instructions;
  MXPATH_CHECK(body_.text("instructions", instructions));
  const Json earlier = previous_ && !out_.previous.empty() ? items_before(*previous_) : Json::array();
  MXPATH_TRY(ReadItems items, read_items(earlier, out_.input_items, restore));
  std::ranges::move(items.warnings, std::back_inserter(question_.warnings));
  MXPATH_CHECK(read_functions(std::move(items.functions)));

  // What developers say first is one message with the instructions.
  std::string developer = conversation_.developer;
  const auto join = [&developer](std::string_view text) {
    if (!text.empty()) developer += (developer.empty() ? "" : "\n\n") + std::string(text);
  };
  join(instructions);
  const auto first = std::ranges::find_if(items.messages, [](const auto& m) { return !m.developer.has_value(); });
  for (auto message = items.messages.begin(); message != first; ++message)
    join(message->developer->instructions.value_or(""));

  conversation_.developer.clear();
  question_.messages = Conversation(conversation_).messages();
  const bool offered = question_.tool_choice != ToolChoice::none;
  const auto functions = offered ? std::span<const Function>(question_.functions) : std::span<const Function>();
  if (auto message = developer_message(developer, functions, question_.format))
    question_.messages.push_back(std::move(*message));
  std::move(first, items.messages.end(), std::back_inserter(question_.messages));
  return {};
}

Asked<ResponsesQuestion> RequestReader::read(const RestoreReasoning& restore) {
  question_.sampling = defaults_.sampling;
  MXPATH_CHECK(refuse());
  MXPATH_CHECK(read_previous());
  MXPATH_CHECK(read_sending());
  MXPATH_CHECK(read_include(body_, question_));
  MXPATH_CHECK(read_reasoning(body_, question_, conversation_.effort));
  MXPATH_CHECK(read_text(body_, question_));
  MXPATH_CHECK(check_accepted(body_));
  MXPATH_CHECK(read_sampling(body_, question_));
  MXPATH_CHECK(read_stop(body_, question_));
  MXPATH_CHECK(read_bias(body_, defaults_.vocab, question_));
  MXPATH_CHECK(read_extensions(body_, question_));
  MXPATH_CHECK(read_input());
  MXPATH_CHECK(read_messages(restore));
  body_.warn_of_others(known, question_.warnings);
  out_.input_items = listed_items(std::move(out_.input_items), out_.previous);
  question_.asked = repeated_fields(body_, defaults_, conversation_.effort);
  return std::move(out_);
}

}  // namespace

std::string previous_response_id(const Json& body) {
  if (!body.is_object()) return {};
  const auto found = body.find("previous_response_id");
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

Asked<ResponsesQuestion> parse_responses(const Json& body, const QuestionDefaults& defaults,
                                         const StoredResponse* previous, const RestoreReasoning& restore) {
  MXPATH_TRY(const FieldReader fields, FieldReader::open(body));
  return RequestReader(fields, defaults, previous).read(restore);
}

Json items_before(const StoredResponse& previous) {
  Json items = previous.input;
  const auto output = previous.response.find("output");
  if (output == previous.response.end()) return items;
  for (const Json& item : *output) items.push_back(item);
  return items;
}

Json stored_input(const ResponsesQuestion& question, const StoredResponse* previous) {
  Json items = previous && !question.previous.empty() ? items_before(*previous) : Json::array();
  for (const Json& item : question.input_items) items.push_back(item);
  return items;
}

}  // namespace mxpath::openai
