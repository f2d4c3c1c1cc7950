// Which path each operation takes, why the others do not, what it needs, and how fast it should be.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "checkpoint/manifest.h"
#include "plan/kv_layout.h"
#include "plan/path.h"
#include "plan/placement.h"
#include "plan/policy.h"
#include "plan/refusal.h"
#include "plan/site.h"

namespace mxpath {

/// A class of calls. A chosen path must be legal for all of them, so that at run time a lookup is enough.
struct Regime {
  Range tokens;
  Call typical;             ///< the call that is priced
  Range per_sequence = {};  ///< tokens of each sequence
  bool contains(const Call& call) const;
};
/// 1 · 2..15 · 16..127 · 128 and more, priced at 1, 8, 64 and 512.
const std::vector<Regime>& regimes();

struct Candidate {
  const KernelPath* path;
  std::vector<Refusal> why_not;  ///< empty: legal
  double seconds;                ///< predicted for one call of the site
};

/// The answer for one regime: every row of the op appears exactly once, best first; those of the other device are
/// refused.
struct Decision {
  Regime regime;
  const KernelPath* chosen = nullptr;  ///< null only when the policy excludes every path
  std::vector<Candidate> all;
};

struct SitePlan {
  Site site;
  Layout layout = Layout::none;
  std::vector<Decision> decisions;  ///< one for each regime
  /// A lookup; the last regime's for a call that none has.
  const KernelPath& path_for(const Call& call) const;
};

/// A composite site, planned above its parts; what the parts hold and run stands in their own plans.
struct BlockPlan {
  SitePlan plan;
  std::vector<size_t> parts;  ///< in Plan::sites, in the order in which they run
};

/// Bytes by use, on one device.
struct MemoryPlan {
  uint64_t weights = 0;    ///< packed, all layers that lie there
  uint64_t kv_cache = 0;   ///< pages of keys and values: at least those of one sequence over the whole context
  uint64_t scratch = 0;    ///< activations of one chunk
  uint64_t mapped = 0;     ///< read in place from the file (embedding); not counted in total, the system may drop it
  uint64_t available = 0;  ///< the policy's budget, or what is free of the device's memory, less a reserve
  uint64_t free = 0;       ///< what is free where the budget is more than that; 0: it is not
  /// What other programs hold of the memory that would be available without them; 0: nothing to speak of.
  uint64_t held = 0;
  uint64_t total() const { return weights + kv_cache + scratch; }
  bool fits() const { return total() <= available; }
};

/// Weights that are held in another format than the checkpoint's.
struct Conversion {
  NumberFormat from;
  WeightFormat to;
  std::vector<std::string> sites;              ///< title_of each
  uint64_t matrices = 0, values = 0;           ///< in all layers and experts
  uint64_t bytes_before = 0, bytes_after = 0;  ///< as stored, and as packed
  bool lossless() const { return is_lossless(from, to); }
};
/// "moe.gate_up, moe.down: mxfp4 to int8, 12.7 GiB to 23.9 GiB, with loss". rounded: how many values it rounded, where
/// that has been counted: "… with loss: 93.2 % of the values rounded", or "without loss" if none was.
std::string to_string(const Conversion& conversion, std::optional<uint64_t> rounded = {});

/// What a plan gives up against the best one, as a sentence.
struct Concession {
  enum class Kind : uint8_t {
    fallback,    ///< another path, or another place, than the best
    conversion,  ///< weights held in another format than the checkpoint's
    arithmetic   ///< a path that rounds more than the checkpoint's numbers ask for
  };
  Kind kind = Kind::fallback;
  std::string text = {};
};
/// The label of its line in a report: "fallback", "converted", "rounded".
std::string_view label_of(Concession::Kind kind);

struct DevicePlan {
  DeviceId id;
  MemoryPlan memory;
  int64_t kv_pages = 0;  ///< of its pool (plan/kv_layout.h); 0: no attention layer lies there
};

struct Plan {
  std::string model;  ///< one line: layers, experts, format
  std::string machine;
  std::string not_built;  ///< why this program cannot run on that machine at all, whatever the rest says; empty: it can
  DeviceId device;        ///< where the head lies: a GPU as soon as a layer lies on one
  std::string
      device_reason;  ///< why not all of it on GPUs, or not on all of them, if there are some or some were wished for
  Placement placement;
  std::vector<SitePlan>
      sites;  ///< a row is there once for each stored format and device that its layers have, the GPUs' first
  std::vector<BlockPlan> blocks;    ///< one for each set of layers that share all parts, on each device
  std::vector<DevicePlan> devices;  ///< the CPU, then the GPUs that are used, in the order of their layers
  int context = 0, chunk = 0, threads = 1;
  KvLayout kv;        ///< where keys and values lie in the pages of each device
  int sequences = 1;  ///< most of them at once
  /// The policy's: bytes of the pool of each device; 0: as many pages as the sequences need.
  uint64_t kv_memory = 0;
  std::vector<Conversion> conversions;  ///< in the order of their first sites; every one is a concession too
  int fitting_context = 0;              ///< the longest context up to the one asked for that fits; 0: none does
  std::vector<std::string>
      suggestions;  ///< when it does not fit: changes with which it would, hints such as context=4096
  std::vector<Concession> concessions;  ///< `strict` refuses any
  double decode_seconds = 0;            ///< predicted, one token
  double prefill_seconds = 0;           ///< predicted, 512 tokens
  double decode_bytes = 0;              ///< weights read for one token
  std::string crossing_note;  ///< what is known of the ways between its devices: "NVLink, assumed"; empty without any
  std::vector<double> crossing_seconds;  ///< for each regime: the ways between the devices, part of the two predictions

