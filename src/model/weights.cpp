#include "model/weights.h"

#include <array>
#include <cmath>
#include <cstring>

#include "base/random.h"
#include "base/text.h"
#include "formats/bf16.h"
#include "formats/fp16.h"

namespace mxpath {
namespace {

/// One matrix of the model: the site whose layout it takes and the tensors it is stacked from.
struct MatrixSlot {
  OwnedMatrix* target;
  std::string_view site;
  int layer;
  std::array<Role, 3> roles;
  int role_count;
};

std::vector<MatrixSlot> matrix_slots(Weights& w, const ModelConfig& config) {
  std::vector<MatrixSlot> slots{{&w.embedding, "embed", -1, {Role::embedding}, 1}};
  for (int i = 0; i < config.layers; ++i) {
    LayerWeights& layer = w.layers[static_cast<size_t>(i)];
    slots.push_back({&layer.qkv, "attention.qkv", i, {Role::q_weight, Role::k_weight, Role::v_weight}, 3});
    slots.push_back({&layer.output, "attention.output", i, {Role::o_weight}, 1});
    slots.push_back({&layer.router, "router", i, {Role::router_weight}, 1});
    slots.push_back({&layer.gate_up, "moe.gate_up", i, {Role::gate_up_weight}, 1});
    slots.push_back({&layer.down, "moe.down", i, {Role::down_weight}, 1});
  }
  slots.push_back({&w.head, "head", -1, {config.tied_embeddings ? Role::embedding : Role::head}, 1});
  return slots;
}

/// The tensors of a slot; all are there, the manifest was checked.
std::vector<const TensorRecord*> records_of(const MatrixSlot& slot, const Manifest& manifest) {
  std::vector<const TensorRecord*> records;
  for (int r = 0; r < slot.role_count; ++r) records.push_back(manifest.find(slot.roles[static_cast<size_t>(r)], slot.layer));
  return records;
}

Status pack_slot(const MatrixSlot& slot, Layout layout, const Checkpoint& checkpoint, ThreadPool& threads) {
  const auto records = records_of(slot, checkpoint.manifest());
  if (slot.site == "embed" && can_map(layout, *records.front())) {   // a token reads one row: the file is good enough
    slot.target->matrix = map_stored(layout, checkpoint, *records.front());
    slot.target->memory = Buffer();
    return {};
  }
  int64_t rows = 0;
  for (const TensorRecord* record : records) rows += record->rows;
  slot.target->memory = Buffer();   // the old copy goes before the new one comes
  MXPATH_TRY(slot.target->memory, Buffer::allocate(layout_bytes(layout, records.front()->experts, rows, records.front()->columns)));
  MXPATH_TRY(slot.target->matrix, pack(layout, {&checkpoint, records}, slot.target->memory.bytes(), threads));
  return {};
}

float element(std::span<const uint8_t> bytes, Encoding encoding, size_t index) {
  if (encoding == Encoding::f32) {
    float value;
    std::memcpy(&value, bytes.data() + 4 * index, 4);
    return value;
  }
  uint16_t bits;
  std::memcpy(&bits, bytes.data() + 2 * index, 2);
  return encoding == Encoding::bf16 ? decode_bf16(bits) : decode_fp16(bits);
}

/// Appends the values of a vector (or of one vector an expert) as floats.
Status append_vector(std::vector<float>& out, const Checkpoint& checkpoint, Role role, int layer) {
  const TensorRecord* record = checkpoint.manifest().find(role, layer);
  const auto bytes = checkpoint.data(*record);
  for (int64_t e = 0; e < record->experts; ++e)
    for (int64_t r = 0; r < record->rows; ++r) {
      const float value = element(bytes, record->encoding, static_cast<size_t>(e * record->stored_rows + record->first_row + r));
      if (!std::isfinite(value)) return fail("{}: element {} is {}; the checkpoint is damaged, download it again", record->name, e * record->stored_rows + record->first_row + r, value);
      out.push_back(value);
    }
  return {};
}

Status load_vectors(Weights& w, const Checkpoint& checkpoint) {
  const ModelConfig& config = checkpoint.manifest().config;
  MXPATH_CHECK(append_vector(w.final_norm, checkpoint, Role::final_norm, -1));
  for (int i = 0; i < config.layers; ++i) {
    LayerWeights& layer = w.layers[static_cast<size_t>(i)];
    layer.sliding = config.sliding[static_cast<size_t>(i)];
    const std::pair<std::vector<float>*, Role> vectors[] = {
        {&layer.attention_norm, Role::attention_norm}, {&layer.qkv_bias, Role::q_bias},       {&layer.qkv_bias, Role::k_bias},
        {&layer.qkv_bias, Role::v_bias},               {&layer.sinks, Role::sinks},           {&layer.output_bias, Role::o_bias},
        {&layer.mlp_norm, Role::mlp_norm},             {&layer.router_bias, Role::router_bias}, {&layer.gate_up_bias, Role::gate_up_bias},
        {&layer.down_bias, Role::down_bias}};
    for (const auto& [vector, role] : vectors) MXPATH_CHECK(append_vector(*vector, checkpoint, role, i));
  }
  return {};
}

Status compare_row(const PackedMatrix& matrix, int64_t packed_row, const Checkpoint& checkpoint, const TensorRecord& record, int expert, int64_t row) {
  std::vector<float> packed(static_cast<size_t>(record.columns)), stored(packed.size());
  decode_row(matrix, expert, packed_row, packed.data());
  checkpoint.decode_row(record, expert, row, stored);
  for (size_t k = 0; k < stored.size(); ++k) {
    const float expected = format_of(matrix.layout) == NumberFormat::bf16 ? decode_bf16(encode_bf16(stored[k])) : stored[k];
    if (packed[k] != expected) return fail("{}: expert {}, row {}, column {} is {} in the file but {} as packed in {}", record.name, expert, row, k, stored[k], packed[k], name_of(matrix.layout));
  }
  return {};
}

}  // namespace

Status pack_weights(Weights& weights, const Plan& plan, const Checkpoint& checkpoint, ThreadPool& threads, const Progress& progress) {
  const ModelConfig& config = checkpoint.manifest().config;
  const bool first_time = weights.layers.empty();
  weights.layers.resize(static_cast<size_t>(config.layers));
  if (first_time) MXPATH_CHECK(load_vectors(weights, checkpoint));
  const auto slots = matrix_slots(weights, config);
  uint64_t total = 0, done = 0;
  for (const MatrixSlot& slot : slots) total += static_cast<uint64_t>(plan.site(slot.site).site.n * plan.site(slot.site).site.k * plan.site(slot.site).site.experts);
  for (const MatrixSlot& slot : slots) {
    const SitePlan& site = plan.site(slot.site);
    if (slot.target->matrix.layout != site.layout) MXPATH_CHECK(pack_slot(slot, site.layout, checkpoint, threads));
    done += static_cast<uint64_t>(site.site.n * site.site.k * site.site.experts);
    if (progress) progress("packing weights", done, total);
  }
  return {};
}

std::map<std::string, std::string, std::less<>> check_packing(const Weights& weights, const Checkpoint& checkpoint, uint64_t seed) {
  std::map<std::string, std::string, std::less<>> differences;
  Random random(seed);
  // matrix_slots only points into the weights here; nothing is written.
  for (const MatrixSlot& slot : matrix_slots(const_cast<Weights&>(weights), checkpoint.manifest().config)) {
    int64_t packed_row = 0;
    for (const TensorRecord* record : records_of(slot, checkpoint.manifest())) {
      const int expert = static_cast<int>(random.integer(0, record->experts - 1));
      for (int64_t row : {int64_t{0}, record->rows - 1, random.integer(0, record->rows - 1)})
        if (const auto same = compare_row(slot.target->matrix, packed_row + row, checkpoint, *record, expert, row); !same.ok())
          differences.try_emplace(std::string(slot.site), same.error().message);
      packed_row += record->rows;
    }
  }
  return differences;
}

}  // namespace mxpath
