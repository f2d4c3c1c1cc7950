// A file of JSON with facts that were measured once.
#pragma once
#include <string>

#include "base/json.h"

namespace mxpath {

/// The object in the file; an empty one where there is none, or none that can be read.
Json read_facts(const std::string& file);
/// Whole or not at all, for two programs at once. A file that cannot be written costs the next program a measurement.
void write_facts(const std::string& file, const Json& content);
/// $XDG_CACHE_HOME/mxpath/bandwidth.json; "" without a folder for it.
std::string fact_file();

}  // namespace mxpath
