#include "plan/memory.h"

#include <algorithm>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr uint64_t system_reserve = uint64_t{512} << 20;  // of all memory: left to the system and the program itself
constexpr uint64_t program_reserve = uint64_t{128}
                                     << 20;  // of what is free: the program itself; the system has its part already
constexpr uint64_t cuda_reserve = uint64_t{512} << 20;  // the driver's own: code, stacks of all threads, fragments
constexpr uint64_t cuda_graph = uint64_t{8} << 20;  // a recorded step; tests/end_to_end/cuda_test.cpp compares the sum
constexpr uint64_t cuda_page = uint64_t{2} << 20;   // what cudaMalloc hands out for blocks of 1 MiB and more
constexpr uint64_t least_held = uint64_t{1}
                                << 30;  // of a GPU, before it is spoken of: a context alone takes half of that

int64_t blocks(int64_t slots) { return (slots + kv_block - 1) / kv_block * kv_block; }

/// Norm scales, biases and sinks of a layer, held as FP32: those of its attention and those of its experts.
int64_t attention_vector(const ModelConfig& c) {
  return c.hidden + c.q_width() + 2 * c.kv_width() + c.hidden + c.heads;
}
int64_t experts_vector(const ModelConfig& c) {
  return c.hidden + c.experts + int64_t{c.experts} * (2 * c.intermediate + c.hidden);
}

/// All of them lie in the computer's memory, whatever is copied to a GPU as well.
uint64_t vector_bytes(const ModelConfig& c, const Placement& placement, DeviceId device) {
  const bool all = device == cpu_device;
  int64_t floats = all || placement.head() == device ? c.hidden : 0;
  for (int layer = 0; layer < c.layers; ++layer) {
    if (all || placement.attention(layer) == device) floats += attention_vector(c);
    if (all || placement.experts(layer) == device) floats += experts_vector(c);
  }
  return 4 * static_cast<uint64_t>(floats);
}

uint64_t matrix_bytes(const SitePlan& site) {
  return layout_bytes(site.layout, site.site.experts, site.site.n, site.site.k);
}

/// What a block of memory takes of a GPU: large ones whole pages, small ones share a page.
uint64_t cuda_block(uint64_t bytes) {
  return 2 * bytes < cuda_page ? bytes : (bytes + cuda_page - 1) / cuda_page * cuda_page;
}

/// A matrix for a GPU is packed in the computer's memory before it is sent: the largest of them.
uint64_t staging_bytes(const Plan& plan) {
  uint64_t most = 0;
  for (const SitePlan& site : plan.sites)
    if (site.site.device.is_gpu()) most = std::max(most, matrix_bytes(site));
  return most;
}

uint64_t logit_bytes(const ModelConfig& c) { return 4 * uint64_t{logit_rows} * static_cast<uint64_t>(c.vocab); }

uint64_t less(uint64_t bytes, uint64_t taken) { return bytes - std::min(bytes, taken); }

/// What is available of the computer's memory: a part of all of it stays with the system, and a part of what is free
/// with the program.
void set_available(MemoryPlan& cpu, const Machine& machine, const Policy& policy) {
  const uint64_t idle = less(machine.memory, std::min(machine.memory / 4, system_reserve)),
                 free = machine.free_memory(), left = std::min(idle, less(free, std::min(free / 4, program_reserve)));
  cpu.available = policy.memory_budget ? policy.memory_budget : left;
  cpu.free = policy.memory_budget > left ? left : 0;
  cpu.held = policy.memory_budget ? 0 : idle - left;
}

/// A GPU without memory of its own gets what the computer's part of the model leaves.
void set_gpu_available(MemoryPlan& plan, const Gpu& gpu, const MemoryPlan& cpu) {
  const uint64_t left = less(gpu.free_memory, cuda_reserve), held = less(gpu.memory, gpu.free_memory);
  plan.available = gpu.integrated ? less(std::min(left, cpu.available), cpu.total()) : left;
  plan.held = held > least_held && !gpu.integrated ? held : 0;
}

