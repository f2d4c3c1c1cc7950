// Which words of a log may stand in an advice: only what has the form of a package, a version, a number, a flag or a file.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace mxpath::diagnose {

/// Brings a captured word into the form that may be typed, or nothing. A log is written by anybody: what comes out holds letters, digits
/// and a few signs that mean nothing to a shell, is short, and never begins with "-" unless it is a flag.
/// Shapes: number (above 0), port, decimal, size ("13.2 GiB"), version, cuda ("12020" → "12.2"), package, known (a package that the table
/// knows), module (its package), spec ("name>=1,<2", quoted), range (">=3.10"), packages (the words behind pip install), debian, header and
/// library (their Debian package), setting (a flag, variable or keyword of harmless_settings.h; a value behind it must be one that it
/// takes), option (max_model_len → --max-model-len, of the same list), any_flag (to be left out), value, word, choices, repository, model,
/// file.
std::optional<std::string> shaped(std::string_view shape, std::string_view captured);

/// Whether all packages of a pip command are in the table: a name that only the log knows may be a trap.
bool knows_packages(std::string_view pip_words);

}  // namespace mxpath::diagnose
