// Bodies by xgrammar: the only file that knows it. It throws, and logs; neither comes further than here.
#include "base/text.h"
#include "grammar/body.h"
#include "grammar/json_strings.h"
#include "grammar/xgrammar_loops.h"

#if MXPATH_GRAMMAR

#include <dlpack/dlpack.h>
#include <xgrammar/xgrammar.h>

#include <exception>
#include <stdexcept>

namespace xgrammar {
namespace {

/// What the library logs on this thread.
thread_local std::vector<std::string> logged;

}  // namespace

// With XGRAMMAR_LOG_CUSTOMIZE the library calls these two.
[[noreturn]] void LogFatalImpl(const std::string&, int, const std::string& message) {
  throw std::runtime_error(message);
}
void LogMessageImpl(const std::string&, int, int, const std::string& message) {
  if (logged.size() < 100) logged.push_back(message);
}

}  // namespace xgrammar

namespace mxpath::grammar {
namespace {

/// f(), or a value instead where it throws.
template <class F, class T>
auto guarded(F f, T otherwise) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    return otherwise;
  }
}

/// What all bodies of a vocabulary share.
struct Shared {
  JsonStrings strings;
  Token end_mark;
};

class XgrammarState : public BodyState {
 public:
  XgrammarState(const xgrammar::CompiledGrammar& grammar, const Shared& shared, bool json)
      : matcher_(grammar), shared_(&shared), json_(json) {}

  bool accept(Token token) override {
    if (token == shared_->end_mark) return false;
    if (!guarded([&] { return matcher_.AcceptToken(token); }, false)) return false;
    text_.advance(shared_->strings.table().text(token));
    return true;
  }
  bool is_complete() const override {
    return guarded([&] { return matcher_.IsCompleted(); }, false);
  }
  bool fill(TokenMask& mask) override {
    int64_t shape[] = {static_cast<int64_t>(mask.size())};
    DLTensor tensor{.data = mask.data(),
                    .device = {kDLCPU, 0},
                    .ndim = 1,
                    .dtype = {kDLInt, 32, 1},
                    .shape = shape,
                    .strides = nullptr,
                    .byte_offset = 0};
    const bool filled = guarded([&] { return matcher_.FillNextTokenBitmask(&tensor), true; }, false);
    if (json_) shared_->strings.keep_legal(text_, mask);
    return filled;
  }

 private:
  xgrammar::GrammarMatcher matcher_;
  const Shared* shared_;
  bool json_;
  JsonText text_;
};

class XgrammarBody : public Body {
 public:
  XgrammarBody(xgrammar::CompiledGrammar grammar, std::shared_ptr<const Shared> shared, bool json)
      : grammar_(std::move(grammar)), shared_(std::move(shared)), json_(json), bytes_(grammar_.MemorySizeBytes()) {}

  std::unique_ptr<BodyState> begin() const override {
    return guarded(
        [&]() -> std::unique_ptr<BodyState> { return std::make_unique<XgrammarState>(grammar_, *shared_, json_); },
        nullptr);
  }
  size_t bytes() const override { return bytes_; }

 private:
  xgrammar::CompiledGrammar grammar_;
  std::shared_ptr<const Shared> shared_;
  bool json_;
  size_t bytes_;
};

std::vector<std::string> texts_of(const TokenTable& table) {
  std::vector<std::string> texts(table.vocab());  // "" is what the library takes for a special token
  for (Token id = 0; id < table.vocab(); ++id) texts[id] = table.text(id);
  return texts;
}

class XgrammarCompiler : public BodyCompiler {
 public:
  XgrammarCompiler(const TokenTable& table, Token end_mark)
      : vocabulary_(texts_of(table), xgrammar::VocabType::RAW, table.vocab(), std::vector<int32_t>{end_mark}),
        shared_(std::make_shared<Shared>(Shared{JsonStrings(table), end_mark})) {}

  CompiledBody compile(BodyKind kind, const std::string& text) const override {
    CompiledBody compiled;
    xgrammar::logged.clear();
    try {
      // One thread, and no cache of its own.
      xgrammar::GrammarCompiler compiler(vocabulary_, 1, false);
      compiled.body =
          std::make_shared<XgrammarBody>(grammar_of(compiler, kind, text), shared_, kind == BodyKind::json_schema);
    } catch (const std::exception& problem) {
      compiled.problem = printable(problem.what(), 300);
    } catch (...) {
      compiled.problem = "the grammar cannot be compiled";
    }
    if (compiled.body && !can_begin(*compiled.body))
      compiled = {.body = nullptr, .problem = "no text satisfies it", .warnings = {}};
    compiled.warnings = std::move(xgrammar::logged);
    xgrammar::logged.clear();
    return compiled;
  }

 private:
  bool can_begin(const Body& body) const {
    TokenMask mask(shared_->strings.table().words(), 0);
    const std::unique_ptr<BodyState> state = body.begin();
    return state && state->fill(mask) && (!is_empty(mask) || state->is_complete());
  }

  static xgrammar::CompiledGrammar grammar_of(xgrammar::GrammarCompiler& compiler, BodyKind kind,
                                              const std::string& text) {
    if (kind == BodyKind::regex) return compiler.CompileRegex(text);
    if (kind == BodyKind::lark) return lark(compiler, text);
    return compiler.CompileJSONSchema(text, true, std::nullopt, std::nullopt, false);
  }

  static xgrammar::CompiledGrammar lark(xgrammar::GrammarCompiler& compiler, const std::string& text) {
    const xgrammar::Grammar grammar = xgrammar::Grammar::FromLark(text);
    if (has_empty_loop(grammar)) throw std::runtime_error("a rule of the grammar is nothing but itself");
    return compiler.CompileGrammar(grammar);
  }

  xgrammar::TokenizerInfo vocabulary_;
  std::shared_ptr<const Shared> shared_;
};

}  // namespace

bool has_grammars() { return true; }

Result<std::unique_ptr<BodyCompiler>> make_body_compiler(const TokenTable& table, Token end_mark) {
  try {
    return std::unique_ptr<BodyCompiler>(std::make_unique<XgrammarCompiler>(table, end_mark));
  } catch (const std::exception& problem) {
    return fail("the vocabulary cannot be used for grammars: {}", printable(problem.what()));
  }
}

}  // namespace mxpath::grammar

#else

namespace mxpath::grammar {

bool has_grammars() { return false; }

Result<std::unique_ptr<BodyCompiler>> make_body_compiler(const TokenTable&, Token) {
  return std::unique_ptr<BodyCompiler>();
}

}  // namespace mxpath::grammar

#endif
