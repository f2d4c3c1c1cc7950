// Which tokens may come next in an answer: harmony headers that are always legal, bodies that a schema allows.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "chat/tokenizer.h"

namespace mxpath::grammar {

/// Why a schema is not taken.
struct SchemaError {
  std::string sentence, pointer, keyword;  ///< JSON pointer into the schema
  bool busy = false;                       ///< it took too long, or no room: not the caller's fault alone
};

/// A compiled body: JSON of a schema, or a text by a grammar. Immutable.
class Body;
using BodyPtr = std::shared_ptr<const Body>;

/// Whether this build has grammars for bodies at all.
bool has_grammars();

/// Everything about one vocabulary; made once for a tokenizer. Thread-safe.
class Grammars {
 public:
  /// vocab: rows of logits, which may be more than the tokenizer knows. The tokenizer must outlive it.
  static Result<std::shared_ptr<Grammars>> create(std::shared_ptr<const Tokenizer> tokenizer, int vocab);
  virtual ~Grammars() = default;

  /// strict: a keyword that cannot be enforced is an error; else it is added to `warnings`. Compiled bodies are cached.
  virtual Result<BodyPtr, SchemaError> json_schema(const Json& schema, bool strict,
                                                   std::vector<std::string>* warnings) = 0;
  virtual Result<BodyPtr, SchemaError> any_json_object() = 0;
  virtual Result<BodyPtr, SchemaError> regex(std::string_view pattern) = 0;
  virtual Result<BodyPtr, SchemaError> lark(std::string_view grammar) = 0;

  virtual const Tokenizer& tokenizer() const = 0;
  virtual int vocab() const = 0;
};

struct CallRule {
  std::string recipient;  ///< "functions.get_weather"
  BodyPtr arguments;      ///< null: any text
  bool json = true;       ///< its header says <|constrain|>json
};

/// What an answer may be.
struct AnswerRules {
  std::vector<CallRule> calls;  ///< recipients that may be named at all
  bool call_required = false;   ///< no final channel and no <|return|> before a call; with one rule: that function
  bool calls_allowed = true;    ///< false: nobody is called
  BodyPtr final_body;  ///< of channel final; then <|return|> comes only when it is complete, and no bare commentary
  /// The answer does not reason. Without call_required, calls allowed or not, it begins in the body of final and nobody
  /// can be called. With call_required it begins at a header, the budget of reasoning is 0, and a call must come.
  bool skip_reasoning = false;
  std::optional<int> reasoning_budget;  ///< tokens of analysis after which it ends and final begins
  /// Ids that may never come, in headers too (logit_bias -100). Where they leave nothing, the mask has no bit set.
  std::vector<Token> never;
  /// False: the answer is raw text without headers. Then `never` alone counts, and no id above the tokenizer's largest.
  bool harmony = true;

  /// Whether the prompt ends with `<|channel|>final<|message|>`; else the answer begins behind `<|start|>assistant`.
  bool begins_in_final() const { return harmony && skip_reasoning && !call_required; }
};

/// The state of one answer. Not thread-safe; copied for a fork by telling the tokens again.
class AnswerGuide {
 public:
  /// Null: the grammars are not of Grammars::create. It keeps them.
  static std::unique_ptr<AnswerGuide> create(std::shared_ptr<Grammars> grammars,
                                             std::shared_ptr<const AnswerRules> rules);
  virtual ~AnswerGuide() = default;
  /// The mask for the token after `answer`: a bit for each id up to vocab, as SampleChoice::mask wants it; null:
  /// everything may come. `answer` extends what was told before, or begins anew. Valid until the next call. No bit is
  /// set where bans, or a body that is not complete, leave nothing: the answer cannot go on as the rules want it.
  virtual const uint32_t* mask(std::span<const Token> answer) = 0;
  /// Seconds that masks took so far, and how many were made.
  virtual std::pair<double, int64_t> cost() const = 0;
};

}  // namespace mxpath::grammar
