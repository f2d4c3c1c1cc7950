#include "grammar/compiler_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/text.h"

namespace mxpath::grammar {
namespace {

/// said: a part of the compiler's message. fault: {} is the first text that it quotes.
struct Row {
  std::string_view said, fault, remedy;
};

constexpr std::string_view leave_out = "leave it out", more_simply = "write it more simply";

// The first that fits counts. xgrammar 0.2.9: regex_converter.cc, fsm_builder.cc, lark_converter.cc, grammar_parser.cc,
// json_schema_converter.cc.
constexpr std::array rows = std::to_array<Row>({
    // Patterns.
    {"Empty character class", "[] names no character", "name at least one between [ and ]"},
    {"Unclosed '['", "a '[' has no ']'", R"(close it, or write \[ for the character itself)"},
    {"Invalid repetition count", "what stands in { } is no count",
     R"(write {2}, {2,} or {2,5}, or \{ for the character itself)"},
    {"Escape sequence is not finished", "it ends in a single backslash", R"(write \\ for the character itself)"},
    {"Invalid Unicode escape", R"(\u or \x has not its hexadecimal digits)", R"(write \u0041 or \x41)"},
    {"Invalid control character", R"(\c has no letter behind it)", R"(write \cA, or leave it out)"},
    {"is not recognized", "a backslash stands before a character that needs none", "leave the backslash out"},
    {"Backreference", "it refers back to a group", "write the text of that group once more"},
    {"Unicode character class", R"(\p{…} is not supported)", "name the characters, such as [a-z]"},
    {"Word boundary", R"(\b is not supported)", leave_out},
    {"Group modifier is not finished", "(? has nothing behind it", "write (?: …) for a group"},
    {"Group modifier flag", "it has a flag, such as (?i)", "write both cases, such as [aA]"},
    {"Lookahead", "it looks ahead, (?=…) or (?!…)", "say what may come instead of what may follow"},
    {"Lookbehind", "it looks back, (?<=…) or (?<!…)", "say what may come instead of what came before"},
    {"Invalid named capturing group", "the name of a group does not end", "write (?<name>…), or (?:…) without a name"},
    {"'^'", "a '^' stands in the middle", R"(move it to the beginning, or write \^ for the character itself)"},
    {"'$'", "a '$' stands in the middle", R"(move it to the end, or write \$ for the character itself)"},
    {"Unmatched ')'", "a ')' closes no group", R"(leave it out, or write \) for the character itself)"},
    {"parenthesis is not closed", "a '(' has no ')'", R"(close it, or write \( for the character itself)"},
    {"Two consecutive repetition", "one repetition follows another", "put a group around the first: (?:a+)*"},
    {"Expect element", "a repetition has nothing before it to repeat",
     R"(put a character or group before it, or write \* for the character itself)"},
    {"lower bound is larger", "a range of characters ends before it begins", "turn its ends round"},
    {"Lower bound is larger", "a repetition has a larger least than most", "turn its numbers round"},
    {"Nest layer", "its brackets stand too deep in one another", more_simply},
    // Grammars for custom tools.
    {"no start rule", "there is no rule \"start\"", "call the rule that a text begins with \"start\""},
    {"start must be a rule", "\"start\" is no rule", "write start: … in small letters"},
    {"unknown name", "{} is used and nowhere defined", "define it, or write it in quotation marks as a text"},
    {"unknown common import", "{} is nothing that can be imported", "write the terminal out"},
    {"duplicate rule or terminal", "{} is defined twice", "leave one of them out"},
    {"expected ':'", "a name has no ':' behind it", "write name: …"},
    {"expected ')'", "a '(' has no ')'", "close it"},
    {"expected grammar expression", "there is nothing where a text, a name or a group must stand",
     "write one, or leave the sign before it out"},
    {"expected end of grammar item", "there is something behind the end of a rule", "begin a new line before it"},
    {"expected string literal", "a text, a pattern or a terminal is missing", "write \"…\", /…/ or a name in capitals"},
    {"unterminated", "a text or pattern does not end", "close it in its line"},
    {"unexpected", "there is a character that means nothing there", leave_out},
    {"repetition", "a repetition is wrong", "write a count, ~ 3 or ~ 2..5, the smaller number first"},
    {"recursive terminal", "the terminal {} holds itself", "make it a rule, in small letters"},
    {"circular reference", "a terminal or grammar holds itself", "make it a rule, in small letters"},
    {"cannot reference rule", "a terminal refers to a rule", "make the terminal a rule, in small letters"},
    {"terminal name must be uppercase", "the name of a terminal has small letters", "write it in capitals"},
    {"character range", "a range is not \"a\"..\"z\"", "write one character at each end, the smaller first"},
    {"nested deeper", "groups stand too deep in one another", "make rules of them"},
    {"special token", "it names special tokens", "leave them out; the answer ends by itself"},
    {"templates", "it has templates", "write the rules out"},
    {"priorities", "it has priorities", leave_out},
    {"directive", "it has a directive that is not supported", leave_out},
    {"is not supported", "it uses what is not supported for answers", more_simply},
    // Schemas.
    {"Schema 'false'", "false allows no value", "leave that part out"},
    {"oneOf", "the schemas of oneOf cannot be told apart", "write anyOf"},
    {"oneof", "the schemas of oneOf cannot be told apart", "write anyOf"},
    {"overlap", "the schemas of oneOf cannot be told apart", "write anyOf"},
    {"allOf", "allOf joins several schemas", "write one schema that says all of it"},
    {"multipleOf", "multipleOf cannot be followed", leave_out},
    {"minLength/maxLength", "lengths stand beside a pattern or format", "leave one of the two out"},
    {"$ref", "a $ref leads nowhere", "point it at a schema under $defs"},
    {"Cannot find", "a $ref leads nowhere", "point it at a schema under $defs"},
    {"URI should", "a $ref leads out of the schema", "point it at a schema under $defs"},
    {"maximum", "a number has bounds that no value meets", "turn the bounds round"},
    {"Invalid range", "a number has bounds that no value meets", "turn the bounds round"},
    {"is greater than", "a least number is greater than its most", "turn the bounds round"},
    {"is less than", "a most number is less than what is required", "raise it"},
    {"exceeds", "a number is too large or too small to be followed", "use bounds within 64 bits"},
    // Ours (xgrammar_body.cpp).
    {"no text satisfies it", "no text satisfies it", "remove what contradicts itself"},
    {"nothing but itself", "a rule is nothing but itself", "give it something that ends it"},
});

std::string_view first_quoted(std::string_view message) {
  const size_t begin = message.find('\'');
  const size_t end = begin == message.npos ? begin : message.find('\'', begin + 1);
  return end == message.npos ? std::string_view() : message.substr(begin + 1, end - begin - 1);
}

/// "character 3" of "… at position 3: …", "line 1, column 8"; "": none.
std::string place_in(std::string_view message) {
  const size_t end = message.find(": ");
  for (const std::string_view by : {"at position ", "at line "}) {
    const size_t begin = message.find(by);
    if (begin == message.npos || end == message.npos || begin > end) continue;
    const std::string_view at = message.substr(begin + 3, end - begin - 3);
    return at.starts_with("position ") ? fmt::format("character {}", at.substr(9)) : std::string(at);
  }
  return "";
}

}  // namespace

CompilerWords compiler_words(std::string_view message, bool with_place) {
  message = message.substr(0, message.find("\\x0a"));  // the line of the caller's that the compiler repeats
  const bool own_text = message.starts_with("EBNF");   // what it has made of the caller's
  const std::string place = with_place && !own_text ? place_in(message) : "";
  const size_t head = place.empty() ? message.npos : message.find(": ");
  const std::string_view what = head == message.npos ? message : message.substr(head + 2);
  const auto row = std::ranges::find_if(rows, [&](const Row& r) { return what.find(r.said) != what.npos; });
  CompilerWords words{"it says what answers cannot be held to", std::string(more_simply)};
  if (row != rows.end()) {
    words.fault = row->fault;
    if (const size_t name = words.fault.find("{}"); name != words.fault.npos)
      words.fault.replace(name, 2, fmt::format("\"{}\"", printable(first_quoted(what), 80)));
    words.remedy = row->remedy;
  }
  if (!place.empty()) words.fault += ", at " + place;
  return words;
}

}  // namespace mxpath::grammar
