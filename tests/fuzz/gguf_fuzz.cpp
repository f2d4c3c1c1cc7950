// Any bytes as a GGUF file: an answer or one sentence, never more.
#include <cstdint>
#include <cstdlib>

#include "checkpoint/gguf.h"
#include "convert/gguf_config.h"

namespace {

/// What a reader may rely on once a file was accepted.
void check(const mxpath::Gguf& gguf, std::size_t size) {
  uint64_t end = 0;
  for (const auto& tensor : gguf.tensors) {
    if (tensor.offset < end || tensor.offset > size || tensor.bytes > size - tensor.offset || tensor.shape.size() > 4)
      std::abort();
    end = tensor.offset + tensor.bytes;
  }
  for (const auto& [key, value] : gguf.metadata) {
    (void)value.as_unsigned(), (void)value.as_number(), (void)value.as_boolean(), (void)value.as_text(),
        (void)value.as_integers();
    if (key.empty()) std::abort();
  }
  const auto config = mxpath::convert::config_from_gguf(gguf, 512, false, "fuzz");
  if (!config.ok() && config.error().message.empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const auto gguf = mxpath::parse_gguf({data, size}, "fuzz");
  if (gguf.ok()) check(*gguf, size);
  if (!gguf.ok() && gguf.error().message.empty()) std::abort();
  return 0;
}
