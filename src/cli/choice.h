// What options take: one of a few words, a number within limits, something at all.
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/expand_path.h"
#include "base/nearest.h"
#include "base/one_line.h"

namespace mxpath::cli {

/// Sets `target` to the value of the word that was given. CLI11's own transformer shows the enumerators' numbers in the
/// help.
template <class T>
CLI::Option* add_choice(CLI::App& command, const std::string& name, T& target,
                        const std::vector<std::pair<std::string, T>>& choices, const std::string& text) {
  std::string words;
  for (const auto& [word, value] : choices) words += (words.empty() ? "" : "|") + word;
  const auto set = [&target, choices, name, words](const std::string& given) {
    std::vector<std::string_view> known;
    for (const auto& [word, value] : choices) {
      if (word == given) return void(target = value);
      known.push_back(word);
    }
    throw CLI::ValidationError(name + " " + shortened(given) + nearest_note(given, known) + ": choose one of " + words);
  };
  return command.add_option_function<std::string>(name, set, text)->type_name(words);
}

/// A name or path: "" is an unset variable of a script, not a wish for the default.
inline CLI::Validator not_empty() {
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? std::string("must not be empty") : std::string(); }, "");
}

/// A path as a shell would give it: where no shell was, ~ and $NAME are still to be expanded.
inline CLI::Validator expanded_path() {
  return CLI::Validator([](std::string& text) { return text = expanded_unless_there(text), std::string(); }, "");
}

/// A whole number in [low, high], in decimal digits alone: CLI11 takes 0x10, 010 for eight and 1'000, and turns what is
/// too large for an unsigned type into something else.
CLI::Validator whole_number(int64_t low, uint64_t high);

/// A decimal number, perhaps with an exponent; no hexadecimal, no infinity.
CLI::Validator decimal_number();

}  // namespace mxpath::cli
