#include "grammar/shared_grammars.h"

#include <algorithm>

#include "base/text.h"
#include "grammar/compiler_words.h"
#include "grammar/schema_check.h"
#include "grammar/schema_cost.h"
#include "grammar/schema_place.h"

namespace mxpath::grammar {
namespace {

// A pattern or grammar of a caller: its length, and how deep its brackets may stand, because compilers recurse.
constexpr size_t longest_text = 32 << 10;
constexpr int deepest_brackets = 64;
// Patterns of a schema that are compiled alone to find the one that is wrong.
constexpr int most_patterns = 16;

SchemaError no_grammars() {
  return {.sentence = "this build has no grammars for answers: it was made without xgrammar (MXPATH_GRAMMAR)",
          .pointer = {},
          .keyword = {}};
}

std::string_view name_of(BodyKind kind) {
  switch (kind) {
    case BodyKind::json_schema: return "schema";
    case BodyKind::regex: return "pattern";
    case BodyKind::lark: break;
  }
  return "grammar";
}

// The keyword that a warning of the compiler speaks of; "" where it names none.
std::string keyword_in(std::string_view warning) {
  for (const std::string_view keyword :
       {"oneOf", "allOf", "multipleOf", "minLength", "format", "uniqueItems", "contains", "pattern"})
    if (warning.find(keyword) != std::string_view::npos) return std::string(keyword);
  return warning.find("egex") != std::string_view::npos || warning.starts_with("Anchor") ? "pattern" : "";
}

}  // namespace

SharedGrammars::SharedGrammars(std::shared_ptr<const Tokenizer> tokenizer, int vocab)
    : tokenizer_(std::move(tokenizer)),
      table_(*tokenizer_, vocab),
      words_{.table = &table_, .tokenizer = tokenizer_.get(), .special = tokenizer_->special()} {}

Status SharedGrammars::make_compiler() {
  MXPATH_TRY(compiler_, make_body_compiler(table_, words_.special.return_));
  if (compiler_)
    cache_ = std::make_unique<BodyCache>(
        [this](BodyKind kind, const std::string& text) { return compiler_->compile(kind, text); }, BodyCache::Limits());
  return {};
}

Result<CompiledBody, SchemaError> SharedGrammars::compiled(BodyKind kind, std::string text) {
  if (!cache_) return no_grammars();
  std::optional<CompiledBody> result = cache_->get(kind, std::move(text));
  if (!result)
    return SchemaError{
        .sentence = fmt::format("the {} takes too long to compile, or too many are compiled at once: make it simpler, "
                                "or ask again later",
                                name_of(kind)),
        .pointer = {},
        .keyword = {},
        .busy = true};
  if (!result->body) {
    const bool schema = kind == BodyKind::json_schema;
    const CompilerWords words = compiler_words(result->problem, !schema);
    return SchemaError{
        .sentence = fmt::format("the {} cannot be compiled: {}; {}", name_of(kind), words.fault, words.remedy),
        .pointer = {},
        .keyword = schema ? keyword_in(result->problem) : "definition"};
  }
  return std::move(*result);
}

// The first pattern of a schema that the compiler does not take as the caller wrote it. Some are looked at.
std::optional<SchemaError> SharedGrammars::faulty_pattern(const Json& schema, const std::string& at, int& left) {
  if (!schema.is_structured()) return {};
  if (schema.is_object() && schema.contains("pattern") && schema["pattern"].is_string()) {
    if (left-- <= 0) return {};
    const std::optional<CompiledBody> alone = cache_->get(BodyKind::regex, schema["pattern"].get<std::string>());
    std::string_view problem;
    if (alone && !alone->body) problem = alone->problem;
    else if (alone && !alone->warnings.empty()) problem = alone->warnings.front();
    if (!problem.empty()) {
      const CompilerWords words = compiler_words(problem, true);
      return SchemaError{.sentence = fmt::format("pattern cannot be compiled: {} ({}); {}", words.fault,
                                                 place_in_words(at), words.remedy),
                         .pointer = joined(at, "pattern"),
                         .keyword = "pattern"};
    }
  }
  for (const auto& [name, part] : schema.items())
    if (auto found = faulty_pattern(part, joined(at, name), left)) return found;
  return {};
}

Result<BodyPtr, SchemaError> SharedGrammars::json_schema(const Json& schema, bool strict,
                                                         std::vector<std::string>* warnings) {
  if (!cache_) return no_grammars();
  MXPATH_TRY(const CheckedSchema checked, check_schema(schema, strict));
  const std::string text = checked.enforced.dump(-1, ' ', false, Json::error_handler_t::replace);
  Result<CompiledBody, SchemaError> made = compiled(BodyKind::json_schema, text);
  int patterns = most_patterns;
  if (!made.ok() && !made.error().busy)
    if (auto found = faulty_pattern(schema, "", patterns)) return *found;
  MXPATH_TRY(const CompiledBody result, std::move(made));
  if (strict && !result.warnings.empty()) {
    if (auto found = faulty_pattern(schema, "", patterns)) return *found;
    const CompilerWords words = compiler_words(result.warnings[0], false);
    return SchemaError{.sentence = fmt::format("the schema cannot be enforced: {}; {}, or set strict to false",
                                               words.fault, words.remedy),
                       .pointer = {},
                       .keyword = keyword_in(result.warnings[0])};
  }
  if (warnings) {
    warnings->insert(warnings->end(), checked.warnings.begin(), checked.warnings.end());
    for (const std::string& warning : result.warnings)
      warnings->push_back(
          fmt::format("the schema is not enforced in whole: {}", compiler_words(printable(warning, 200), false).fault));
  }
  return result.body;
}

Result<BodyPtr, SchemaError> SharedGrammars::any_json_object() {
  MXPATH_TRY(const CompiledBody result, compiled(BodyKind::json_schema, R"({"type":"object"})"));
  return result.body;
}

Result<BodyPtr, SchemaError> SharedGrammars::text_body(BodyKind kind, std::string_view text) {
  const auto wrong = [](std::string sentence) {
    return SchemaError{.sentence = std::move(sentence), .pointer = {}, .keyword = "definition"};
  };
  if (text.size() > longest_text)
    return wrong(fmt::format("the {} must not have more than {} bytes", name_of(kind), longest_text));
  if (deepest_nesting(text) > deepest_brackets)
    return wrong(fmt::format("the {} must not have brackets deeper than {}", name_of(kind), deepest_brackets));
  MXPATH_TRY(const CompiledBody result, compiled(kind, std::string(text)));
  if (!result.warnings.empty()) {
    const CompilerWords words = compiler_words(printable(result.warnings[0], 300), true);
    return wrong(fmt::format("the {} cannot be enforced: {}; {}", name_of(kind), words.fault, words.remedy));
  }
  return result.body;
}

Result<BodyPtr, SchemaError> SharedGrammars::regex(std::string_view pattern) {
  if (written_out(pattern) > SchemaLimits().written_out)
    return SchemaError{.sentence = fmt::format("the pattern must not be longer than {} characters with its repetitions "
                                               "written out: repeat less",
                                               SchemaLimits().written_out),
                       .pointer = {},
                       .keyword = "definition"};
  return text_body(BodyKind::regex, pattern);
}

Result<BodyPtr, SchemaError> SharedGrammars::lark(std::string_view grammar) {
  return text_body(BodyKind::lark, grammar);
}

Result<std::shared_ptr<Grammars>> Grammars::create(std::shared_ptr<const Tokenizer> tokenizer, int vocab) {
  if (vocab <= 0) return wrong_use("a vocabulary of {} ids has no grammars", vocab);
  const SpecialTokens& special = tokenizer->special();
  for (const Token id :
       {special.return_, special.constrain, special.channel, special.start, special.end, special.message, special.call})
    if (id < 0 || id >= vocab)
      return fail("{}: the vocabulary has not all special tokens of harmony below {}, which guided answers need",
                  tokenizer->source(), vocab);
  auto grammars = std::make_shared<SharedGrammars>(std::move(tokenizer), vocab);
  MXPATH_CHECK(grammars->make_compiler());
  return std::shared_ptr<Grammars>(std::move(grammars));
}

}  // namespace mxpath::grammar
