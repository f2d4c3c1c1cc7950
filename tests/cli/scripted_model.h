// A checkpoint that answers every question with the same tokens: what the program makes of an answer, without real
// weights.
#pragma once
#include <string>
#include <vector>

#include "checkpoint/test_folder.h"

namespace mxpath {

/// Fills `folder`/`name` and returns its path. Each string of the script is one token; the names of harmony's special
/// tokens are those tokens. When the script is over, it goes on as after the same eleven tokens before: give its last
/// thirteen twice, and it never ends. At most 80 tokens; two places in it that follow the same eleven tokens must have
/// the same next one. fatal: a token of the script after which no logit is a number.
std::string write_scripted_model(const TestFolder& folder, const std::string& name,
                                 const std::vector<std::string>& script, const std::string& fatal = "");

}  // namespace mxpath
