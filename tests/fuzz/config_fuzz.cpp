// Any bytes as config.json: a config that holds together and reads back as it is written, or one sentence.
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "checkpoint/config.h"
#include "checkpoint/manifest.h"
#include "checkpoint/summary.h"
#include "checkpoint/write_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = mxpath::parse_config({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!config.ok()) {
    if (config.error().message.empty()) std::abort();
    return 0;
  }
  if (config->head_dim % 2 || config->heads % config->kv_heads || config->experts_per_token > config->experts)
    std::abort();
  if (config->sliding.size() != static_cast<size_t>(config->layers)) std::abort();
  const auto back = mxpath::parse_config(mxpath::hub_config_json(*config), "written");
  if (!back.ok() || back->hidden != config->hidden || back->sliding != config->sliding || back->eos != config->eos)
    std::abort();
  if (back->norm_eps != config->norm_eps || back->rope.theta != config->rope.theta ||
      back->rope.factor != config->rope.factor)
    std::abort();
  if (config->layers <= 64) {
    const auto summary = mxpath::summarise(mxpath::manifest_from_config(*config, "fuzz"));
    if (summary.parameters == 0 || summary.active_parameters > summary.parameters ||
        mxpath::to_json(summary).dump().empty())
      std::abort();
  }
  return 0;
}
