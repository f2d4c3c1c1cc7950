// What a log says about the GPU and the versions, line by line.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/log_scan.h"
#include "diagnose/table.h"

namespace mxpath::diagnose {

/// A GPU by the words that logs have for it: a row of data/diagnose/named_gpus.json. The capability in a log is better.
struct NamedGpu {
  std::string_view name;
  int capability = 0;  ///< 90 for 9.0
};
/// Errors as read_table; a name twice, too.
Result<Table<NamedGpu>> named_gpus_from_json(std::string_view json, std::string_view file);

/// Phrases that make a line worth asking.
std::vector<std::string> fact_phrases();
/// Adds what one (normalised) line states.
void read_facts(std::string_view line, ScanResult& result);

}  // namespace mxpath::diagnose
