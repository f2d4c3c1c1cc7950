// What Grammars::create makes.
#pragma once
#include <memory>

#include "grammar/answer_rules.h"
#include "grammar/answer_state.h"
#include "grammar/body_cache.h"
#include "grammar/token_table.h"

namespace mxpath::grammar {

class SharedGrammars : public Grammars {
 public:
  SharedGrammars(std::shared_ptr<const Tokenizer> tokenizer, int vocab);
  /// Error: the vocabulary cannot be used.
  Status make_compiler();

  Result<BodyPtr, SchemaError> json_schema(const Json& schema, bool strict,
                                           std::vector<std::string>* warnings) override;
  Result<BodyPtr, SchemaError> any_json_object() override;
  Result<BodyPtr, SchemaError> regex(std::string_view pattern) override;
  Result<BodyPtr, SchemaError> lark(std::string_view grammar) override;

  const Tokenizer& tokenizer() const override { return *tokenizer_; }
  int vocab() const override { return table_.vocab(); }
  const AnswerWords& words() const { return words_; }

 private:
  Result<CompiledBody, SchemaError> compiled(BodyKind kind, std::string text);
  std::optional<SchemaError> faulty_pattern(const Json& schema, const std::string& at, int& left);
  Result<BodyPtr, SchemaError> text_body(BodyKind kind, std::string_view text);

  std::shared_ptr<const Tokenizer> tokenizer_;
  TokenTable table_;
  AnswerWords words_;
  std::unique_ptr<BodyCompiler> compiler_;
  std::unique_ptr<BodyCache> cache_;  // goes before the compiler, which its threads use
};

}  // namespace mxpath::grammar
