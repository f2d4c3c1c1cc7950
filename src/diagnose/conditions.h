// What a row of a table may ask of a log and of a machine.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace mxpath::diagnose {

/// What else the log talks about. Found by the rows of kind `context`, asked for by the others.
enum class Context : uint8_t {
  gpt_oss,  // the model, by name
  mxfp4,
  triton,       // Triton or triton_kernels in the trace
  kernel_code,  // frames or files of a GPU kernel library
  dequantize,   // the weights were (or are being) expanded to bf16
  hub_kernels,  // the kernels package or kernels-community
  offload,      // device_map, CPU or disk placement
  training,     // trainer, LoRA, PEFT, backward
  transformers,
  unsloth,
  vllm,
  sglang,
  trtllm,
  llama_cpp,
  ollama,
  flashinfer,
  amd,      // ROCm, gfx, HIP
  no_bf16,  // "doesn't support torch.bfloat16"
  batch_invariant,
  moe_backend_flag,
  tensor_parallel,
  ptxas_detail,
  image_model,  // stable diffusion and the like: another world
  failure,      // some error was printed at all
  progress,     // the server came up: "Application startup complete", token rates
  lm_studio,
};
inline constexpr int context_count = static_cast<int>(Context::lm_studio) + 1;
std::string_view name_of(Context context);

/// A set of the values of an enum.
template <class Enum>
struct SetOf {
  uint32_t bits = 0;
  constexpr SetOf() = default;
  constexpr SetOf(std::initializer_list<Enum> list) {
    for (Enum value : list) add(value);
  }
  constexpr void add(Enum value) { bits |= 1u << static_cast<int>(value); }
  constexpr bool empty() const { return bits == 0; }
  constexpr bool has(Enum value) const { return bits >> static_cast<int>(value) & 1; }
  constexpr bool overlaps(SetOf other) const { return (bits & other.bits) != 0; }
  constexpr bool contains(SetOf other) const { return (bits & other.bits) == other.bits; }
};
using Contexts = SetOf<Context>;
static_assert(context_count <= 32);

/// A set of compute capabilities (90 for 9.0). Never a range: 12.0 is not "more" than 10.0. Empty: any.
struct Capabilities {
  static constexpr int most = 12;
  std::array<int, most> values = {};  ///< 0 behind the last
  constexpr bool empty() const { return values[0] == 0; }
  constexpr bool contains(int capability) const {
    for (int v : values)
      if (v == capability && v != 0) return true;
    return false;
  }
};

/// What may be asked of the user when the text cannot decide.
enum class Need : uint8_t { checkpoint, machine, versions, full_log };
inline constexpr int need_count = static_cast<int>(Need::full_log) + 1;
std::string_view name_of(Need need);

using Needs = SetOf<Need>;

}  // namespace mxpath::diagnose
