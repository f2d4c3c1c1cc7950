// Any bytes as the GGUF file that a conversion reads: an error, or every number as the file holds it, row by row, and
// every tensor of every target whole. Bytes that do not begin with "GGUF" choose a model and the types of its tensors
// instead: most of those files convert.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "checkpoint/gguf_writer_for_test.h"
#include "convert/compose.h"
#include "convert/source.h"
#include "formats/bf16.h"
#include "formats/fp16.h"
#include "formats/mxfp4.h"

namespace {

using namespace mxpath;
using convert::Source;
using convert::SourceTensor;

void require(bool right) {
  if (!right) std::abort();
}

/// A file without a place on a disk.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    require(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { ::close(fd_); }
  std::string path() const { return fmt::format("/proc/self/fd/{}", fd_); }

 private:
  int fd_;
};

// --- what the file says, read in another way
// ---------------------------------------------------------------------------------------------

template <class T>
T load(const std::string& file, uint64_t at) {
  T value;
  std::memcpy(&value, &file.at(at), sizeof value);
  return value;
}

/// Element `i` of a tensor, counted through.
float element_of(const std::string& file, const GgufTensor& tensor, uint64_t i) {
  switch (tensor.type) {
    case gguf_tensor::f32: return load<float>(file, tensor.offset + 4 * i);
    case gguf_tensor::f16: return decode_fp16(load<uint16_t>(file, tensor.offset + 2 * i));
    case gguf_tensor::bf16: return decode_bf16(load<uint16_t>(file, tensor.offset + 2 * i));
    case gguf_tensor::q8_0: {
      const uint64_t block = tensor.offset + i / 32 * 34;
      return decode_fp16(load<uint16_t>(file, block)) * static_cast<float>(load<int8_t>(file, block + 2 + i % 32));
    }
    default: {
      const uint64_t block = tensor.offset + i / 32 * 17;
      const NibbleOrder order = tensor.type == gguf_tensor::mxfp4 ? NibbleOrder::halves : NibbleOrder::adjacent;
      return decode_mxfp4(reinterpret_cast<const uint8_t*>(&file.at(block + 1)), load<uint8_t>(file, block),
                          static_cast<int>(i % 32), order);
    }
  }
}

const GgufTensor* find(const Gguf& gguf, const std::string& name) {
  for (const auto& tensor : gguf.tensors)
    if (tensor.name == name) return &tensor;
  return nullptr;
}

/// Where row `row` of an expert stands: the tensor, and its row there.
struct Place {
  const GgufTensor* tensor;
  uint64_t stored_rows, row;
};
Place place_of(const Gguf& gguf, const Source& source, const SourceTensor& tensor, uint64_t row) {
  const uint64_t q = static_cast<uint64_t>(source.config.q_width()),
                 kv = static_cast<uint64_t>(source.config.kv_width());
  const GgufTensor* stored = find(gguf, tensor.name);
  if (tensor.name.find("attn_qkv") != std::string::npos) {
    const bool k = tensor.role == Role::k_weight || tensor.role == Role::k_bias;
    const bool v = tensor.role == Role::v_weight || tensor.role == Role::v_bias;
    return {stored, q + 2 * kv, row + (k || v ? q : 0) + (v ? kv : 0)};
  }
  if (tensor.role != Role::gate_up_weight && tensor.role != Role::gate_up_bias) return {stored, tensor.rows, row};
  if (const size_t at = tensor.name.find("_gate_exps"); at != std::string::npos) {
    std::string up = tensor.name;
    return {row % 2 ? find(gguf, up.replace(at, 10, "_up_exps")) : stored, tensor.rows / 2, row / 2};
  }
  const bool interleaved = source.description.find("gptoss") != std::string::npos;
  return {stored, tensor.rows, interleaved ? row : row % 2 * (tensor.rows / 2) + row / 2};
}

bool same(float a, float b) { return std::memcmp(&a, &b, sizeof a) == 0 || (std::isnan(a) && std::isnan(b)); }

void check_rows(const std::string& file, const Gguf& gguf, const Source& source) {
  for (const SourceTensor& tensor : source.tensors)
    for (uint64_t expert = 0; expert < tensor.experts; ++expert)
      for (uint64_t row = 0; row < tensor.rows; ++row) {
        std::vector<float> values(tensor.columns, 12345);
        tensor.read_row(expert, row, values.data());
        const Place place = place_of(gguf, source, tensor, row);
        for (uint64_t c = 0; c < tensor.columns; ++c)
          require(same(values[c],
                       element_of(file, *place.tensor, (expert * place.stored_rows + place.row) * tensor.columns + c)));
      }
}

