// What every machine that mxpath knows would do with a model, one row each.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/hint.h"
#include "base/json_fwd.h"
#include "checkpoint/locate.h"
#include "plan/plan.h"

namespace mxpath {

struct MachineRow {
  std::string name, hardware;  ///< "h100"; its GPU, or its CPU where it has none
  std::string placement;       ///< "cuda:0", "cpu", …
  std::string decode,
      prefill;             ///< the path of moe.gate_up for one token and for 512, without the name of the operation
  bool not_built = false;  ///< mxpath does not run there at all: it is for x86-64
  bool fits = false;
  int context = 0;     ///< tokens; the longest that fits where the one asked for does not, 0: none does
  uint64_t bytes = 0;  ///< in both memories together
  double decode_tokens_per_second = 0, prefill_tokens_per_second = 0;
  std::vector<std::string> suggestions;  ///< see Plan
  std::string error;                     ///< why there is no plan at all; everything but the names is then empty
};

struct MachineTable {
  std::string model;
  int context = 0;               ///< the context that was asked for
  std::vector<MachineRow> rows;  ///< the fastest answering first, then what does not fit
};

/// Plans for all known machines, from headers only. Errors: those of opening the model; a policy that cannot be meant.
Result<MachineTable> plan_everywhere(std::string_view model, const ModelPlaces& places, const Policy& policy);

/// wording: how the face calls its knobs.
std::string to_text(const MachineTable& table, Wording wording = plain_wording);
Json to_json(const MachineTable& table);

}  // namespace mxpath
