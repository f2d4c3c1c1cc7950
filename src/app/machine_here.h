// This computer as planning sees it, with its memory bandwidth measured once.
#pragma once
#include <string>

#include "machine/machine.h"

namespace mxpath {

enum class Measure { never, if_unknown, again };

/// probe_machine() with the bandwidth that `threads` threads measured (0: all cores), kept in `cache_file` by CPU name,
/// cores, kernel release and threads. The file keeps several readings, each of another start of the program; their
/// median is the figure, so that one that was wrong does not stay. if_unknown adds a reading (less than half a second)
/// while there are fewer than three, while they lie far apart and are fewer than seven, and where all are from a much
/// busier machine; again measures longer and forgets the others; never takes what the file has (for all cores where it
/// has nothing for so many threads) or leaves the assumed figure. A file that cannot be read or written costs the
/// measurement, nothing else.
Machine machine_here(Measure measure, const std::string& cache_file, int threads = 0);
/// The same with the file $XDG_CACHE_HOME/mxpath/bandwidth.json.
Machine machine_here(Measure measure, int threads = 0);

/// A machine file: machine_to_json's object, or one that holds it under "machine". Errors: those of reading and of
/// machine_from_json.
Result<Machine> machine_from_file(const std::string& path);
/// What the name of a machine means: a machine file if there is one at that path, else a machine that is built in, by
/// any of its names (known_machine).
Result<Machine> machine_named(std::string_view typed);

}  // namespace mxpath
