// A compiled body and how far an answer is in it; what is behind them is a library's.
#pragma once
#include <memory>

#include "grammar/answer_rules.h"
#include "grammar/token_table.h"

namespace mxpath::grammar {

/// How far one answer is in a body.
class BodyState {
 public:
  virtual ~BodyState() = default;
  /// False: the token is not legal here, and the state stays as it is.
  virtual bool accept(Token token) = 0;
  /// Whether the body may end here.
  virtual bool is_complete() const = 0;
  /// The ordinary tokens that may come. False: that failed, and the mask means nothing.
  virtual bool fill(TokenMask& mask) = 0;
};

class Body {
 public:
  virtual ~Body() = default;
  /// Null: it failed.
  virtual std::unique_ptr<BodyState> begin() const = 0;
  virtual size_t bytes() const = 0;
};

enum class BodyKind { json_schema, regex, lark };

struct CompiledBody {
  BodyPtr body;                       ///< null: it failed
  std::string problem;                ///< why
  std::vector<std::string> warnings;  ///< what the compiler leaves out of its grammar
};

/// Makes bodies from texts, one at a time on each thread; thread-safe.
class BodyCompiler {
 public:
  virtual ~BodyCompiler() = default;
  virtual CompiledBody compile(BodyKind kind, const std::string& text) const = 0;
};

/// Null: this build has none. `end_mark`: an id that is no ordinary text and stands for the end of a body.
Result<std::unique_ptr<BodyCompiler>> make_body_compiler(const TokenTable& table, Token end_mark);

}  // namespace mxpath::grammar
