#include <algorithm>
#include <cassert>
#include <utility>

#include "kernels/linear/linear.h"
#include "kernels/moe_matmul/moe_matmul.h"
#include "kernels/sample/sample.h"
#include "model/model.h"
#include "plan/memory.h"

namespace mxpath {
namespace {

/// Hands out parts of one piece of memory; with no memory it only counts.
class Carver {
 public:
  explicit Carver(uint8_t* memory) : memory_(memory) {}
  template <class T>
  T* take(int64_t count) {
    const size_t at = std::exchange(used_, used_ + (static_cast<size_t>(count) * sizeof(T) + 255) / 256 * 256);
    return memory_ ? reinterpret_cast<T*>(memory_ + at) : nullptr;
  }
  size_t used() const { return used_; }

 private:
  uint8_t* memory_;
  size_t used_ = 0;
};

size_t scratch_bytes(const ModelConfig& c, const Plan& plan, int64_t n, DeviceId device) {
  const int64_t rows = n * c.experts_per_token, widest = std::max(c.hidden, c.q_width());
  if (!device.is_gpu())
    return std::max({linear_scratch_bytes(n, widest, plan.threads), moe_scratch_bytes(rows, c.hidden, plan.threads),
                     moe_scratch_bytes(rows, c.intermediate, plan.threads)});
  return std::max({linear_cuda_scratch_bytes(n, c.q_width() + 2 * c.kv_width(), c.hidden),
                   linear_cuda_scratch_bytes(n, c.hidden, c.q_width()), linear_cuda_scratch_bytes(logit_rows, c.vocab, c.hidden),
                   moe_cuda_scratch_bytes(rows, c.hidden, c.intermediate), attention_scratch_bytes(n, c.heads, c.head_dim),
                   sample_scratch_bytes(c.vocab)});
}

/// What is told about a batch, in words of eight bytes: a view for each layer and token, and each token's id and position.
int64_t batch_words(const ModelConfig& c, int64_t tokens) {
  static_assert(sizeof(KvView*) == 2 * sizeof(int32_t));
  return tokens * (c.layers + 1);
}

/// All activations that a layer needs; what is told about the batch too on a GPU.
void carve_layer(Activations& a, Carver& from, const ModelConfig& c, const Plan& plan, int64_t n, DeviceId device) {
  const int64_t rows = n * c.experts_per_token;
  a.t = from.take<float>(n * c.hidden);
  a.qkv = from.take<float>(n * (c.q_width() + 2 * c.kv_width())), a.attended = from.take<float>(n * c.q_width());
  a.router_logits = from.take<float>(n * c.experts);
  a.u = from.take<float>(rows * 2 * c.intermediate), a.h = from.take<float>(rows * c.intermediate);
  a.expert_weight = from.take<float>(rows), a.expert = from.take<int32_t>(rows), a.order = from.take<int32_t>(rows),
  a.first = from.take<int32_t>(c.experts + 1);
  a.scratch = from.take<uint8_t>(static_cast<int64_t>(scratch_bytes(c, plan, n, device)));
  if (!device.is_gpu()) return;
  a.kv = from.take<const KvView*>(batch_words(c, n));
}

void carve(Activations& a, Carver& from, const ModelConfig& c, const Plan& plan, int64_t n, DeviceId device) {
  const Placement& p = plan.placement;
  const bool is_between = !device.is_gpu() && p.gpus.size() > 1;  // the way between GPUs that are no peers
  if (p.uses(device) || p.embedding() == device || is_between) a.x = from.take<float>(n * c.hidden);
  if (p.uses(device)) carve_layer(a, from, c, plan, n, device);
  if (!device.is_gpu() || p.head() == device) a.logits = from.take<float>(int64_t{logit_rows} * c.vocab);
}

}  // namespace

ModelSites look_up(const Plan& plan) {
  const Placement& p = plan.placement;
  ModelSites sites;
  sites.embed = plan.find(SiteId::embed, LayerSet::outside, p.embedding());
  sites.final_norm = plan.find(SiteId::norm, LayerSet::outside, p.head());
  sites.head = plan.find(SiteId::head, LayerSet::outside, p.head());
  for (int layer = 0; layer < p.layers; ++layer) {
    const auto attention = [&](SiteId id) { return plan.find(id, layer, p.attention(layer)); };
    const auto experts = [&](SiteId id) { return plan.find(id, layer, p.experts(layer)); };
    const SitePlan* sliding = attention(SiteId::attention_sliding);
    const auto block = [&](SiteId id) { return &plan.find_block(id, layer)->plan; };
    sites.layers.push_back({.attention_block = block(SiteId::attention_block),
                            .attention_norm = attention(SiteId::norm),
                            .qkv = attention(SiteId::qkv),
                            .rope = attention(SiteId::rope),
                            .attention = sliding ? sliding : attention(SiteId::attention_full),
                            .output = attention(SiteId::attention_output),
                            .experts_block = block(SiteId::experts_block),
                            .mlp_norm = experts(SiteId::norm),
                            .router = experts(SiteId::router),
                            .gate_up = experts(SiteId::gate_up),
                            .swiglu = experts(SiteId::swiglu),
                            .down = experts(SiteId::down)});
  }
  return sites;
}

size_t State::bytes(const ModelConfig& c, const Plan& plan, int tokens, DeviceId device) {
  if (device.is_gpu() && !plan.placement.uses(device)) return 0;
  Carver size(nullptr);
  Activations unplaced;
  carve(unplaced, size, c, plan, tokens, device);
  return size.used();
}

Result<State> State::create(const ModelConfig& c, const Plan& plan, int tokens) {
  State s;
  s.capacity = tokens, s.sites = look_up(plan);
  s.kv.resize(static_cast<size_t>(batch_words(c, tokens)));
  s.rooms.resize(1);
  for (const GpuShare& share : plan.placement.gpus) s.rooms.push_back({share.gpu});
  for (Room& room : s.rooms) {
    MXPATH_TRY(room.stream, Stream::create(room.device));
    MXPATH_TRY(room.memory, Memory::allocate(room.device, bytes(c, plan, tokens, room.device)));
    Carver carver(room.memory.data());
    carve(room.activations, carver, c, plan, tokens, room.device);
    room.activations.stream = &room.stream;
  }
  return s;
}

Room& State::room(DeviceId device) {
  const auto found = std::ranges::find(rooms, device, &Room::device);
  assert(found != rooms.end());
  return *found;
}

Status State::status() const {
  for (const Room& room : rooms) MXPATH_CHECK(room.stream.status());
  return {};
}

Status State::wait() {
  for (Room& room : rooms) MXPATH_CHECK(room.stream.wait());
  return {};
}

}  // namespace mxpath
