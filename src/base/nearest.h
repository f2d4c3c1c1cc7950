// What somebody may have meant who typed a name that does not exist.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mxpath {

/// The names nearest to what was typed; none where nothing is near. Case, spaces and punctuation do not count. The
/// first of these that finds any, at most eight: the same name but for those; names that begin with the typed one; that
/// contain it; the one that the fewest slips of the finger lead to (a letter too many, missing or wrong, or two in the
/// wrong order; at most one for each three letters); names of three letters and more that the typed one contains.
std::vector<std::string_view> nearest_names(std::string_view typed, std::span<const std::string_view> names);

/// " (the nearest name is rtx_3090)", " (the nearest names are rtx_3090, rtx_4090)"; "" where nothing is near.
std::string nearest_note(std::string_view typed, std::span<const std::string_view> names);

}  // namespace mxpath
