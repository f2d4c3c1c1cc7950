// What `mxpath bench` says.
#pragma once
#include <array>
#include <optional>
#include <string>

#include "app/reports/bench.h"
#include "base/json_fwd.h"

namespace mxpath {

/// A measurement with all that a figure needs beside it.
struct BenchReport {
  std::string model;                     ///< as typed
  std::optional<uint64_t> random_seed;   ///< the seed of random weights
  double making_seconds = 0;             ///< random weights: to make them
  std::array<double, 3> load_average{};  ///< the machine's load before the start: 1, 5 and 15 minutes
  uint64_t peak_memory = 0;              ///< resident bytes of this process at most
  const Machine* machine = nullptr;
  const LoadedModel* loaded = nullptr;
  BenchResult result;
};

/// {"model", "machine", "load", "paths", "prefill": […], "decode": […], …}: rates in tokens per second; seconds of
/// every reading and step.
Json to_json(const BenchReport& report);
/// What was measured, and the table last. `verbose`: the self-check of every row, and the paths with their calls.
std::string to_text(const BenchReport& report, bool verbose);

}  // namespace mxpath
