// Sentences that reports take from folders that know one language.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "diagnose/language.h"

namespace mxpath::diagnose {

/// The sentence in the language of the report; as it is where it is none of the known ones (CUDA's own texts, names,
/// what a file says).
std::string in_language(std::string_view sentence, Language language);

/// Those that are known, with {} where something stands that no language changes.
std::span<const Phrase> known_sentences();

}  // namespace mxpath::diagnose
