// The name, size and time of a file.
#pragma once
#include <string>

#include "base/result.h"
#include "convert/source.h"

namespace mxpath::convert {

/// Error: there is no such file.
Result<SourceFile> source_file(const std::string& path);

}  // namespace mxpath::convert