/// Would it fit if no other program held any memory?
bool others_stand_in_the_way(const MemoryPlan& m) { return m.held > 0 && m.total() <= m.available + m.held; }

/// What other programs hold of the memory, and what to do about it; "" if they hold none.
std::string held_text(const MemoryPlan& m) {
  if (m.held == 0) return "";
  return fmt::format("; other programs hold {}{}", human_bytes(double(m.held)),
                     others_stand_in_the_way(m) ? ": close some of them" : "");
}

/// "with context=4096"; "without split" already says so.
std::string with_change(const std::string& change) {
  return change.starts_with("without ") ? change : "with " + change;
}

}  // namespace

int64_t kv_capacity(const ModelConfig& config, bool sliding, int context, int chunk) {
  return sliding ? std::min<int64_t>(context, int64_t{config.sliding_window} + chunk) : context;
}

uint64_t kv_layer_bytes(const ModelConfig& config, int layer, int context, int chunk) {
  const int64_t slots = blocks(kv_capacity(config, config.sliding[static_cast<size_t>(layer)], context, chunk));
  return static_cast<uint64_t>(slots) * 2 * 2 * static_cast<uint64_t>(config.kv_width());
}

uint64_t kv_cache_bytes(const ModelConfig& config, int context, int chunk, const Placement& placement,
                        DeviceId device) {
  uint64_t bytes = 0;
  for (int layer = 0; layer < config.layers; ++layer)
    if (placement.attention(layer) == device) bytes += kv_layer_bytes(config, layer, context, chunk);
  return bytes;
}

uint64_t kv_table_bytes(const ModelConfig& config, int context, int chunk) {
  uint64_t bytes = kv_view_bytes * static_cast<uint64_t>(config.layers);
  for (const bool sliding : config.sliding)
    bytes += 2 * sizeof(void*) * static_cast<uint64_t>(blocks(kv_capacity(config, sliding, context, chunk)) / kv_block);
  return bytes;
}

GpuTerms gpu_terms(const Workspace& workspace, const ModelConfig& config, const Plan& plan) {
  return {.workspace = cuda_block(workspace.bytes),
          .kv_tables = cuda_block(kv_table_bytes(config, plan.context, plan.chunk)),
          .graph = plan.placement.all_on_one_gpu() ? cuda_graph : 0,
          .page = cuda_page};
}

namespace {

MemoryPlan cpu_memory(const Plan& plan, const ModelConfig& c, const Machine& machine, const Policy& policy) {
  MemoryPlan cpu;
  cpu.weights = vector_bytes(c, plan.placement, cpu_device);
  for (const SitePlan& site : plan.sites) {
    if (site.site.device != cpu_device) continue;
    const bool in_place = site.site.id == SiteId::embed && site.site.stored == site.site.format;
    (in_place ? cpu.mapped : cpu.weights) += matrix_bytes(site) * static_cast<uint64_t>(site.site.count);
  }
  cpu.kv_cache = kv_cache_bytes(c, plan.context, plan.chunk, plan.placement, cpu_device);
  // What is packed for a GPU is gone when the first token is read.
  cpu.scratch = std::max(staging_bytes(plan), workspace_of(c, plan, cpu_device).bytes);
  set_available(cpu, machine, policy);
  return cpu;
}

MemoryPlan memory_of(DeviceId gpu, const Plan& plan, const ModelConfig& c) {
  MemoryPlan memory;
  memory.weights = vector_bytes(c, plan.placement, gpu);
  for (const SitePlan& site : plan.sites)
    if (site.site.device == gpu)
      memory.weights += cuda_block(matrix_bytes(site)) * static_cast<uint64_t>(site.site.count);
  memory.kv_cache = cuda_block(kv_cache_bytes(c, plan.context, plan.chunk, plan.placement, gpu));
  memory.scratch = gpu_terms(workspace_of(c, plan, gpu), c, plan).total();
  return memory;
}

/// Each layer's vectors and its part of the cache; the matrices come on top.
void add_beside_matrices(Loads& loads, const Placement& placement, const Plan& plan, const ModelConfig& c) {
  const int first_layer = c.layers - placement.gpu_layers();
  for (int layer = first_layer; layer < c.layers; ++layer) {
    uint64_t& load = loads.layers[static_cast<size_t>(layer - first_layer)];
    load += 4 * static_cast<uint64_t>(attention_vector(c)) + kv_layer_bytes(c, layer, plan.context, plan.chunk);
    if (placement.experts(layer).is_gpu()) load += 4 * static_cast<uint64_t>(experts_vector(c));
  }
  loads.last += 4 * static_cast<uint64_t>(c.hidden) + logit_bytes(c);
}

}  // namespace

