// Names of models as people type them.
#pragma once
#include <string>
#include <string_view>

namespace mxpath {

struct ModelName {
  enum class Kind {
    hub,      ///< `name` is owner/name or a name alone; `revision` may be ""
    ollama,   ///< `name` as Ollama has it, library/gpt-oss; `revision` is its tag
    problem,  ///< `name` says, as the end of a sentence, what it is instead
    none,     ///< no form that is known
  };
  Kind kind = Kind::none;
  std::string name, revision;
};

/// Tells a hub name, with or without @REVISION, the address of a page there, a folder of its cache by name, and
/// Ollama's names apart.
ModelName model_name(std::string_view typed);

}  // namespace mxpath
