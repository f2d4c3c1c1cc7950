// Which words of a log may stand in an advice: only what has the form of a package, a version, a number, a flag or a
// file.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mxpath::diagnose {

/// The form that a captured word must have, and what it becomes.
enum class Shape : uint8_t {
  number,  // above 0
  port,    // up to 65535
  decimal,
  size,      // "13.2 GiB"
  version,   // "2.8.0+cu128"
  cuda,      // "12020" → "12.2"
  package,   // a name that pip may take
  known,     // a package that data/diagnose/known_packages.json has
  module,    // its package
  spec,      // "name>=1,<2", quoted
  range,     // ">=3.10"
  packages,  // the words behind pip install
  debian,    // the name of a Debian package
  header,    // its Debian package
  library,   // its Debian package
  any_flag,  // a flag that is to be left out
  setting,   // a flag, variable or keyword of harmless_settings.h; a value behind it must be one that it takes
  option,    // max_model_len → --max-model-len, of the same list
  value,
  choices,     // several values
  repository,  // owner/name
  model,       // the same, or a model of Ollama
  file,        // a relative or absolute path without ".."
  word,
};
inline constexpr int shape_count = static_cast<int>(Shape::word) + 1;
std::string_view name_of(Shape shape);

/// Brings a captured word into the form that may be typed, or nothing. A log is written by anybody: what comes out
/// holds letters, digits and a few signs that mean nothing to a shell, is short, and never begins with "-" unless it is
/// a flag.
std::optional<std::string> shaped(Shape shape, std::string_view captured);

/// Whether all packages of a pip command are in the table: a name that only the log knows may be a trap.
bool knows_packages(std::string_view pip_words);

}  // namespace mxpath::diagnose
