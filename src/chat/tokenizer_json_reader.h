// Reads the JSON of a tokenizer.json: vocabulary and merges into flat lists, the rest into one small value.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace mxpath {

/// What the file says, not yet checked beyond its form. A 200k vocabulary as a Json tree would take a second and 100
/// MB.
struct TokenizerJson {
  struct Entry {
    uint32_t offset, length;
    int64_t id;
  };
  struct Pair {
    uint32_t offset, left_length, right_length;
  };

  Json rest;            // everything but model.vocab and model.merges, which are null here
  std::string strings;  // of vocabulary and merges, as in the file
  std::vector<Entry> vocabulary;
  std::vector<Pair> merges;  // "a b" and ["a","b"] alike
  bool has_vocabulary = false, has_merges = false;

  std::string_view key(const Entry& entry) const {
    return std::string_view(strings).substr(entry.offset, entry.length);
  }
  std::string_view left(const Pair& pair) const {
    return std::string_view(strings).substr(pair.offset, pair.left_length);
  }
  std::string_view right(const Pair& pair) const {
    return std::string_view(strings).substr(pair.offset + pair.left_length, pair.right_length);
  }
};

/// Errors: not JSON, larger than 96 MiB, nested deeper than 64, a key twice, a vocabulary value that is no integer, a
/// merge that is no pair.
Result<TokenizerJson> read_tokenizer_json(std::string_view json, std::string_view where);

}  // namespace mxpath
