// The knobs as the public options call them.
#pragma once
#include <string>
#include <string_view>

#include "base/hint.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {

/// "context=4096"; "fast_numerics=true" for what the policy calls numerics.
std::string option_wording(const mxpath::Hint& hint);
/// A sentence or report with its knobs as fields of Options: "choose context=4096 or more".
std::string in_option_names(std::string_view text);

/// The hints of an error for whoever reads them as data.
std::vector<Hint> option_hints(std::string_view text);

}  // namespace mxpath::api
