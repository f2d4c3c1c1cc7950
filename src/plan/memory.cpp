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

uint64_t logit_bytes(const ModelConfig& c, const Plan& plan) {
  return 4 * static_cast<uint64_t>(logit_rows_of(plan)) * static_cast<uint64_t>(c.vocab);
}

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

uint64_t kv_layer_bytes(const ModelConfig& config, int layer, const Plan& plan) {
  const KvLayout alone = kv_layout(config, {config.layers, {}, 0, false}, plan.kv.format);
  const KvGroup& group = alone.groups[alone.places[static_cast<size_t>(layer)].group];
  const KvLayout one{.format = plan.kv.format, .half = alone.half, .groups = {group}};
  return static_cast<uint64_t>(one.pages_for(group.device, plan.context, plan.chunk)) * 2 * alone.half;
}

uint64_t kv_table_bytes(const KvLayout& layout, DeviceId device, const Plan& plan) {
  const auto tables = std::ranges::count(layout.groups, device, &KvGroup::device);
  return static_cast<uint64_t>(tables * (plan.sequences + 1) * kv_table_entries(plan.context)) * sizeof(int32_t);
}

uint64_t sampling_bytes(const ModelConfig& c, const Plan& plan) {
  // A mask of the vocabulary, options and results for each row; tokens that were seen and how often.
  const auto rows = static_cast<uint64_t>(logit_rows_of(plan)), words = (static_cast<uint64_t>(c.vocab) + 31) / 32;
  return rows * (4 * words + 512) + 8 * static_cast<uint64_t>(plan.context) + 4096;
}

GpuTerms gpu_terms(const Workspace& workspace, const ModelConfig& config, const KvLayout& kv, DeviceId device,
                   const Plan& plan) {
  return {.workspace = cuda_block(workspace.bytes),
          .kv_tables = cuda_block(kv_table_bytes(kv, device, plan)),
          .sampling = plan.placement.head() == device ? cuda_block(sampling_bytes(config, plan)) : 0,
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
  memory.scratch = gpu_terms(workspace_of(c, plan, gpu), c, plan.kv, gpu, plan).total();
  return memory;
}

/// Each layer's vectors and its part of the cache; the matrices come on top.
void add_beside_matrices(Loads& loads, const Placement& placement, const Plan& plan, const ModelConfig& c) {
  const int first_layer = c.layers - placement.gpu_layers();
  for (int layer = first_layer; layer < c.layers; ++layer) {
    uint64_t& load = loads.layers[static_cast<size_t>(layer - first_layer)];
    load += 4 * static_cast<uint64_t>(attention_vector(c)) + kv_layer_bytes(c, layer, plan);
    if (placement.experts(layer).is_gpu()) load += 4 * static_cast<uint64_t>(experts_vector(c));
  }
  loads.last += 4 * static_cast<uint64_t>(c.hidden) + logit_bytes(c, plan);
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
  const MostOf most = most_of(plan);
  const Workspace workspace = make_workspace(c, inner, kernel_scratch(sites, gpu, most, plan.threads), most);
  const KvLayout kv = kv_layout(c, on_one, plan.kv.format);
  for (const DeviceId id : gpus) {
    const uint64_t idle = less(machine.gpu(id)->free_memory, cuda_reserve);
    // A part of a page more for the cache and the logits.
    loads.room.push_back(less(idle, gpu_terms(workspace, c, kv, gpu, plan).total() + 2 * cuda_page));
  }
  return loads;
}

namespace {

/// Pages of a device: those that were asked for, or a whole context for each sequence as far as they fit beside the
/// rest, and always a whole context for one.
void add_pages(DevicePlan& device, const Plan& plan, const Policy& policy) {
  const KvLayout& layout = plan.kv;
  const uint64_t page = layout.page_bytes(device.id);
  if (page == 0) return;
  const int64_t one = layout.pages_for(device.id, plan.context, plan.chunk), wanted = one * plan.sequences,
                room = static_cast<int64_t>(less(device.memory.available, device.memory.total()) / page);
  device.kv_pages = policy.kv_memory ? std::max(static_cast<int64_t>(policy.kv_memory / page), one)
                                     : std::clamp(wanted, one, std::max(one, room));
  const uint64_t bytes = page * static_cast<uint64_t>(device.kv_pages);
  device.memory.kv_cache = device.id.is_gpu() ? cuda_block(bytes) : bytes;
}

}  // namespace

void plan_memory(Plan& plan, const Manifest& manifest, const Machine& machine, const Policy& policy) {
  plan.sequences = std::clamp(policy.sequences, 1, plan.chunk);
  plan.kv = kv_layout(manifest.config, plan.placement, policy.kv);
  DevicePlan cpu{cpu_device, cpu_memory(plan, manifest.config, machine, policy)};
  add_pages(cpu, plan, policy);
  plan.devices = {cpu};
  for (const GpuShare& share : plan.placement.gpus) {
    DevicePlan gpu{share.gpu, memory_of(share.gpu, plan, manifest.config)};
    set_gpu_available(gpu.memory, *machine.gpu(share.gpu), cpu.memory);
    add_pages(gpu, plan, policy);
    plan.devices.push_back(gpu);
  }
}

Status check_memory(const Plan& plan) {
  if (plan.fits()) return {};
  const auto& [id, m, pages] =
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
