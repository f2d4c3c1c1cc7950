#include "cli/language_option.h"

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "cli/choice.h"

namespace mxpath::cli {
namespace {

/// POSIX: the first of these that is set and not empty.
diagnose::Language language_of_user() {
  for (const char* name : {"LC_ALL", "LC_MESSAGES", "LANG"})
    if (const char* value = std::getenv(name); value && *value) return diagnose::language_of_locale(value);
  return diagnose::Language::en;
}

}  // namespace

void add_language_option(CLI::App& command, diagnose::Language& language) {
  using diagnose::Language;
  language = language_of_user();
  add_choice<Language>(command, "--lang", language, {{"en", Language::en}, {"ko", Language::ko}},
                       "language of the report; default: the locale's");
}

}  // namespace mxpath::cli