// --- what would be written
// ---------------------------------------------------------------------------------------------------------------

void check_items(const Source& source, CheckpointLayout target) {
  static ThreadPool pool(1);
  uint64_t told = 0, all = 0;
  const convert::TensorWriter writer{source, pool, ScaleRule::ceil, [&](uint64_t bytes) { told += bytes; }};
  std::vector<convert::TensorLoss> losses;
  const auto groups = compose(writer, target, losses);
  require(groups.ok() || !groups.error().message.empty());
  if (!groups.ok()) return;
  for (const auto& group : *groups)
    for (const auto& item : group.items) {
      uint64_t bytes = 0;
      volatile uint8_t seen = 0;  // every byte is read
      const Status status = item.data([&](std::span<const uint8_t> piece) -> Status {
        for (const uint8_t byte : piece) seen = byte;
        bytes += piece.size();
        return {};
      });
      require(status.ok() || status.error().message.find("tensor ") != std::string::npos);
      if (!status.ok()) return;
      require(bytes == bytes_of(item.dtype, item.shape));
      all += bytes;
    }
  require(told == all);
}

void check_file(const std::string& file) {
  const MemoryFile stored(file);
  const auto source = convert::open_gguf_source(stored.path());
  require(source.ok() || !source.error().message.empty());
  if (!source.ok()) return;
  const auto gguf = parse_gguf({reinterpret_cast<const uint8_t*>(file.data()), file.size()}, "fuzz");
  require(gguf.ok());
  check_rows(file, *gguf, *source);
  for (const auto target :
       {CheckpointLayout::hugging_face_mxfp4, CheckpointLayout::hugging_face_bf16, CheckpointLayout::openai_original})
    check_items(*source, target);
}

// --- a file by choices
// -------------------------------------------------------------------------------------------------------------------

class Maker {
 public:
  Maker(const uint8_t* data, size_t size) : data_(data), size_(size), random_(size + 1) {}

  std::string file() {
    choose_sizes();
    add_metadata();
    add("token_embd.weight", {vocab_, hidden_}), add("output_norm.weight", {hidden_});
    if (choose(4)) add("output.weight", {vocab_, hidden_});
    for (uint64_t layer = 0; layer < layers_; ++layer) add_layer(fmt::format("blk.{}.", layer));
    return writer_.file();
  }

 private:
  using Shape = std::vector<uint64_t>;

  uint32_t choose(uint32_t count) { return at_ < size_ ? data_[at_++] % count : 0; }
  template <size_t n>
  uint64_t one_of(const std::array<uint64_t, n>& values) {
    return values[choose(n)];
  }

  void choose_sizes() {
    style_ = choose(256);
    layers_ = 1 + choose(2);
    hidden_ = one_of<5>({32, 64, 1, 2, 16}), intermediate_ = one_of<4>({32, 48, 1, 16});
    kv_heads_ = one_of<3>({1, 2, 16}), heads_ = kv_heads_ * one_of<2>({1, 2}), head_dim_ = one_of<4>({16, 2, 4, 32});
    experts_ = one_of<4>({2, 1, 3, 32}), vocab_ = one_of<4>({8, 1, 32, 33});
  }
  bool ollama() const { return style_ & 1; }
  bool fused_gate_up() const { return style_ & 2; }
  bool fused_qkv() const { return style_ & 4; }

  void add_metadata() {
    const std::string architecture = ollama() ? "gptoss" : "gpt-oss", p = architecture + ".";
    writer_.add_text("general.architecture", architecture);
    const std::pair<const char*, uint64_t> numbers[] = {{"block_count", layers_},
                                                        {"context_length", 64},
                                                        {"embedding_length", hidden_},
                                                        {"feed_forward_length", intermediate_},
                                                        {"expert_count", experts_},
                                                        {"expert_used_count", 1},
                                                        {"attention.head_count", heads_},
                                                        {"attention.head_count_kv", kv_heads_},
                                                        {"attention.key_length", head_dim_},
                                                        {"attention.sliding_window", 8},
                                                        {"rope.scaling.original_context_length", 16}};
    for (const auto& [key, value] : numbers) writer_.add_u32(p + key, static_cast<uint32_t>(value));
    writer_.add_f32(p + "rope.freq_base", 150000), writer_.add_f32(p + "rope.scaling.factor", 32);
  }

