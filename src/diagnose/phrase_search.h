// Many phrases searched for at once in a stream of text (Aho–Corasick over squeezed text).
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath::diagnose {

/// The text without what a terminal, a JSON encoder or a table may put between two letters: white space, quotes,
/// backslashes, `|` and everything outside ASCII; upper case folded. Phrases are compared in this form.
std::string squeeze(std::string_view text);

/// A deterministic automaton; one table lookup for each byte that counts, none for the others.
class PhraseSearch {
 public:
  /// Ids are the indices into `phrases`. Empty phrases (after squeezing) never match.
  explicit PhraseSearch(const std::vector<std::string>& phrases);

  /// Where a stream stands; 0 at its start. Text may be given in pieces of any size.
  using State = uint32_t;

  /// Calls hit(phrase id, offset behind the last byte in text) for every occurrence that ends inside `text`.
  template <class Hit>
  State feed(State state, std::string_view text, Hit&& hit) const {
    const uint16_t* table = table_.data();
    for (size_t i = 0; i < text.size(); ++i) {
      const uint8_t column = column_[static_cast<uint8_t>(text[i])];
      if (column == skipped) continue;
      state = table[state * columns_ + column];
      if (output_[state] != none) report(state, i + 1, hit);
    }
    return state;
  }

  size_t states() const { return output_.size(); }

 private:
  static constexpr uint8_t skipped = 255;
  static constexpr uint32_t none = ~0u;
  struct Output {
    uint32_t phrase, next;
  };  ///< next: another output of the same state, or none

  template <class Hit>
  void report(State state, size_t end, Hit&& hit) const {
    for (uint32_t o = output_[state]; o != none; o = outputs_[o].next) hit(outputs_[o].phrase, end);
  }
  void add_columns(const std::vector<std::string>& phrases);
  void add_phrase(std::string_view phrase, uint32_t id);
  void link_states();

  std::array<uint8_t, 256> column_{};
  size_t columns_ = 0;
  std::vector<uint16_t> table_;   // [states, columns]; fewer than 65536 states
  std::vector<uint32_t> output_;  // [states] index into outputs_
  std::vector<Output> outputs_;
};

}  // namespace mxpath::diagnose
