#include "cli/prompt_cache.h"

#include <fmt/format.h>

#include <filesystem>

#include "app/dirs.h"
#include "cli/program.h"
#include "engine/prefix_key.h"

namespace mxpath::cli {

Status check_prompt_cache(const std::string& path) { return path.empty() ? Status() : check_prefix_file(path); }

Status with_prompt_cache(const std::string& path, Runtime& runtime, const std::function<Status()>& work) {
  if (path.empty()) return work();
  const PrefixFileKey key = prefix_key(*runtime.loaded, version());
  ModelExecutor& executor = runtime.session.executor();
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored) && std::filesystem::file_size(path, ignored) > 0)
    if (const auto loaded = executor.load_prefixes(path, key); !loaded.ok())
      tell(fmt::format("{}, and will be written anew", loaded.error().message));
  MXPATH_CHECK(work());
  runtime.session.keep();
  return executor.save_prefixes(path, key);
}

}  // namespace mxpath::cli
