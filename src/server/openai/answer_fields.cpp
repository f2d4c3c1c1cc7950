#include "server/openai/answer_fields.h"

#include <array>
#include <charconv>
#include <limits>

#include "app/stop_text.h"
#include "base/text.h"

namespace mxpath::openai {
namespace {

constexpr size_t longest_format_name = 64;
constexpr float never = -100;
/// Cuts everything but the most likely token, as top_p 0 means, which the sampler does not take.
constexpr float smallest_top_p = 1e-6F;

Asked<Token> token_of(const std::string& text, const std::string& path, int vocab) {
  Token token = -1;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, token);
  if (error == std::errc() && stopped == end && token >= 0 && token < vocab) return token;
  return bad_field(path, "{} has the key \"{}\", which is no id of a token; they are 0 to {}", path, printable(text),
                   vocab - 1);
}

/// The schema and its name, from {"name", "description", "schema", "strict"}.
Asked<ResponseFormat> schema_format(const FieldReader& fields) {
  ResponseFormat format;
  format.kind = ResponseFormat::Kind::json_schema;
  MXPATH_CHECK(fields.text("name", format.name));
  if (format.name.empty()) format.name = "response";
  if (format.name.size() > longest_format_name || format.name.find_first_of("\r\n") != format.name.npos)
    return bad_field(fields.path_of("name"), "{} must be one line of at most {} bytes", fields.path_of("name"),
                     longest_format_name);
  MXPATH_CHECK(fields.text("description", format.description));
  MXPATH_CHECK(fields.flag("strict", format.strict));
  MXPATH_CHECK(fields.need("schema"));
  MXPATH_TRY(const auto schema, fields.object("schema"));
  format.schema = schema->json();
  return format;
}

bool says_nothing(const Json& value) {
  return value == false || ((value.is_array() || value.is_object() || value.is_string()) && value.empty()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty());
}

}  // namespace

Asked<std::optional<EffortAsked>> effort_of(const FieldReader& fields, std::string_view name,
                                            std::vector<std::string>& warnings) {
  constexpr auto words = std::to_array<std::string_view>({"none", "minimal", "low", "medium", "high", "xhigh", "max"});
  using harmony::Effort;
  constexpr std::array meant = {Effort::low,  Effort::low,  Effort::low, Effort::medium,
                                Effort::high, Effort::high, Effort::high};
  MXPATH_TRY(const auto word, fields.choice(name, words));
  if (!word) return std::optional<EffortAsked>();
  const EffortAsked asked = {meant[*word], *word == 0};
  if (asked.none)
    warnings.push_back(
        fmt::format("{} none: the model was trained to reason; its reasoning is skipped, and answers "
                    "may be worse than with low",
                    fields.path_of(name)));
  else if (words[*word] != name_of(asked.effort))
    warnings.push_back(
        fmt::format("{} {} is {} for this model", fields.path_of(name), words[*word], name_of(asked.effort)));
  return std::optional(asked);
}

Asked<ResponseFormat> response_format_of(const Json& json, const std::string& path) {
  constexpr auto types = std::to_array<std::string_view>({"text", "json_object", "json_schema"});
  MXPATH_TRY(const FieldReader fields, FieldReader::open(json, path));
  MXPATH_CHECK(fields.need("type"));
  MXPATH_TRY(const auto type, fields.choice("type", types));
  if (type == 2u) {
    MXPATH_TRY(const auto nested, fields.object("json_schema"));
    return schema_format(nested ? *nested : fields);
  }
  ResponseFormat format;
  if (type == 1u) format.kind = ResponseFormat::Kind::json_object;
  return format;
}

Asked<void> read_sampling(const FieldReader& fields, Question& question) {
  SamplingOptions& sampling = question.sampling;
  MXPATH_CHECK(fields.number("temperature", 0, 2, sampling.temperature));
  MXPATH_CHECK(fields.number("top_p", 0, 1, sampling.top_p));
  sampling.top_p = std::max(sampling.top_p, smallest_top_p);
  MXPATH_CHECK(fields.whole("top_k", -1, std::numeric_limits<int>::max(), sampling.top_k));
  sampling.top_k = std::max(sampling.top_k, 0);  // -1 is what other servers call all
  MXPATH_CHECK(fields.number("min_p", 0, 1, sampling.min_p));
  MXPATH_CHECK(fields.number("repetition_penalty", 0.01, 100, sampling.repetition_penalty));
  MXPATH_CHECK(fields.number("presence_penalty", -2, 2, sampling.presence_penalty));
  MXPATH_CHECK(fields.number("frequency_penalty", -2, 2, sampling.frequency_penalty));
  if (!fields.find("seed")) return {};
  int64_t seed = 0;
  using Limits = std::numeric_limits<int64_t>;
  MXPATH_CHECK(fields.whole("seed", Limits::min(), Limits::max(), seed));
  question.has_seed = true;
  sampling.seed = static_cast<uint64_t>(seed);
  return {};
}

Asked<void> read_stop(const FieldReader& fields, Question& question) {
  return fields.texts("stop", most_stops, question.stop);
}

Asked<void> read_bias(const FieldReader& fields, int vocab, Question& question) {
  MXPATH_TRY(const auto bias, fields.object("logit_bias"));
  if (!bias) return {};
  for (const auto& [key, value] : bias->json().items()) {
    MXPATH_TRY(const Token token, token_of(key, bias->path(), vocab));
    float wanted = 0;
    MXPATH_CHECK(bias->number(key, -100, 100, wanted));
    if (wanted == 0) continue;
    if (wanted != never)
      return bad_field(bias->path_of(key), "{} is {}; only -100 (never) and 0 can be done", bias->path_of(key), wanted);
    question.bias[token] = wanted;
  }
  return {};
}

Asked<void> read_extensions(const FieldReader& fields, Question& question) {
  constexpr int most = std::numeric_limits<int>::max();
  MXPATH_CHECK(fields.whole("reasoning_budget", -1, most, question.reasoning_budget));
  if (question.reasoning_budget == -1) question.reasoning_budget.reset();  // other servers' word for no limit
  MXPATH_CHECK(fields.text("cache_salt", question.cache_salt));
  return fields.whole("priority", -1000, 1000, question.priority);
}

Asked<void> read_streaming(const FieldReader& body, Question& question) {
  constexpr auto known = std::to_array<std::string_view>({"include_usage", "include_obfuscation"});
  MXPATH_CHECK(body.flag("stream", question.stream));
  MXPATH_TRY(const auto options, body.object("stream_options"));
  if (!options) return {};
  options->warn_of_others(known, question.warnings);
  return options->flag("include_usage", question.include_usage);
}

Asked<void> refuse_fields(const FieldReader& fields, std::span<const std::string_view> names) {
  for (const std::string_view name : names)
    if (const Json* value = fields.find(name); value && !says_nothing(*value))
      return bad_field(fields.path_of(name), "{} is not supported", fields.path_of(name));
  return {};
}

}  // namespace mxpath::openai