  void add_layer(const std::string& layer) {
    const uint64_t q = heads_ * head_dim_, kv = kv_heads_ * head_dim_;
    add(layer + "attn_norm.weight", {hidden_});
    add_with_bias(layer, fused_qkv() ? std::vector<std::pair<std::string, uint64_t>>{{"attn_qkv", q + 2 * kv}}
                                     : std::vector<std::pair<std::string, uint64_t>>{
                                           {"attn_q", q}, {"attn_k", kv}, {"attn_v", kv}});
    add(layer + "attn_output.weight", {hidden_, q}), add(layer + "attn_output.bias", {hidden_});
    add(layer + "attn_sinks.weight", {heads_}), add(layer + "post_attention_norm.weight", {hidden_});
    add(layer + "ffn_gate_inp.weight", {experts_, hidden_}), add(layer + "ffn_gate_inp.bias", {experts_});
    for (const std::string& part :
         fused_gate_up() ? std::vector<std::string>{"gate_up"} : std::vector<std::string>{"gate", "up"}) {
      const uint64_t rows = intermediate_ * (fused_gate_up() ? 2 : 1);
      add(layer + "ffn_" + part + "_exps.weight", {experts_, rows, hidden_}),
          add(layer + "ffn_" + part + "_exps.bias", {experts_, rows});
    }
    add(layer + "ffn_down_exps.weight", {experts_, hidden_, intermediate_}),
        add(layer + "ffn_down_exps.bias", {experts_, hidden_});
  }

  void add_with_bias(const std::string& layer, const std::vector<std::pair<std::string, uint64_t>>& parts) {
    for (const auto& [name, rows] : parts)
      add(layer + name + ".weight", {rows, hidden_}), add(layer + name + ".bias", {rows});
  }

  /// Most types that the innermost dimension allows; seldom another, another shape, or bytes that are no numbers.
  void add(const std::string& name, Shape shape) {
    constexpr std::array<uint32_t, 8> types = {
        gguf_tensor::f32,  gguf_tensor::mxfp4, gguf_tensor::q8_0, gguf_tensor::mxfp4_raw,
        gguf_tensor::bf16, gguf_tensor::f16,   2 /* Q4_0 */,      77};
    const uint32_t choice = choose(256);
    std::erase_if(shape, [&](uint64_t size) { return size == 1 && (choice & 64); });
    if (choice & 32) shape.insert(shape.begin(), 1);
    uint32_t type = types[choice & 7];
    if (choice < 128 && (type == 2 || type == 77)) type = gguf_tensor::f32;
    const GgufBlock block = gguf_block(type).value_or(GgufBlock{1, 1});
    if (choice < 192 && (shape.empty() || shape.back() % block.elements)) return add(name, gguf_tensor::f32, shape);
    if (choice > 250 && !shape.empty()) shape.front() += block.elements;
    add(name, type, shape);
  }

  void add(const std::string& name, uint32_t type, const Shape& shape) {
    const GgufBlock block = gguf_block(type).value_or(GgufBlock{1, 1});
    uint64_t elements = 1;
    for (const uint64_t size : shape) elements *= size;
    std::string bytes;
    for (uint64_t i = 0; i < elements / block.elements; ++i) add_block(bytes, type, block.bytes);
    writer_.add_tensor(name, type, shape, bytes);
  }

  void add_block(std::string& out, uint32_t type, uint64_t bytes) {
    const auto value = static_cast<float>(random_.integer(-1000, 1000)) / 997;
    const size_t begin = out.size();
    if (type == gguf_tensor::f32) return GgufWriter::put(out, value);
    if (type == gguf_tensor::f16) return GgufWriter::put(out, encode_fp16(value));
    if (type == gguf_tensor::bf16) return GgufWriter::put(out, encode_bf16(value));
    for (uint64_t i = 0; i < bytes; ++i) out += static_cast<char>(random_.next());
    const bool any_scale = (style_ & 128) && random_.integer(0, 99) == 0;
    if (type == gguf_tensor::q8_0 && !any_scale) {
      const uint16_t scale = encode_fp16(value);
      std::memcpy(&out[begin], &scale, 2);
    } else if (!any_scale) {
      out[begin] = static_cast<char>(random_.integer(100, 140));
    }
  }

  const uint8_t* data_;
  size_t size_, at_ = 0;
  Random random_;
  GgufWriter writer_;
  uint32_t style_ = 0;
  uint64_t layers_ = 0, hidden_ = 0, intermediate_ = 0, heads_ = 0, kv_heads_ = 0, head_dim_ = 0, experts_ = 0,
           vocab_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size >= 4 && std::memcmp(data, "GGUF", 4) == 0) check_file({reinterpret_cast<const char*>(data), size});
  else check_file(Maker(data, size).file());
  return 0;
}
