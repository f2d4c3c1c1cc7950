// Any bytes as a machine file: a machine that holds together, comes back from its own JSON and can be planned for, or
// one sentence. The same bytes as a name: a known machine, or one sentence.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "kernels/catalogue.h"
#include "machine/known_machines.h"
#include "plan/explain.h"
#include "plan/plan.h"
#include "plan/what_fits.h"

namespace {

using namespace mxpath;

void require(bool holds) {
  if (!holds) std::abort();
}

ModelConfig small_config() {
  ModelConfig c;
  c.layers = 2, c.experts = 4, c.experts_per_token = 2, c.hidden = 64, c.intermediate = 64, c.heads = 4, c.kv_heads = 2,
  c.head_dim = 16, c.vocab = 100;
  c.sliding = {true, false};
  c.quantized_mxfp4 = true;
  return c;
}

void check(const Machine& machine) {
  require(machine.cpu.cores >= 1 && machine.memory > 0 && machine.cpu.bandwidth > 0);
  require(machine.gpus.empty() == !machine.no_gpu_reason.empty());
  const auto again = machine_from_json(machine_to_json(machine).dump(-1, ' ', true), "again");
  require(again.ok() && *again == machine);
  static const Manifest manifest = manifest_from_config(small_config(), "fuzz");
  const auto plan = plan_as_asked(manifest, catalogue_of_full_build(), machine, {}, {});
  require(plan.ok() && plan->decode_seconds > 0 && plan->prefill_seconds > 0);
  require(!explain(*plan, false).empty() && (check_memory(*plan).ok() == plan->fits()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto machine = machine_from_json(text, "fuzz");
  if (machine.ok()) check(*machine);
  else require(!machine.error().message.empty());
  if (size > 64) return 0;
  const auto named = known_machine(text);
  require(named.ok() || !named.error().message.empty());
  return 0;
}
