// Small checkpoints taken apart: tensors in other formats than their neighbours, values that a forward cannot bear.
#pragma once
#include <cstring>
#include <functional>

#include "checkpoint/test_folder.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace mxpath::test {

/// A checkpoint of two layers in memory, to be altered and written out.
class LooseCheckpoint {
 public:
  explicit LooseCheckpoint(CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4) {
    write_tiny(folder_ / "source", layout);
    tensors_ = load_tensors(folder_ / "source/model.safetensors");
  }

  /// The values of a tensor; of MXFP4 experts, named without a suffix, as [E, in, out], the way they are stored where
  /// they are not MXFP4.
  std::vector<float> values(const std::string& name) {
    if (LooseTensor* blocks = find(name + "_blocks")) return expert_values(*blocks, *find(name + "_scales"));
    const LooseTensor& t = tensor_named(tensors_, name);
    std::vector<float> out(t.bytes.size() / (t.dtype == Dtype::f32 ? 4 : 2));
    for (size_t i = 0; i < out.size(); ++i) {
      uint16_t half;
      if (t.dtype == Dtype::f32) std::memcpy(&out[i], &t.bytes[4 * i], 4);
      else
        std::memcpy(&half, &t.bytes[2 * i], 2), out[i] = t.dtype == Dtype::bf16 ? decode_bf16(half) : decode_fp16(half);
    }
    return out;
  }

  /// Stores a tensor in another format, each value changed by `change` first: MXFP4 experts become one tensor [E, in,
  /// out].
  void store(const std::string& name, Dtype dtype, const std::function<float(float, size_t)>& change = {}) {
    std::vector<float> all = values(name);
    if (LooseTensor* blocks = find(name + "_blocks")) {
      const uint64_t experts = blocks->shape[0], rows = blocks->shape[1], columns = blocks->shape[2] * 32;
      std::erase_if(tensors_,
                    [&](const LooseTensor& t) { return t.name == name + "_blocks" || t.name == name + "_scales"; });
      tensors_.push_back({name, dtype, {experts, columns, rows}, {}});
    }
    LooseTensor& t = tensor_named(tensors_, name);
    t.dtype = dtype, t.bytes.clear();
    for (size_t i = 0; i < all.size(); ++i) append(t, change ? change(all[i], i) : all[i]);
  }
  /// Changes values where they are stored.
  void change(const std::string& name, const std::function<float(float, size_t)>& change) {
    store(name, find(name) ? find(name)->dtype : Dtype::bf16, change);
  }

  /// Every tensor as FP32: the same numbers in one format.
  void widen() {
    std::vector<std::string> names;
    for (const LooseTensor& t : tensors_)
      if (!t.name.ends_with("_scales"))
        names.push_back(t.name.ends_with("_blocks") ? t.name.substr(0, t.name.size() - 7) : t.name);
    for (const std::string& name : names) store(name, Dtype::f32);
  }

  /// A folder with these tensors in one file, or in several.
  std::string write(const std::string& name, size_t shards = 1) {
    folder_.write(name + "/config.json", folder_.read("source/config.json"));
    const size_t each = (tensors_.size() + shards - 1) / shards;
    for (size_t shard = 0; shard < shards; ++shard) {
      const auto begin = tensors_.begin() + static_cast<ptrdiff_t>(std::min(shard * each, tensors_.size())),
                 end = tensors_.begin() + static_cast<ptrdiff_t>(std::min((shard + 1) * each, tensors_.size()));
      const std::string file =
          shards == 1 ? "model" : "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(shards);
      save_tensors(folder_ / (name + "/" + file + ".safetensors"), {begin, end});
    }
    return folder_ / name;
  }

 private:
  LooseTensor* find(const std::string& name) {
    const auto at = std::ranges::find(tensors_, name, &LooseTensor::name);
    return at == tensors_.end() ? nullptr : &*at;
  }

  static std::vector<float> expert_values(const LooseTensor& blocks, const LooseTensor& scales) {
    const size_t experts = blocks.shape[0], rows = blocks.shape[1], columns = blocks.shape[2] * 32;
    std::vector<float> rows_first(experts * rows * columns), out(rows_first.size());
    decode_mxfp4_blocks(blocks.bytes.data(), scales.bytes.data(), rows_first.size() / 32, rows_first.data(),
                        NibbleOrder::adjacent);
    for (size_t e = 0; e < experts; ++e)
      for (size_t r = 0; r < rows; ++r)
        for (size_t c = 0; c < columns; ++c)
          out[(e * columns + c) * rows + r] = rows_first[(e * rows + r) * columns + c];
    return out;
  }

  static void append(LooseTensor& t, float value) {
    const uint16_t half = t.dtype == Dtype::bf16 ? encode_bf16(value) : encode_fp16(value);
    const size_t at = t.bytes.size(), size = t.dtype == Dtype::f32 ? 4 : 2;
    t.bytes.resize(at + size);
    std::memcpy(&t.bytes[at], t.dtype == Dtype::f32 ? static_cast<const void*>(&value) : &half, size);
  }

  TestFolder folder_;
  std::vector<LooseTensor> tensors_;
};

}  // namespace mxpath::test
