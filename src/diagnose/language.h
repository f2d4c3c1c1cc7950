// The two languages that reports are written in.
#pragma once
#include <cstdint>
#include <string_view>

namespace mxpath::diagnose {

enum class Language : uint8_t { en, ko };

/// One sentence in both languages; text(l) picks one.
struct Phrase {
  std::string_view en, ko;
  constexpr std::string_view text(Language language) const { return language == Language::ko ? ko : en; }
  constexpr bool empty() const { return en.empty(); }
};

/// "ko", "ko_KR.UTF-8" → Korean; anything else, "" included, → English. For the value of LC_ALL, LC_MESSAGES or LANG.
Language language_of_locale(std::string_view locale);

}  // namespace mxpath::diagnose
