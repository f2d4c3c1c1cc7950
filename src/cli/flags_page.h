// docs/flags.md, from the options that the commands really have.
#pragma once
#include <string>

namespace mxpath::cli {

/// A Markdown page: every command with its arguments and flags; flags that commands share as a group stand there once.
std::string flags_page();

}  // namespace mxpath::cli
