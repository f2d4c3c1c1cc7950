// What a log says about the GPU and the versions, line by line.
#pragma once
#include <string_view>
#include <vector>

#include "diagnose/log_scan.h"

namespace mxpath::diagnose {

/// Phrases that make a line worth asking.
std::vector<std::string> fact_phrases();
/// Adds what one (normalised) line states.
void read_facts(std::string_view line, ScanResult& result);

}  // namespace mxpath::diagnose
