// Any bytes as a tokenizer.json: an error, or a tokenizer whose encoding decodes to the text.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "chat/tokenizer.h"
#include "chat/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mxpath;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto loaded = Tokenizer::from_json(input, "fuzz");
  if (!loaded.ok()) {
    if (loaded.error().message.empty()) std::abort();
    return 0;
  }
  const Tokenizer& tokenizer = **loaded;
  const std::string_view tail = input.substr(size - std::min<size_t>(size, 64));
  for (const std::string_view text : {std::string_view("ab  abc's 123 \xec\x95\x88<|start|>\n\xff"), tail}) {
    const auto ids = tokenizer.encode(text), with_special = tokenizer.encode_with_special(text);
    const auto decoded = tokenizer.decode(ids), decoded_special = tokenizer.decode(with_special);
    if (!decoded.ok() || *decoded != to_valid_utf8(text)) std::abort();
    if (!decoded_special.ok() || *decoded_special != to_valid_utf8(text)) std::abort();
    for (const Token id : ids)
      if (tokenizer.is_special(id)) std::abort();
    if (tokenizer.decode_lossy(ids) != to_valid_utf8(text)) std::abort();
  }
  for (const Token id : {-1, 0, tokenizer.size() - 1, tokenizer.size()}) (void)tokenizer.token_bytes(id);
  return 0;
}
