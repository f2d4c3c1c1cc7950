// Texts to score, from files.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "app/model_files.h"

namespace mxpath {

struct ScoreInput {
  std::string name;  ///< the file, or "file:3" for a line of it
  std::vector<Token> tokens;
};

/// A whole file as one text, read as it stands, without harmony; - is standard input. Errors: it cannot be read, is
/// empty.
Result<ScoreInput> read_score_file(const std::string& path, const ModelFiles& files);

/// A text a line: as it stands, {"text": TEXT}, or {"tokens": [1, 2]}. Lines of blanks are skipped. Errors, with their
/// line: JSON that is none, another object, an empty text, an id outside the vocabulary; no text at all.
Result<std::vector<ScoreInput>> parse_score_lines(std::string_view text, std::string_view where,
                                                  const ModelFiles& files);
/// parse_score_lines of a file; - is standard input.
Result<std::vector<ScoreInput>> read_score_lines(const std::string& path, const ModelFiles& files);

}  // namespace mxpath
