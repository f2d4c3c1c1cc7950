#include "model/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "formats/bf16.h"
#include "formats/fp16.h"

namespace mxpath {
namespace {

/// One matrix of the model: the site whose layout it takes and the tensors it is stacked from.
struct MatrixSlot {
  OwnedMatrix* target;
  SiteId site;
  int layer;
};

/// Where a layer keeps the matrix of a site.
constexpr std::pair<SiteId, OwnedMatrix LayerWeights::*> matrices_of_a_layer[] = {
    {SiteId::qkv, &LayerWeights::qkv},
    {SiteId::attention_output, &LayerWeights::output},
    {SiteId::router, &LayerWeights::router},
    {SiteId::gate_up, &LayerWeights::gate_up},
    {SiteId::down, &LayerWeights::down}};

std::vector<MatrixSlot> matrix_slots(Weights& w) {
  std::vector<MatrixSlot> slots{{&w.embedding, SiteId::embed, LayerSet::outside}};
  for (int i = 0; i < std::ssize(w.layers); ++i)
    for (const auto& [site, matrix] : matrices_of_a_layer)
      slots.push_back({&(w.layers[static_cast<size_t>(i)].*matrix), site, i});
  slots.push_back({&w.head, SiteId::head, LayerSet::outside});
  return slots;
}

/// The tensors of a slot; all are there, the manifest was checked.
std::vector<const TensorRecord*> records_of(const MatrixSlot& slot, const Manifest& manifest) {
  std::vector<const TensorRecord*> records;
  for (const Role role : tensors_of(row_of(slot.site), manifest.config))
    records.push_back(manifest.find(role, slot.layer));
  return records;
}

/// Moves a packed matrix to the GPU.
Status send(OwnedMatrix& target, Stream& stream) {
  MXPATH_TRY(Memory there, Memory::allocate(stream.device(), target.memory.size()));
  MXPATH_CHECK(stream.copy_in(there.data(), target.memory.data(), target.memory.size()));
  const uint8_t* packed = target.memory.data();
  target.matrix.data = there.data() + (target.matrix.data - packed);
  if (target.matrix.scales) target.matrix.scales = there.data() + (target.matrix.scales - packed);
  target.memory = std::move(there);
  return {};
}

Status send(OwnedVector& vector, Stream& stream) {
  if (!stream.device().is_gpu() || (vector.copy.size() > 0 && vector.copy.where() == stream.device())) return {};
  const size_t bytes = vector.values.size() * sizeof(float);
  MXPATH_TRY(vector.copy, Memory::allocate(stream.device(), bytes));
  return stream.copy_in(vector.copy.data(), vector.values.data(), bytes);
}

/// A matrix belongs to one part of the model.
const SitePlan& site_of(const MatrixSlot& slot, const Plan& plan) {
  return *plan.find(slot.site, slot.layer, device_of(plan.placement, only_part(row_of(slot.site)), slot.layer));
}

/// One for each device of a plan.
class Streams {
 public:
  static Result<Streams> create(const Placement& placement) {
    Streams all;
    all.streams_.emplace_back();
    for (const GpuShare& share : placement.gpus) {
      MXPATH_TRY(Stream stream, Stream::create(share.gpu));
      all.streams_.push_back(std::move(stream));
    }
    return all;
  }
  Stream& of(DeviceId device) { return *std::ranges::find(streams_, device, &Stream::device); }