  bool fits() const;
  /// How many sequences of so many tokens the pools hold, or, where their size was not asked for, the memory besides
  /// weights and scratch; 0: not one.
  int64_t sequences_that_fit(int tokens) const;
  /// Pages of keys and values on a device; 0 where it has none.
  int64_t kv_pages(DeviceId device) const;
  /// The memory plan of a device; empty where the plan does not use it.
  const MemoryPlan& memory(DeviceId device = cpu_device) const;
  /// All GPUs together.
  MemoryPlan gpu_memory() const;
  /// What the plan calls a device among its own: "the GPU" where it uses one alone, "cuda:1" where it uses several.
  std::string name_of(DeviceId device) const;
  /// The first of that row; one without decisions if there is none.
  const SitePlan& site(SiteId id) const;
  /// What a layer runs on a device (LayerSet::outside: embed, head, sample and the last norm); null: there is none.
  const SitePlan* find(SiteId id, int layer, DeviceId on) const;
  /// The composite site of that id which a layer runs; null: the catalogue has no rows for it.
  const BlockPlan* find_block(SiteId id, int layer) const;
  /// Everything that was decided: the sites, then the composite ones.
  std::vector<const SitePlan*> all_sites() const;
  /// Of one of its blocks.
  std::vector<const SitePlan*> parts_of(const BlockPlan& block) const;
  /// The paths that the sites of a row take for so many tokens: one for each stored format of their layers; of two
  /// devices the first.
  std::vector<std::string_view> paths_of(SiteId id, int tokens) const;
  bool is_idle(const SitePlan& site) const;  ///< sampling on the CPU beside a GPU that picks the likeliest itself
};

/// The least seconds that one call can take under the roofs of a path: max(bytes / bandwidth, flops / peak). Two roofs,
/// because bandwidth alone would rank a vector unit above a matrix unit for 512 tokens.
double roof_seconds(const KernelPath& path, const Work& work, const Machine& machine, DeviceId device = cuda_device(0));
/// Seconds that a path should need for one call: its roof / its efficiency, and on a GPU the launches. More tokens
/// never need less than one does, whatever the two efficiencies are.
double predicted_seconds(const KernelPath& path, const Load& load, const Machine& machine,
                         DeviceId device = cuda_device(0));

/// Brings the legal candidates to the front, the cheapest first, which is chosen; none is where none is legal.
void take_cheapest(Decision& decision);
/// With Policy::deterministic: the cheapest path over all regimes serves each of them, and the others are refused.
/// Error: no path can.
Status agree_on_path(SitePlan& plan, const Policy& policy);
/// Every row of the site's op, judged for one regime.
Decision decide(const Question& question, const Regime& regime);

/// What choosing a layout minimises: the predicted seconds of a site over a typical use, in calls of each regime.
/// Infinite without a path.
double cost_of(const SitePlan& plan, Goal goal);
/// What the chosen rows of a composite site spare of that, against the sum of its parts.
double saved_cost(const SitePlan& block, std::span<const SitePlan* const> parts, Goal goal);
/// What choosing a placement minimises: that of all sites, and of the ways between the devices.
double cost_of(const Plan& plan, Goal goal);

/// What is settled before a site is planned.
struct Given {
  std::span<const SitePlan* const> parts = {};  ///< of a composite site: its parts as they are planned
  std::optional<Layout> layout = {};            ///< that its weights are held in; nothing: the cheapest
};

/// The cheapest layout over all regimes, with the decisions it leads to. Error: a forced path that cannot run (with its
/// refusals and the nearest legal ones), or a policy that excludes every path.
Result<SitePlan> plan_site(const Site& site, const Catalogue& catalogue, const Machine& machine, const Policy& policy,
                           const Failures& failures, const Given& given = {});

/// The sites of a model as if all of it lay on one device, in the order of the forward pass.
std::vector<Site> sites_of(const Manifest& manifest, const Policy& policy, DeviceId device);
/// Where a part lies; layer: of the parts outside of the layers any.
DeviceId device_of(const Placement& placement, Part part, int layer);
/// The part of a site that lies on a device under a placement: its layers there, and how often they run it; 0: never.
Site part_on(const Site& site, DeviceId device, const Placement& placement);

/// Pure: the same arguments give the same plan, byte for byte. Reads no weights. Of the placements that fit into all
/// memories the one that should be fastest is taken. A plan that does not fit into memory is returned with fits() false
/// and with what suggestions; check_memory says so in a sentence.
Result<Plan> make_plan(const Manifest& manifest, const Catalogue& catalogue, const Machine& machine,
                       const Policy& policy, const Failures& failures = {});

/// Error: the plan needs more memory than there is; says how much and what would fit.
Status check_memory(const Plan& plan);
/// Error of kind refused: `strict` is set and something was given up.
Status check_strict(const Plan& plan, const Policy& policy);

}  // namespace mxpath
