#include <algorithm>
#include <cassert>
#include <type_traits>

#include "model/model.h"

namespace mxpath {
namespace {

/// Where an array of the workspace lies in memory; null: the device has none.
template <class T>
void set(T*& array, WorkArray which, const Workspace& workspace, uint8_t* memory) {
  const WorkPart* part = workspace.find(which);
  if (!part) return;
  assert((std::is_void_v<T> || part->element == sizeof(std::conditional_t<std::is_void_v<T>, char, T>)));
  array = reinterpret_cast<T*>(memory + part->at);
}

Activations activations_in(const Workspace& workspace, uint8_t* memory) {
  Activations a;
  set(a.x, WorkArray::stream, workspace, memory);
  set(a.t, WorkArray::normed, workspace, memory);
  set(a.qkv, WorkArray::qkv, workspace, memory);
  set(a.attended, WorkArray::attended, workspace, memory);
  set(a.router_logits, WorkArray::router_logits, workspace, memory);
  set(a.u, WorkArray::gate_up, workspace, memory);
  set(a.h, WorkArray::swiglu, workspace, memory);
  set(a.expert_weight, WorkArray::expert_weight, workspace, memory);
  set(a.expert, WorkArray::expert, workspace, memory);
  set(a.order, WorkArray::order, workspace, memory);
  set(a.first, WorkArray::first, workspace, memory);
  set(a.scratch, WorkArray::scratch, workspace, memory);
  set(a.batch, WorkArray::batch, workspace, memory);
  set(a.rows, WorkArray::rows, workspace, memory);
  set(a.logits, WorkArray::logits, workspace, memory);
  return a;
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

Result<State> State::create(const ModelConfig& c, const Plan& plan) {
  State s;
  s.capacity = plan.chunk;
  s.sites = look_up(plan);
  s.rooms.resize(1);
  for (const GpuShare& share : plan.placement.gpus) s.rooms.push_back({share.gpu});
  for (Room& room : s.rooms) {
    const Workspace workspace = workspace_of(c, plan, room.device);
    MXPATH_TRY(room.stream, Stream::create(room.device));
    MXPATH_TRY(room.memory, Memory::allocate(room.device, workspace.bytes));
    room.activations = activations_in(workspace, room.memory.data());
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
