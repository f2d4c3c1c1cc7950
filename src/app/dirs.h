// Where things are on this computer: the demo model, the user's cache and state.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "checkpoint/locate.h"

namespace mxpath {

/// "0.1.0"
std::string_view version();

/// The demo model is in $MXPATH_DEMO_DIR, else in share/mxpath/demo beside the folder of the program, else where
/// it was to be installed, else in the source tree.
ModelPlaces model_places();

/// $XDG_CACHE_HOME/mxpath (~/.cache/mxpath) and $XDG_STATE_HOME/mxpath (~/.local/state/mxpath); not created. "" without
/// a home.
std::string cache_folder();
std::string state_folder();
/// Creates a folder and those above it, for the user alone. Error: the system's reason.
Status make_folder(const std::string& folder);

}  // namespace mxpath
