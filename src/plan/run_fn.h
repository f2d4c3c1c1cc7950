// The signature of each operation's kernels. Declarations only: planning never includes a kernel.
#pragma once
#include <variant>

namespace mxpath {

struct EmbedArgs;
struct NormArgs;
struct LinearArgs;
struct RopeArgs;
struct AttentionArgs;
struct RouterArgs;
struct MoeMatmulArgs;  // moe_gate_up and moe_down
struct SwigluArgs;
struct SampleArgs;
struct AttentionBlockArgs;
struct ExpertsBlockArgs;

/// What a path runs; monostate only where the path is not built. Each folder of src/kernels defines its own Args.
using RunFn =
    std::variant<std::monostate, void (*)(const EmbedArgs&), void (*)(const NormArgs&), void (*)(const LinearArgs&),
                 void (*)(const RopeArgs&), void (*)(const AttentionArgs&), void (*)(const RouterArgs&),
                 void (*)(const MoeMatmulArgs&), void (*)(const SwigluArgs&), void (*)(const SampleArgs&),
                 void (*)(const AttentionBlockArgs&), void (*)(const ExpertsBlockArgs&)>;

}  // namespace mxpath
