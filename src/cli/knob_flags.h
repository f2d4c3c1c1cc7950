// The knobs as the command line calls them.
#pragma once
#include <string>
#include <string_view>

#include "base/hint.h"
#include "base/json_fwd.h"

namespace mxpath::cli {

/// "--ctx"
std::string_view flag_of(Knob knob);
/// "--ctx 4096"
std::string flag_wording(const Hint& hint);
/// A sentence or report with its knobs as flags: "choose --ctx 4096 or more".
std::string in_flags(std::string_view text);
/// The same for every string in a report.
Json report_in_flags(Json report);

}  // namespace mxpath::cli