 private:
  std::vector<Stream> streams_;
};

Status send_vectors(Weights& w, const Placement& placement, Streams& streams) {
  MXPATH_CHECK(send(w.final_norm, streams.of(placement.head())));
  for (size_t i = 0; i < w.layers.size(); ++i) {
    LayerWeights& layer = w.layers[i];
    for (OwnedVector* vector : {&layer.attention_norm, &layer.qkv_bias, &layer.sinks, &layer.output_bias})
      MXPATH_CHECK(send(*vector, streams.of(placement.attention(static_cast<int>(i)))));
    for (OwnedVector* vector : {&layer.mlp_norm, &layer.router_bias, &layer.gate_up_bias, &layer.down_bias})
      MXPATH_CHECK(send(*vector, streams.of(placement.experts(static_cast<int>(i)))));
  }
  return {};
}

Status pack_slot(const MatrixSlot& slot, const SitePlan& site, const Checkpoint& checkpoint, ThreadPool& threads,
                 Streams& streams) {
  const auto records = records_of(slot, checkpoint.manifest());
  OwnedMatrix& target = *slot.target;
  target = {};  // the old copy goes before the new one comes
  if (slot.site == SiteId::embed && site.site.device == cpu_device &&
      can_map(site.layout, *records.front())) {  // a token reads one row: the file is good enough
    target.matrix = map_stored(site.layout, checkpoint, *records.front());
    return {};
  }
  int64_t rows = 0;
  for (const TensorRecord* record : records) rows += record->rows;
  const uint64_t bytes = layout_bytes(site.layout, records.front()->experts, rows, records.front()->columns);
  MXPATH_TRY(target.memory, Memory::allocate(cpu_device, bytes));
  const bool may_round = !is_lossless(site.site.stored, site.site.format);
  MXPATH_TRY(target.matrix, pack(site.layout, {&checkpoint, records}, target.memory.bytes(), threads,
                                 may_round ? &target.rounded : nullptr));
  return site.site.device.is_gpu() ? send(target, streams.of(site.site.device)) : Status();
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
      const float value =
          element(bytes, record->encoding, static_cast<size_t>(e * record->stored_rows + record->first_row + r));
      if (!std::isfinite(value))
        return fail("{}: element {} is {}; the checkpoint is damaged, download it again", record->name,
                    e * record->stored_rows + record->first_row + r, value);
      out.push_back(value);
    }
  return {};
}

Status load_vectors(Weights& w, const Checkpoint& checkpoint) {
  const ModelConfig& config = checkpoint.manifest().config;
  MXPATH_CHECK(append_vector(w.final_norm.values, checkpoint, Role::final_norm, -1));
  for (int i = 0; i < config.layers; ++i) {
    LayerWeights& layer = w.layers[static_cast<size_t>(i)];
    layer.sliding = config.sliding[static_cast<size_t>(i)];
    const std::pair<OwnedVector*, Role> vectors[] = {{&layer.attention_norm, Role::attention_norm},
                                                     {&layer.qkv_bias, Role::q_bias},
                                                     {&layer.qkv_bias, Role::k_bias},
                                                     {&layer.qkv_bias, Role::v_bias},
                                                     {&layer.sinks, Role::sinks},
                                                     {&layer.output_bias, Role::o_bias},
                                                     {&layer.mlp_norm, Role::mlp_norm},
                                                     {&layer.router_bias, Role::router_bias},
                                                     {&layer.gate_up_bias, Role::gate_up_bias},
                                                     {&layer.down_bias, Role::down_bias}};
    for (const auto& [vector, role] : vectors) MXPATH_CHECK(append_vector(vector->values, checkpoint, role, i));
  }
  return {};
}

/// A few packed rows where the computer can read them: in place, or fetched from the GPU.
struct FetchedRows {
  PackedMatrix matrix;
  int64_t expert, row;                // of the wanted row in `matrix`
  std::vector<uint8_t> data, scales;  // of fetched ones
};
Result<FetchedRows> fetch_rows(const OwnedMatrix& from, int64_t expert, int64_t row, Stream& stream) {
  if (!from.memory.where().is_gpu()) return FetchedRows{from.matrix, expert, row, {}, {}};
  FetchedRows rows{row_group(from.matrix, expert, row / 16), 0, row % 16, {}, {}};
  rows.data.resize(static_cast<size_t>(rows.matrix.expert_bytes()));
  rows.scales.resize(static_cast<size_t>(rows.matrix.expert_scale_bytes()));
  MXPATH_CHECK(stream.copy_out(rows.data.data(), rows.matrix.data, rows.data.size()));
  if (rows.matrix.scales) MXPATH_CHECK(stream.copy_out(rows.scales.data(), rows.matrix.scales, rows.scales.size()));
  rows.matrix.data = rows.data.data(), rows.matrix.scales = rows.scales.data();
  return rows;
}

/// lossy: the plan says that this format does not hold every value.
Status compare_row(const FetchedRows& from, const Checkpoint& checkpoint, const TensorRecord& record, int expert,
                   int64_t row, bool lossy) {
  const PackedMatrix& matrix = from.matrix;
  std::vector<float> packed(static_cast<size_t>(record.columns)), stored(packed.size());
  decode_row(matrix, from.expert, from.row, packed.data());
  checkpoint.decode_row(record, expert, row, stored);
  std::vector<float> expected = stored;
  if (lossy) quantised_reference(matrix.layout, expected);
  for (size_t k = 0; k < stored.size(); ++k)
    if (packed[k] != expected[k])
      return fail("{}: expert {}, row {}, column {} is {} in the file, {} in this format and {} as packed in {}",
                  record.name, expert, row, k, stored[k], expected[k], packed[k], name_of(matrix.layout));
  return {};
}

}  // namespace

