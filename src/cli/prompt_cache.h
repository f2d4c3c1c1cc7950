// `--prompt-cache`: prompts that were read are kept in a file, and the next run does not read them again.
#pragma once
#include <functional>
#include <string>

#include "app/runtime.h"

namespace mxpath::cli {

/// Before a model is loaded. Errors: those of check_prefix_file; "" is no file.
Status check_prompt_cache(const std::string& path);

/// Reads the file, does `work`, and writes the file anew if that went well. A file that cannot be used is told about.
/// Without a path `work` alone. Errors: those of `work`; a file that cannot be written.
Status with_prompt_cache(const std::string& path, Runtime& runtime, const std::function<Status()>& work);

}  // namespace mxpath::cli
