#include "server/openai/responses_fields.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <limits>

#include "base/text.h"
#include "server/openai/answer_fields.h"

namespace mxpath::openai {
namespace {

constexpr int most_top = 20;
constexpr size_t most_included = 32, most_pairs = 16;

/// A field of the body as it is repeated, or what holds without it.
Json repeated(const FieldReader& body, std::string_view name, Json otherwise = {}) {
  const Json* value = body.find(name);
  return value ? *value : otherwise;
}

/// 0.7 for the float that is nearest to it.
double as_written(float number) { return std::strtod(fmt::format("{}", number).c_str(), nullptr); }

Asked<void> check_metadata(const FieldReader& body) {
  MXPATH_TRY(const auto metadata, body.object("metadata"));
  if (!metadata) return {};
  if (metadata->json().size() > most_pairs)
    return bad_field("metadata", "metadata may have up to {} entries, but it has {}", most_pairs,
                     metadata->json().size());
  for (const auto& [name, value] : metadata->json().items())
    if (!value.is_string()) return wrong_type(metadata->path_of(printable(name)), "a text", value);
  return {};
}

}  // namespace

Asked<void> read_include(const FieldReader& body, Question& question) {
  constexpr std::string_view logprobs = "message.output_text.logprobs";
  constexpr std::string_view encrypted = "reasoning.encrypted_content";  // null: it comes as it is
  std::vector<std::string> include;
  int top = 0;
  if (const Json* list = body.find("include"); list && !list->is_array())
    return wrong_type("include", "a list of texts", *list);
  MXPATH_CHECK(body.texts("include", most_included, include));
  MXPATH_CHECK(body.whole("top_logprobs", 0, most_top, top));
  const bool asked = std::ranges::find(include, logprobs) != include.end();
  if (asked || top > 0) question.top = top;
  for (const std::string& name : include)
    if (name != logprobs && name != encrypted)
      question.warnings.push_back(fmt::format("include: there is no {} here", printable(name)));
  return {};
}

Asked<void> read_reasoning(const FieldReader& body, Question& question, harmony::Effort& effort) {
  static constexpr auto summaries = std::to_array<std::string_view>({"auto", "concise", "detailed"});
  MXPATH_TRY(const auto reasoning, body.object("reasoning"));
  if (!reasoning) return {};
  MXPATH_TRY(const auto asked, effort_of(*reasoning, "effort", question.warnings));
  if (asked) effort = asked->effort;
  question.skip_reasoning = asked && asked->none;
  bool exclude = false;
  MXPATH_CHECK(reasoning->flag("exclude", exclude));
  question.show_reasoning = !exclude;
  for (const char* name : {"summary", "generate_summary"}) {
    MXPATH_TRY(const auto summary, reasoning->choice(name, summaries));
    if (summary && *summary > 0)
      question.warnings.push_back(fmt::format("reasoning.{}: the whole reasoning comes instead", name));
  }
  return {};
}

Asked<void> read_text(const FieldReader& body, Question& question) {
  static constexpr auto verbosities = std::to_array<std::string_view>({"low", "medium", "high"});
  MXPATH_TRY(const auto text, body.object("text"));
  if (!text) return {};
  MXPATH_CHECK(text->choice("verbosity", verbosities));
  const Json* format = text->find("format");
  if (!format) return {};
  MXPATH_TRY(question.format, response_format_of(*format, text->path_of("format")));
  return {};
}

Asked<void> check_accepted(const FieldReader& body) {
  std::string text;
  for (const char* name : {"user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "service_tier"})
    MXPATH_CHECK(body.text(name, text));
  bool flag = false;
  int number = 0;
  MXPATH_CHECK(body.flag("parallel_tool_calls", flag));
  MXPATH_CHECK(body.whole("max_tool_calls", 1, std::numeric_limits<int>::max(), number));
  return check_metadata(body);
}

Json repeated_fields(const FieldReader& body, const QuestionDefaults& defaults, harmony::Effort effort) {
  const Json text = repeated(body, "text", Json::object()), reasoning = repeated(body, "reasoning", Json::object());
  const auto one = [](const Json& object, const char* name, const Json& otherwise) {
    return object.contains(name) && !object[name].is_null() ? object[name] : otherwise;
  };
  return {
      {"instructions", repeated(body, "instructions")},
      {"max_output_tokens", repeated(body, "max_output_tokens")},
      {"max_tool_calls", repeated(body, "max_tool_calls")},
      {"metadata", repeated(body, "metadata", Json::object())},
      {"parallel_tool_calls", repeated(body, "parallel_tool_calls", true)},
      {"prompt_cache_key", repeated(body, "prompt_cache_key")},
      {"reasoning",
       {{"effort", one(reasoning, "effort", harmony::name_of(effort))},
        {"summary", one(reasoning, "summary", nullptr)}}},
      {"safety_identifier", repeated(body, "safety_identifier")},
      {"service_tier", "default"},
      {"temperature", repeated(body, "temperature", as_written(defaults.sampling.temperature))},
      {"text", {{"format", one(text, "format", {{"type", "text"}})}, {"verbosity", one(text, "verbosity", "medium")}}},
      {"tool_choice", repeated(body, "tool_choice", "auto")},
      {"tools", repeated(body, "tools", Json::array())},
      {"top_logprobs", repeated(body, "top_logprobs", 0)},
      {"top_p", repeated(body, "top_p", as_written(defaults.sampling.top_p))},
      {"user", repeated(body, "user")},
  };
}

}  // namespace mxpath::openai
