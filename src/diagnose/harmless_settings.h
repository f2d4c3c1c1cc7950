// The flags, variables and keywords that a log may ask for, with what each takes.
#pragma once
#include <string_view>

namespace mxpath::diagnose {

/// Whether an advice may name it. A log is written by anybody, so this is a list of what does no harm, not of what does: nothing on it
/// loads code, names a file, a model or a place in the network, or turns a protection off.
bool is_harmless_setting(std::string_view name);

/// Whether `value` has the form that the setting takes; false for one that takes none, or that is not on the list.
bool takes_value(std::string_view name, std::string_view value);

}  // namespace mxpath::diagnose
