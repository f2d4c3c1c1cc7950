// The model's dimensions from GGUF metadata.
#pragma once
#include <string>

#include "base/result.h"
#include "checkpoint/config.h"
#include "checkpoint/gguf.h"

namespace mxpath::convert {

/// `vocab` and `tied` come from the tensors. Even layers slide unless the metadata has a pattern; YaRN's bounds are not
/// rounded, as OpenAI has it (llama.cpp rounds them). Errors: another architecture, a missing key, a value of the wrong
/// kind, a rope scaling that gpt-oss does not have; what parse_config refuses.
Result<ModelConfig> config_from_gguf(const Gguf& gguf, int vocab, bool tied, const std::string& where);

/// "gpt-oss" (llama.cpp) or "gptoss" (Ollama). Error: anything else.
Result<std::string> gguf_architecture(const Gguf& gguf, const std::string& where);

}  // namespace mxpath::convert
