// What installed packages ask of each other, from their metadata: pairs that do not fit are said before anything is
// started.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/version.h"

namespace mxpath::diagnose {

/// One "Requires-Dist" of one package.
struct Requirement {
  std::string package, version;  ///< who asks
  std::string name, clauses;     ///< for what: "transformers", "<5,>=4.56.0"
};

/// The requirements in a METADATA text. Those with a condition (an extra, a system, a Python) are left out: whether
/// they count is not known.
std::vector<Requirement> requirements_in(std::string_view metadata, std::string_view package, std::string_view version);

/// Whether a version satisfies "<5,>=4.56.0", "==4.57.1", "!=5.0.*", "~=1.2"; clauses of other forms count as
/// satisfied.
bool satisfies(std::string_view version, std::string_view clauses);

/// A requirement that what is installed does not satisfy.
struct Conflict {
  Requirement requirement;
  std::string found;  ///< the installed version
};
std::vector<Conflict> conflicts_in(const std::vector<Requirement>& requirements, const Versions& installed);

}  // namespace mxpath::diagnose
