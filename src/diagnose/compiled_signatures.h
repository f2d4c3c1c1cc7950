// The signatures, ready to run: one automaton for all phrases, one compiled pattern for each row that has one.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "diagnose/pattern.h"
#include "diagnose/phrase_search.h"
#include "diagnose/signature.h"

namespace mxpath::diagnose {

struct CompiledSignatures {
  struct Row {
    const Signature* row;
    std::optional<Pattern> pattern;
  };
  std::vector<Row> rows;                ///< as signatures()
  std::vector<uint32_t> row_of_phrase;  ///< phrase id → row; phrases of facts (log_facts.h) have rows.size()
  std::vector<std::string> phrases;     ///< squeezed
  std::unique_ptr<PhraseSearch> search;
};

/// Compiled once, at first use.
const CompiledSignatures& compiled_signatures();

}  // namespace mxpath::diagnose
