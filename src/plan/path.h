// A kernel path is a row of constants.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device_id.h"
#include "machine/machine.h"
#include "plan/layout_kind.h"
#include "plan/run_fn.h"
#include "plan/site.h"

namespace mxpath {

/// What a path does to the numbers. All but the first two compute something else than the checkpoint says and need
/// `numerics` fast.
enum class Arithmetic : uint8_t {
  f32,           ///< activations and sums in FP32, weights exactly as held
  bf16_inputs,   ///< activations rounded to BF16, products summed in FP32
  tf32,          ///< activations and weights rounded to TF32 (11 significant bits), products summed in FP32
  int8_dynamic,  ///< activations quantised to INT8 as they come
};
std::string_view name_of(Arithmetic arithmetic);

/// Token counts that one call may have.
struct Range {
  int low = 1, high = std::numeric_limits<int>::max();
  constexpr bool contains(Range other) const { return low <= other.low && other.high <= high; }
  std::string to_string() const;  ///< for tables: "1..15", ">= 16", "any"
  std::string of_tokens()
      const;  ///< for sentences: "1 token", "2 to 15 tokens", "16 or more tokens", "any number of tokens"
};

/// What a path needs. Every default means "no requirement". Closed on purpose: data can be printed, compared and
/// tested; a predicate cannot.
struct Needs {
  CpuFeatures cpu = {};  ///< all required
  ArchSet arch = any_arch;
  int driver = 0;  ///< least CUDA driver API version, 12080 = 12.8
  /// That version is the toolkit's which compiled the row: it differs from build to build.
  bool driver_of_toolkit = false;
  Range tokens = {};
  Range per_sequence = {};  ///< tokens of each sequence of a call
  int n_multiple = 1, k_multiple = 1;
  size_t shared_memory = 0;  ///< bytes per block, from the constexpr function that the kernel itself uses
};

/// The measured share of its roof that a path reaches (docs/performance.md), for one token and for many; 0: not
/// measured.
struct Efficiency {
  double one = 0, many = 0;
  constexpr Efficiency() = default;
  constexpr Efficiency(double both) : one(both), many(both) {}
  constexpr Efficiency(double of_one, double of_many) : one(of_one), many(of_many) {}
  bool operator==(const Efficiency&) const = default;
};

/// A part of a composite site that a row computes itself.
struct FusedPart {
  SiteId site;
  Layout layout = Layout::none;  ///< that it reads the part's weights in
  /// The row whose results it gives, bit for bit: it is refused where that one is, for the same reasons. Empty: there
  /// is none.
  std::string_view like = {};
};

/// Bytes that a row keeps while one call of a site runs on so many threads of the CPU; never less for more tokens.
/// Begins on 64 bytes.
using ScratchFn = size_t (*)(const Site& site, const Call& call, int threads);

struct KernelPath {
  std::string_view name = {};  ///< op.device.target.types.method; globs in a policy match this
  Op op = Op::linear;
  DeviceKind device = DeviceKind::cpu;
  Layout weights = Layout::none;  ///< the layout it reads; any: through decode()
  Arithmetic arithmetic = Arithmetic::f32;
  Needs needs = {};
  Unit unit = Unit::scalar;    ///< which roof it computes under
  Efficiency efficiency = {};  ///< the share of that roof that it reaches
  int launches = 1;            ///< cuda: kernels that one call puts into the stream, one after another
  /// Of a composite op: the parts that it computes itself; the others run as the plan has chosen.
  std::span<const FusedPart> fuses = {};
  /// A token's results have the same bits whatever tokens share the call; a test proves it of each row.
  bool batch_invariant = false;
  bool thread_invariant = false;  ///< and whatever the number of threads of the computer; also proven
  bool built = true;              ///< rows exist in every build; what was left out says so
  ScratchFn scratch = nullptr;    ///< null: it keeps nothing
  RunFn run = {};
  /// On a GPU: one kernel of each kind that it launches, to ask the driver whether they load.
  std::span<const void* const> (*images)() = nullptr;
};

/// Whether a row computes nothing itself: the composite one of an operation that is made of others.
inline bool only_calls_others(const KernelPath& path) { return row_of(path.op).composite && path.fuses.empty(); }

/// What a row keeps during a call.
inline size_t scratch_bytes(const KernelPath& path, const Site& site, const Call& call, int threads) {
  return path.scratch ? path.scratch(site, call, threads) : 0;
}

/// "same bits in any batch, on any number of threads", or what they depend on.
std::string_view invariance_of(const KernelPath& path);

/// The portable row of an op and device, or the composite one: it requires nothing but, on a GPU, what CUDA itself does
/// (an architecture and a driver that can load portable code), so there is always a way to compute the op.
bool is_floor(const KernelPath& path);

/// CUDA's compiler by version, so that ranges can be compared: nvcc_version(13, 2, 51) is the nvcc of CUDA 13.2.0.
constexpr int nvcc_version(int major, int minor, int build) { return (major * 100 + minor) * 1000 + build; }

/// A combination known to compute wrong or to crash, whatever the self-check says. It names facts of rows, of what they
/// read and of what they run on, never names of rows. Every fact that is set must hold. The portable row of a CPU is
/// never refused: below it there is nothing.
struct KnownIssue {
  std::optional<DeviceKind> device = {};  ///< the device of the row
  std::optional<Unit> unit = {};          ///< the unit that the row computes under
  FormatSet formats = {};                 ///< the row reads weights that are held in one of these
  CpuFeatures cpu = {};                   ///< on CPUs that have all of these …
  ArchSet arch = any_arch;                ///< … and GPUs of these architectures (cuda paths)
  /// Machine code that nvcc made for that architecture alone, not what a driver makes of PTX.
  bool family_code = false;
  int driver_below = 0;               ///< only with an older CUDA driver than this; 0: with any
  int nvcc_from = 0, nvcc_below = 0;  ///< only in programs whose CUDA code came from such an nvcc; below 0: from any
  std::string_view reason = {}, link = {};
};

/// All rows that exist, whatever this machine can run.
struct Catalogue {
  std::vector<const KernelPath*> paths;
  std::vector<KnownIssue> known_issues;
  int nvcc = 0;  ///< nvcc_version of what compiled the cuda rows; 0: nothing did
  const KernelPath* find(std::string_view name) const;
};

}  // namespace mxpath
