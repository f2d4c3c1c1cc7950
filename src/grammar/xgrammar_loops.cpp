#include "grammar/xgrammar_loops.h"

#if MXPATH_GRAMMAR

#include <grammar_impl.h>
#include <xgrammar/xgrammar.h>

#include <vector>

namespace mxpath::grammar {
namespace {

using Impl = xgrammar::Grammar::Impl;
using Type = Impl::GrammarExprType;

// The rule that is all of this expression, -1 if there is more to it.
int32_t only_rule(const Impl& grammar, int32_t expression) {
  while (true) {
    const Impl::GrammarExpr here = grammar.GetGrammarExpr(expression);
    if (here.type == Type::kRuleRef || here.type == Type::kRepeat) return here[0];
    const bool one = (here.type == Type::kChoices || here.type == Type::kSequence) && here.size() == 1;
    if (!one) return -1;
    expression = here[0];
  }
}

}  // namespace

bool has_empty_loop(const xgrammar::Grammar& grammar) {
  const Impl& impl = *grammar.ImplPtr();
  const int32_t rules = impl.NumRules();
  std::vector<int32_t> next(rules);
  for (int32_t rule = 0; rule < rules; ++rule) next[rule] = only_rule(impl, impl.GetRule(rule).body_expr_id);
  // Each rule leads to one other at most: what is followed for longer than there are rules goes in a circle.
  for (int32_t rule = 0; rule < rules; ++rule) {
    int32_t at = rule;
    for (int32_t steps = 0; at >= 0 && steps <= rules; ++steps) at = next[at];
    if (at >= 0) return true;
  }
  return false;
}

}  // namespace mxpath::grammar

#endif
