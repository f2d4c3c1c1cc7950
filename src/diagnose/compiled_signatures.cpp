#include "diagnose/compiled_signatures.h"

#include "diagnose/log_facts.h"

namespace mxpath::diagnose {
namespace {

CompiledSignatures compile() {
  CompiledSignatures table;
  std::vector<std::string> all;
  const auto add = [&](std::string_view phrase) {
    all.emplace_back(phrase);
    table.row_of_phrase.push_back(static_cast<uint32_t>(table.rows.size()));
  };
  for (const Signature& row : signatures()) {
    for (std::string_view phrase : row.phrases) add(phrase);
    CompiledSignatures::Row made{&row, std::nullopt};
    if (!row.pattern.empty())
      if (auto pattern = Pattern::compile(row.pattern)) made.pattern = std::move(*pattern);
    table.rows.push_back(std::move(made));
  }
  for (const std::string& phrase : fact_phrases()) add(phrase);
  for (const std::string& phrase : all) table.phrases.push_back(squeeze(phrase));
  table.search = std::make_unique<PhraseSearch>(all);
  return table;
}

}  // namespace

const CompiledSignatures& compiled_signatures() {
  static const CompiledSignatures table = compile();
  return table;
}

}  // namespace mxpath::diagnose
