#include "diagnose/phrase_search.h"

#include <deque>

namespace mxpath::diagnose {
namespace {

constexpr uint16_t missing = 0xffff;

/// The byte as it is compared, or 0 where it does not count.
constexpr uint8_t folded(uint8_t byte) {
  if (byte <= ' ' || byte >= 127) return 0;
  if (byte == '"' || byte == '\'' || byte == '`' || byte == '\\' || byte == '|') return 0;
  return byte >= 'A' && byte <= 'Z' ? static_cast<uint8_t>(byte + 32) : byte;
}

}  // namespace

std::string squeeze(std::string_view text) {
  std::string result;
  for (char c : text)
    if (uint8_t f = folded(static_cast<uint8_t>(c))) result.push_back(static_cast<char>(f));
  return result;
}

PhraseSearch::PhraseSearch(const std::vector<std::string>& phrases) {
  std::vector<std::string> squeezed;
  for (const std::string& phrase : phrases) squeezed.push_back(squeeze(phrase));
  add_columns(squeezed);
  table_.assign(columns_, missing);
  output_.assign(1, none);
  for (uint32_t id = 0; id < squeezed.size(); ++id)
    if (!squeezed[id].empty()) add_phrase(squeezed[id], id);
  link_states();
}

// Column 0 is every byte that counts but stands in no phrase: it leads back to the start.
void PhraseSearch::add_columns(const std::vector<std::string>& phrases) {
  std::array<uint8_t, 256> by_folded{};
  columns_ = 1;
  for (const std::string& phrase : phrases)
    for (char c : phrase)
      if (!by_folded[static_cast<uint8_t>(c)]) by_folded[static_cast<uint8_t>(c)] = static_cast<uint8_t>(columns_++);
  for (int byte = 0; byte < 256; ++byte) {
    const uint8_t f = folded(static_cast<uint8_t>(byte));
    column_[static_cast<size_t>(byte)] = f ? by_folded[f] : skipped;
  }
}

void PhraseSearch::add_phrase(std::string_view phrase, uint32_t id) {
  size_t state = 0;
  for (char c : phrase) {
    uint16_t& next = table_[state * columns_ + column_[static_cast<uint8_t>(c)]];
    if (next == missing) {
      next = static_cast<uint16_t>(output_.size());
      state = next;
      output_.push_back(none);
      table_.resize(table_.size() + columns_, missing);  // `next` is dead from here on
    } else {
      state = next;
    }
  }
  outputs_.push_back({id, output_[state]});
  output_[state] = static_cast<uint32_t>(outputs_.size() - 1);
}

// Breadth first: missing edges become those of the longest proper suffix, outputs are chained to the suffix's.
void PhraseSearch::link_states() {
  std::vector<uint16_t> suffix(output_.size(), 0);
  std::deque<uint16_t> queue;
  for (size_t c = 0; c < columns_; ++c) {
    uint16_t& next = table_[c];
    if (next == missing) next = 0;
    else queue.push_back(next);
  }
  while (!queue.empty()) {
    const uint16_t state = queue.front();
    queue.pop_front();
    const uint16_t fallback = suffix[state];
    for (uint32_t o = output_[fallback]; o != none; o = outputs_[o].next) {
      outputs_.push_back({outputs_[o].phrase, output_[state]});
      output_[state] = static_cast<uint32_t>(outputs_.size() - 1);
    }
    for (size_t c = 0; c < columns_; ++c) {
      uint16_t& next = table_[state * columns_ + c];
      const uint16_t via = table_[fallback * columns_ + c];
      if (next == missing) next = via;
      else suffix[next] = via, queue.push_back(next);
    }
  }
}

}  // namespace mxpath::diagnose
