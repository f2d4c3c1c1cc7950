#include "grammar/json_strings.h"

namespace mxpath::grammar {
namespace {

bool is_white(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

void intersect(TokenMask& mask, const TokenMask& other) {
  for (size_t i = 0; i < mask.size(); ++i) mask[i] &= other[i];
}

}  // namespace

bool JsonText::advance(std::string_view bytes) {
  bool legal = true;
  for (const char c : bytes) {
    if (place == Place::outside) {
      white = is_white(c) ? white + 1 : 0;
      if (c == '"') place = Place::in_string;
      continue;
    }
    legal &= static_cast<uint8_t>(c) >= 0x20;
    if (place == Place::behind_backslash) place = Place::in_string;
    else if (c == '"') place = Place::outside;
    else if (c == '\\') place = Place::behind_backslash;
  }
  return legal;
}

JsonStrings::JsonStrings(const TokenTable& table) : table_(&table), not_white_(table.ordinary()) {
  using Place = JsonText::Place;
  for (const Place place : {Place::outside, Place::in_string, Place::behind_backslash}) {
    TokenMask& legal = legal_[static_cast<size_t>(place)];
    legal = table.ordinary();
    for (Token id = 0; id < table.vocab(); ++id)
      if (!JsonText{.place = place}.advance(table.text(id))) forbid(legal, id);
  }
  for (Token id = 0; id < table.vocab(); ++id)
    if (const std::string_view text = table.text(id); !text.empty() && is_white(text[0])) forbid(not_white_, id);
}

void JsonStrings::keep_legal(const JsonText& text, TokenMask& mask) const {
  intersect(mask, legal_[static_cast<size_t>(text.place)]);
  if (text.white >= most_white) intersect(mask, not_white_);
}

}  // namespace mxpath::grammar
