// docs/paths.md, from the catalogue.
#pragma once
#include <string>

#include "plan/path.h"

namespace mxpath {

/// A Markdown page: every row of every op with what it reads, needs and reaches, then the vocabulary of refusals.
std::string paths_page(const Catalogue& catalogue);

}  // namespace mxpath
