// Writes GGUF files for tests, right or wrong.
#pragma once
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/gguf.h"

namespace mxpath {

class GgufWriter {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;

  template <class T>
  static void put(std::string& out, T value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  static void put_text(std::string& out, const std::string& text) { put<uint64_t>(out, text.size()), out += text; }

  void add_raw(const std::string& key, GgufType type, const std::string& bytes) {
    put_text(values_, key), put(values_, static_cast<uint32_t>(type)), values_ += bytes, ++value_count_;
  }
  void add_u32(const std::string& key, uint32_t value) { add_number(key, GgufType::u32, value); }
  void add_f32(const std::string& key, float value) { add_number(key, GgufType::f32, value); }
  void add_f64(const std::string& key, double value) { add_number(key, GgufType::f64, value); }
  template <class T>
  void add_number(const std::string& key, GgufType type, T value) {
    std::string bytes;
    put(bytes, value), add_raw(key, type, bytes);
  }
  void add_text(const std::string& key, const std::string& value) {
    std::string bytes;
    put_text(bytes, value), add_raw(key, GgufType::string, bytes);
  }
  void add_i32s(const std::string& key, const std::vector<int32_t>& values) {
    std::string bytes;
    put(bytes, static_cast<uint32_t>(GgufType::i32)), put<uint64_t>(bytes, values.size());
    for (const int32_t value : values) put(bytes, value);
    add_raw(key, GgufType::array, bytes);
  }
  /// shape: slowest first.
  void add_tensor(const std::string& name, uint32_t type, std::vector<uint64_t> shape, std::string bytes) {
    tensors_.push_back({name, type, std::move(shape), std::move(bytes)});
  }
  void replace_tensor(const std::string& name, uint32_t type, std::string bytes) {
    for (auto& tensor : tensors_)
      if (tensor.name == name) tensor.type = type, tensor.bytes = bytes;
  }

  std::string file() const {
    std::string out = "GGUF", data;
    put(out, version), put<uint64_t>(out, tensors_.size()), put<uint64_t>(out, value_count_), out += values_;
    for (const auto& tensor : tensors_) {
      put_text(out, tensor.name), put(out, static_cast<uint32_t>(tensor.shape.size()));
      for (size_t i = tensor.shape.size(); i-- > 0;) put(out, tensor.shape[i]);
      put(out, tensor.type), put<uint64_t>(out, data.size());
      data += tensor.bytes, pad(data);
    }
    pad(out);
    return out + data;
  }

 private:
  struct Tensor {
    std::string name;
    uint32_t type;
    std::vector<uint64_t> shape;
    std::string bytes;
  };
  void pad(std::string& text) const { text.resize((text.size() + alignment - 1) / alignment * alignment); }

  std::string values_;
  uint64_t value_count_ = 0;
  std::vector<Tensor> tensors_;
};

}  // namespace mxpath
