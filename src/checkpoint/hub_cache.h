// The Hugging Face cache on this computer: models--OWNER--NAME with blobs, refs and snapshots.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/locate.h"

namespace mxpath {

/// owner/name, or a name alone as the oldest models of the hub have it.
bool is_hub_name(std::string_view name);
/// `hf download NAME …`, without the copies of the weights in other layouts.
std::string download_command(std::string_view name, std::string_view revision = "");

/// "models--openai--gpt-oss-20b" → "openai/gpt-oss-20b"; nothing for other folders.
std::optional<std::string> name_of_repository(std::string_view folder);
/// The folder of a model in the cache, whatever the case of its letters; of a name without owner, if exactly one cached
/// model ends so.
std::optional<std::filesystem::path> cached_repository(const std::filesystem::path& cache, std::string_view name);
/// Names of the cached models that `name` could mean, if none is exactly so called.
std::vector<std::string> cached_models_like(const std::filesystem::path& cache, std::string_view name);
/// Names of the models in a cache.
std::vector<std::string> cached_models(const std::filesystem::path& cache);

/// The snapshot that a revision stands for: a branch, a tag, refs/pr/1, a commit or the start of one. Of "" the one of
/// main if it is a whole model, else the newest that is one, with a decision. Errors: no such revision; no snapshot, or
/// none that is whole.
Result<LocatedModel> snapshot_of(const std::filesystem::path& repository, std::string_view revision);

}  // namespace mxpath
