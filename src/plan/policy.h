// What the user allows and wants, as data.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "device/device_id.h"
#include "machine/machine.h"
#include "plan/layout_kind.h"

namespace mxpath {

enum class Numerics : uint8_t { checkpoint, fast };  ///< fast: paths that quantise activations may be chosen too
enum class Goal : uint8_t {
  decode,
  balanced,
  prefill
};  ///< which token counts weigh most when one layout must serve all
enum class DeviceChoice : uint8_t { automatic, cpu, cuda };

/// What keys and values are held in where nothing else is asked for: what the checkpoints compute in.
inline constexpr NumberFormat default_kv = NumberFormat::bf16;
/// The limit of Policy::sequences.
inline constexpr int most_sequences = 1024;

struct Policy {
  std::vector<std::string>
      only;  ///< globs: ops that have a matching path use one of the matching paths, or planning fails
  std::vector<std::string> exclude;     ///< globs
  std::optional<WeightFormat> weights;  ///< the format of the experts; empty: as stored
  std::optional<WeightFormat>
      dense_weights;             ///< the format of the attention projections and the head; empty: as stored
  NumberFormat kv = default_kv;  ///< the format that keys and values are held in, one of kv_formats()
  Numerics numerics = Numerics::checkpoint;
  Goal goal = Goal::balanced;
  DeviceChoice device = DeviceChoice::automatic;
  std::vector<DeviceId> gpus;  ///< the GPUs to use, all of them and in this order; empty: those that the model needs
  /// Instead of gpus where one is named by its UUID: "cuda:1", "GPU-8c0d…" or "MIG-8c0d…", the beginning is enough;
  /// named_gpus() finds them.
  std::vector<std::string> gpu_names;
  std::vector<int> split;          ///< layers for each GPU in order; empty: by free memory
  std::optional<int> gpu_layers;   ///< number of trailing layers to place on GPUs; empty: as many as fit
  std::optional<int> cpu_experts;  ///< among those, how many keep their experts on the CPU; empty: the fewest that fit
  bool strict = false;             ///< nothing but the checkpoint's own numbers on a path that is not the portable one
  /// An answer has the same bits whatever else is asked at the same time, and however its prompt is cut:
  /// batch-invariant paths alone, and one for all token counts of an operation.
  bool deterministic = false;
  int threads = 0;             ///< 0: all cores of the machine
  int context = 0;             ///< 0: default_context
  int chunk = 0;               ///< most tokens in one forward; 0: 512, or 2,048 with the whole model on GPUs
  uint64_t memory_budget = 0;  ///< bytes; 0: what is free on the machine
  int sequences = 0;           ///< most sequences at once; 0: one
  /// Bytes for keys and values on each device; 0: a whole context for each sequence, or as many pages as fit.
  uint64_t kv_memory = 0;
  std::vector<std::string>
      inject_failure;  ///< "GLOB" or "GLOB:KIND" (plan/fault.h): paths that are made to fail, to see the fallback
};

inline constexpr int default_context = 8192;
/// The limit of gpu_layers and cpu_experts; more than the model has are all of them.
inline constexpr int most_layers = 1 << 20;

/// Every format that set_weights takes, as typed, the checkpoint's own first.
std::span<const std::string_view> weights_choices();

/// The knobs as typed: "as-stored", "bf16", …; "auto", "cpu", "cuda", "cuda:1", "cuda:0,cuda:1", "GPU-8c0d…",
/// "cuda:0,GPU-8c0d…"; "20,16". Errors list what is possible.
Status set_weights(Policy& policy, std::string_view text);
Status set_dense_weights(Policy& policy, std::string_view text);
/// "bf16", "fp16", "fp32", "fp8-e4m3", "int8".
Status set_kv(Policy& policy, std::string_view text);
Status set_device(Policy& policy, std::string_view text);
Status set_split(Policy& policy, std::string_view text);

/// The policy with the machine's numbers in place of UUIDs. Errors (wrong use): a UUID that no GPU there has, or more
/// than one; a GPU that is named twice, in whatever way.
Result<Policy> named_gpus(Policy policy, const Machine& machine);

}  // namespace mxpath
