#include "engine/prefix_key.h"

#include <sys/stat.h>

#include <algorithm>

#include "kv/xxh3.h"

namespace mxpath {
namespace {

constexpr size_t piece_bytes = 1024;
/// Four pieces of each tensor of gpt-oss-120b are about 5,000 reads of a disk, well below a second.
constexpr size_t pieces = 4;

/// All of a small tensor; of a large one its beginning, its end and what lies evenly between.
void add_tensor(Xxh3& hash, std::span<const uint8_t> bytes) {
  hash.add(bytes.size());
  if (bytes.size() <= pieces * piece_bytes) return hash.add(bytes);
  for (size_t i = 0; i < pieces; ++i)
    hash.add(bytes.subspan((bytes.size() - piece_bytes) / (pieces - 1) * i, piece_bytes));
}

void add_config(Xxh3& hash, const ModelConfig& c) {
  for (const int size : {c.layers, c.experts, c.experts_per_token, c.hidden, c.intermediate, c.heads, c.kv_heads,
                         c.head_dim, c.vocab, c.sliding_window})
    hash.add(size);
  for (const bool sliding : c.sliding) hash.add(sliding);
  for (const float value : {c.norm_eps, c.swiglu_limit, c.swiglu_alpha}) hash.add(value);
  const RopeConfig& rope = c.rope;
  for (const double value : {rope.theta, rope.factor, rope.beta_fast, rope.beta_slow, rope.attention_factor})
    hash.add(value);
  hash.add(rope.yarn), hash.add(rope.truncate), hash.add(rope.original_context);
}

void add_files(Xxh3& hash, const std::vector<std::string>& files) {
  for (const std::string& path : files) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) continue;  // weights in memory, or its tensors speak for it
    hash.add(static_cast<int64_t>(info.st_size));
    hash.add(static_cast<int64_t>(info.st_mtim.tv_sec)), hash.add(static_cast<int64_t>(info.st_mtim.tv_nsec));
  }
}

uint64_t model_hash(const Checkpoint& checkpoint) {
  Xxh3 hash;
  const Manifest& manifest = checkpoint.manifest();
  add_config(hash, manifest.config);
  add_files(hash, manifest.files);
  for (const TensorRecord& tensor : manifest.tensors) {
    hash.add(tensor.role), hash.add(tensor.layer), hash.add(tensor.encoding), hash.add(tensor.first_row);
    add_tensor(hash, checkpoint.data(tensor));
    if (tensor.encoding == Encoding::mxfp4_blocks) add_tensor(hash, checkpoint.scales(tensor));
  }
  return hash.value();
}

/// All that is computed before the keys and values of the last layer, and in it.
uint64_t paths_hash(const Plan& plan) {
  Xxh3 hash;
  for (const SitePlan* site : plan.all_sites()) {
    if (site->site.id == SiteId::head || site->site.id == SiteId::sample) continue;
    hash.add(site->site.name()), hash.add(site->site.layers.to_string());
    hash.add(name_of(site->site.format)), hash.add(site->layout);
    for (const Decision& decision : site->decisions)
      hash.add(decision.chosen ? decision.chosen->name : std::string_view());
  }
  return hash.value();
}

uint64_t layout_hash(const KvLayout& layout) {
  Xxh3 hash;
  hash.add(layout.half);
  for (const KvGroup& group : layout.groups) {
    // Which GPU it is does not matter, but which groups share a pool does.
    const auto pool = std::ranges::find(layout.groups, group.device, &KvGroup::device) - layout.groups.begin();
    hash.add(pool), hash.add(group.window), hash.add(layout.page_bytes(group.device));
    for (const int layer : group.layers) hash.add(layer);
  }
  for (const KvLayout::Place& place : layout.places) hash.add(place.group), hash.add(place.at);
  return hash.value();
}

}  // namespace

PrefixFileKey prefix_key(const LoadedModel& loaded, std::string_view program) {
  Xxh3 version;
  version.add(program);
  const Plan& plan = loaded.model.plan;
  return {version.value(), model_hash(loaded.checkpoint), paths_hash(plan), layout_hash(plan.kv), plan.kv.format};
}

}  // namespace mxpath
