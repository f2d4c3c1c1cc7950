#include "app/dirs.h"

#include <filesystem>

#include "base/environment.h"
#include "base/expand_path.h"
#include "base/text.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

/// <prefix>/share/mxpath for a program in <prefix>/bin.
fs::path shared_folder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path().parent_path() / "share" / "mxpath";
}

bool there_is(const fs::path& path) {
  std::error_code ignored;
  return !path.empty() && fs::exists(path, ignored);
}

std::string demo_folder() {
  if (const auto given = environment_variable("MXPATH_DEMO_DIR"); !given.empty()) return expanded(given);
  if (const fs::path installed = shared_folder() / "demo"; there_is(installed)) return installed.string();
  if (const fs::path installed = fs::path(MXPATH_SHARED_DIR) / "demo"; there_is(installed)) return installed.string();
  return MXPATH_SOURCE_TREE "/models/demo";
}

/// An XDG base folder (absolute, as the specification demands) or its default below the home folder.
std::string base_folder(const char* name, const char* below_home) {
  if (const auto given = environment_variable(name); given.starts_with('/')) return given + "/mxpath";
  const auto home = environment_variable("HOME");
  return home.empty() ? "" : fmt::format("{}/{}/mxpath", home, below_home);
}

}  // namespace

std::string_view version() { return MXPATH_VERSION; }

ModelPlaces model_places() {
  HubCache cache = default_hub_cache();
  return {.demo = demo_folder(),
          .hub_cache = std::move(cache.folder),
          .hub_cache_variable = std::move(cache.variable),
          .ollama_stores = default_ollama_stores(),
          .lmstudio_stores = default_lmstudio_stores()};
}

std::string cache_folder() { return base_folder("XDG_CACHE_HOME", ".cache"); }
std::string state_folder() { return base_folder("XDG_STATE_HOME", ".local/state"); }

Status make_folder(const std::string& folder) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  fs::create_directories(folder, error);
  if (error) return fail("{}: cannot be created: {}", folder, error.message());
  fs::permissions(folder, fs::perms::owner_all, error);
  return {};
}

}  // namespace mxpath