Status pack_weights(Weights& weights, const Plan& plan, const Checkpoint& checkpoint, ThreadPool& threads,
                    const Progress& progress) {
  const ModelConfig& config = checkpoint.manifest().config;
  const bool first_time = weights.layers.empty();
  weights.layers.resize(static_cast<size_t>(config.layers));
  if (first_time) MXPATH_CHECK(load_vectors(weights, checkpoint));
  const auto slots = matrix_slots(weights);
  MXPATH_TRY(Streams streams, Streams::create(plan.placement));
  MXPATH_CHECK(send_vectors(weights, plan.placement, streams));
  const auto size_of = [](const Site& site) { return static_cast<uint64_t>(site.n * site.k * site.experts); };
  uint64_t total = 0, done = 0;
  for (const MatrixSlot& slot : slots) total += size_of(site_of(slot, plan).site);
  for (const MatrixSlot& slot : slots) {
    const SitePlan& site = site_of(slot, plan);
    if (slot.target->matrix.layout != site.layout || slot.target->memory.where() != site.site.device)
      MXPATH_CHECK(pack_slot(slot, site, checkpoint, threads, streams));
    done += size_of(site.site);
    if (progress) progress("packing weights", done, total);
  }
  return {};
}

uint64_t rounded_values(const Weights& weights, const Plan& plan, const Conversion& conversion) {
  uint64_t rounded = 0;
  // matrix_slots only points into the weights here and below; nothing is written.
  for (const MatrixSlot& slot : matrix_slots(const_cast<Weights&>(weights)))
    if (const Site& site = site_of(slot, plan).site; site.stored == conversion.from && site.format == conversion.to)
      rounded += slot.target->rounded;
  return rounded;
}

Result<std::vector<PackingDifference>> check_packing(const Weights& weights, const Plan& plan,
                                                     const Checkpoint& checkpoint, uint64_t seed) {
  std::vector<PackingDifference> differences;
  Random random(seed);
  MXPATH_TRY(Streams streams, Streams::create(plan.placement));
  for (const MatrixSlot& slot : matrix_slots(const_cast<Weights&>(weights))) {
    const SitePlan& site = site_of(slot, plan);
    const bool lossy = !is_lossless(site.site.stored, site.site.format);
    const auto known = [&] { return std::ranges::count(differences, &site, &PackingDifference::site) > 0; };
    int64_t packed_row = 0;
    for (const TensorRecord* record : records_of(slot, checkpoint.manifest())) {
      const int expert = static_cast<int>(random.integer(0, record->experts - 1));
      for (int64_t row : {int64_t{0}, record->rows - 1, random.integer(0, record->rows - 1)}) {
        MXPATH_TRY(const FetchedRows rows,
                   fetch_rows(*slot.target, expert, packed_row + row, streams.of(site.site.device)));
        if (const auto same = compare_row(rows, checkpoint, *record, expert, row, lossy); !same.ok() && !known())
          differences.push_back({&site, same.error().message});
      }
      packed_row += record->rows;
    }
  }
  return differences;
}

}  // namespace mxpath