Loads loads_of(const Coverage& coverage, const std::vector<DeviceId>& gpus, const std::vector<SitePlan>& sites,
               const Plan& plan, const ModelConfig& c, const Machine& machine) {
  const DeviceId gpu = gpus.front();
  const Placement on_one{c.layers, {{gpu, coverage.gpu_layers}}, coverage.cpu_experts, coverage.gpu_embedding};
  Loads loads;
  loads.layers.resize(static_cast<size_t>(coverage.gpu_layers));
  for (const SitePlan& site : sites) {
    if (!site.site.has_weights()) continue;
    const uint64_t bytes = cuda_block(matrix_bytes(site));
    for (const int layer : part_on(site.site, gpu, on_one).layers) {
      if (layer != LayerSet::outside)
        loads.layers[static_cast<size_t>(layer - (c.layers - coverage.gpu_layers))] += bytes;
      else (site.site.id == SiteId::embed ? loads.first : loads.last) += bytes;
    }
  }
  add_beside_matrices(loads, on_one, plan, c);
  const Duties inner{.carries_stream = true, .has_layers = true, .has_batch = true};
  const Workspace workspace =
      make_workspace(c, inner, kernel_scratch(sites, gpu, plan.chunk, plan.threads), plan.chunk);
  for (const DeviceId id : gpus) {
    const uint64_t idle = less(machine.gpu(id)->free_memory, cuda_reserve);
    // A part of a page more for the cache and the logits.
    loads.room.push_back(less(idle, gpu_terms(workspace, c, plan).total() + 2 * cuda_page));
  }
  return loads;
}

void plan_memory(Plan& plan, const Manifest& manifest, const Machine& machine, const Policy& policy) {
  const MemoryPlan cpu = cpu_memory(plan, manifest.config, machine, policy);
  plan.devices = {{cpu_device, cpu}};
  for (const GpuShare& share : plan.placement.gpus) {
    MemoryPlan memory = memory_of(share.gpu, plan, manifest.config);
    set_gpu_available(memory, *machine.gpu(share.gpu), cpu);
    plan.devices.push_back({share.gpu, memory});
  }
}

Status check_memory(const Plan& plan) {
  if (plan.fits()) return {};
  const auto& [id, m] =
      *std::ranges::find_if(plan.devices, [](const DevicePlan& device) { return !device.memory.fits(); });
  const std::string needs = fmt::format(
      "the model needs {} of {}, but only {} is available (weights {}, key/value cache {} for {} of context, scratch "
      "{}){}",
      human_bytes(double(m.total())), id.is_gpu() ? "memory on " + to_string(id) : "memory",
      human_bytes(double(m.available)), human_bytes(double(m.weights)), human_bytes(double(m.kv_cache)),
      plural(plan.context, "token"), human_bytes(double(m.scratch)), held_text(m));
  if (plan.suggestions.empty() && others_stand_in_the_way(m)) return fail("{}; nothing else would make it fit", needs);
  if (plan.suggestions.empty())
    return fail(
        "{}; no shorter context and no smaller weights format would fit: it needs a machine with more memory, or a "
        "smaller model",
        needs);
  std::string changes;
  for (size_t i = 0; i < plan.suggestions.size(); ++i)
    changes += (i == 0 ? "" : i + 1 == plan.suggestions.size() ? " or " : ", ") + with_change(plan.suggestions[i]);
  return fail("{}; it would fit {}", needs, changes);
}

}  // namespace mxpath
