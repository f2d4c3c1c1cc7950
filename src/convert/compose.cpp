#include "convert/compose.h"

#include "base/text.h"
#include "checkpoint/roles.h"
#include "formats/mxfp4.h"

namespace mxpath::convert {
namespace {

using Shape = std::vector<uint64_t>;
using Parts = std::vector<const SourceTensor*>;

class Composer {
 public:
  Composer(const TensorWriter& writer, CheckpointLayout target, std::vector<TensorLoss>& losses)
      : writer_(writer), target_(target), losses_(losses) {}

  Result<std::vector<ItemGroup>> run() {
    for (const auto& place : roles_of(writer_.source.config)) MXPATH_CHECK(add(place));
    return std::move(groups_);
  }

 private:
  Status add(const RoleInLayer& place) {
    const TensorRecord record = blank_record(place, target_, writer_.source.config);
    const SourceTensor* tensor = writer_.source.find(record.role, record.layer);
    if (!tensor) return fail("{}: tensor {} has no source", writer_.source.weights_folder, record.name);
    if (place.row->expert_matrix() && target_ != CheckpointLayout::hugging_face_bf16) return add_mxfp4(record, *tensor);
    if (record.stored_rows != record.rows) return add_fused(record, *tensor);
    add_bf16(record, {tensor});
    return {};
  }

  void add_bf16(const TensorRecord& record, Parts parts) {
    const bool transposed = row_of(record.role).expert_matrix();
    Shape shape;
    if (row_of(record.role).per_expert) shape.push_back(static_cast<uint64_t>(record.experts));
    shape.push_back(static_cast<uint64_t>(transposed ? record.columns : record.stored_rows));
    if (row_of(record.role).columns != Extent::one)
      shape.push_back(static_cast<uint64_t>(transposed ? record.rows : record.columns));
    auto data = [this_writer = &writer_, losses = &losses_, parts, transposed,
                 name = record.name](const WriteBytes& write) -> Status {
      Loss loss;
      for (const SourceTensor* part : parts) MXPATH_CHECK(write_bf16(*this_writer, *part, transposed, write, loss));
      if (loss.values) losses->push_back({name, loss});
      return {};
    };
    add_group({{record.name, Dtype::bf16, shape, data}});
  }

  /// q, k and v come one after the other; the tensor is complete when its last part arrives.
  Status add_fused(const TensorRecord& record, const SourceTensor& tensor) {
    Parts& parts = row_of(record.role).columns == Extent::one ? bias_parts_ : weight_parts_;
    parts.push_back(&tensor);
    if (record.first_row + record.rows == record.stored_rows) add_bf16(record, std::exchange(parts, {}));
    return {};
  }

  Status add_mxfp4(const TensorRecord& record, const SourceTensor& tensor) {
    if (record.columns % mxfp4_block)
      return wrong_use(
          "tensor {} has rows of {} elements, which blocks of {} do not divide: this model cannot be MXFP4",
          record.name, record.columns, mxfp4_block);
    const auto scales = std::make_shared<std::vector<uint8_t>>();
    auto write_blocks = [this_writer = &writer_, losses = &losses_, &tensor, scales,
                         name = record.name](const WriteBytes& write) -> Status {
      Loss loss;
      MXPATH_CHECK(write_codes(*this_writer, tensor, write, *scales, loss));
      if (loss.values) losses->push_back({name, loss});
      return {};
    };
    auto write_rest = [this_writer = &writer_, scales](const WriteBytes& write) -> Status {
      MXPATH_CHECK(write_scales(*this_writer, *scales, write));
      *scales = {};
      return {};
    };
    const Shape shape = {static_cast<uint64_t>(record.experts), static_cast<uint64_t>(record.rows),
                         static_cast<uint64_t>(record.columns / mxfp4_block)};
    Shape blocks = shape;
    blocks.push_back(mxfp4_block_bytes);
    add_group({{record.name + std::string(blocks_suffix(target_)), Dtype::u8, blocks, write_blocks},
               {record.name + std::string(scales_suffix(target_)), Dtype::u8, shape, write_rest}});
    return {};
  }

  void add_group(std::vector<SafetensorsItem> items) {
    ItemGroup group{std::move(items)};
    for (const auto& item : group.items) group.bytes += bytes_of(item.dtype, item.shape).value_or(0);
    groups_.push_back(std::move(group));
  }

  const TensorWriter& writer_;
  CheckpointLayout target_;
  std::vector<TensorLoss>& losses_;
  std::vector<ItemGroup> groups_;
  Parts weight_parts_, bias_parts_;
};

}  // namespace

Result<std::vector<ItemGroup>> compose(const TensorWriter& writer, CheckpointLayout target,
                                       std::vector<TensorLoss>& losses) {
  return Composer(writer, target, losses).run();
}

}  // namespace mxpath::convert
