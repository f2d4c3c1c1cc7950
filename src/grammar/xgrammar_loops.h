// What makes the grammar compiler recurse until the stack is full.
#pragma once

namespace xgrammar {
class Grammar;
}

namespace mxpath::grammar {

/// Whether a rule of the grammar is nothing but itself, once or repeated, perhaps by way of others (`a: b+`, `b: a`).
bool has_empty_loop(const xgrammar::Grammar& grammar);

}  // namespace mxpath::grammar
