// This computer as planning sees it, with its memory bandwidth measured once.
#pragma once
#include <string>

#include "machine/machine.h"

namespace mxpath {

enum class Measure { never, if_unknown, again };

/// probe_machine() with the measured bandwidth, kept in `cache_file` by CPU name, cores and kernel release. if_unknown measures (about half
/// a second, once) and writes the file; again measures whatever the file has; never takes what it has or leaves the assumed figure. A file
/// that cannot be read or written costs the measurement, nothing else.
Machine machine_here(Measure measure, const std::string& cache_file);
/// With the file $XDG_CACHE_HOME/mxpath/bandwidth.json.
Machine machine_here(Measure measure);

/// A machine file: machine_to_json's object, or one that holds it under "machine". Errors: those of reading and of machine_from_json.
Result<Machine> machine_from_file(const std::string& path);
/// What --machine means: a machine file if there is one at that path, else a machine that is built in, by any of its names (known_machine).
Result<Machine> machine_named(std::string_view typed);

}  // namespace mxpath
