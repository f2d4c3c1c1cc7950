// What the grammar compiler lets through in a JSON text: control characters inside strings whose length a schema
// bounds, which JSON forbids, and white space without end, which a model that has lost its way writes. Bounding white
// space in the grammar makes it 30 times larger.
#pragma once
#include <array>
#include <string_view>

#include "grammar/token_table.h"

namespace mxpath::grammar {

/// How far a JSON text is, as far as strings and white space go.
struct JsonText {
  enum class Place : uint8_t { outside, in_string, behind_backslash };
  Place place = Place::outside;
  int white = 0;  ///< bytes of white space outside of strings at the end

  /// False: a control character stands in a string.
  bool advance(std::string_view bytes);
};

/// Which tokens may follow. Immutable.
class JsonStrings {
 public:
  /// More white space in a row goes on with something else. A new line and an indent have room.
  static constexpr int most_white = 32;

  explicit JsonStrings(const TokenTable& table);
  void keep_legal(const JsonText& text, TokenMask& mask) const;
  const TokenTable& table() const { return *table_; }

 private:
  const TokenTable* table_;
  std::array<TokenMask, 3> legal_;  // by place: no control character comes into a string
  TokenMask not_white_;             // no white space at their beginning
};

}  // namespace mxpath::grammar
