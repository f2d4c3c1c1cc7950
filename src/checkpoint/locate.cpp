#include "checkpoint/locate.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/environment.h"
#include "base/folder.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/foreign_formats.h"
#include "checkpoint/inventory.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

std::string download_command(std::string_view name) {
  return fmt::format("hf download {} --exclude \"original/*\" --exclude \"metal/*\"", name);
}

/// owner/name, or a name alone as the oldest models of the hub have it.
bool is_hub_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  const size_t slash = name.find('/');
  if (name.empty() || name.front() == '.' || name.front() == '/' || name.back() == '/') return false;
  if (slash != std::string_view::npos && (name.find('/', slash + 1) != std::string_view::npos || name[slash + 1] == '.')) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return c == '/' || good(c); });
}

fs::path repository(const fs::path& cache, std::string_view name) {
  std::string folder = "models--" + std::string(name);
  if (const size_t slash = folder.find('/'); slash != std::string::npos) folder.replace(slash, 1, "--");
  return cache / folder;
}

/// The name as the hub has it for a name without owner, if exactly one cached model ends so.
std::string with_owner(const fs::path& cache, std::string_view name) {
  if (name.find('/') != std::string_view::npos || is_folder(repository(cache, name))) return std::string(name);
  std::vector<std::string> matches;
  for (const auto& path : entries_of(cache)) {
    const std::string folder = path.filename().string(), ending = "--" + std::string(name);
    if (!folder.starts_with("models--") || !folder.ends_with(ending) || folder.size() <= 8 + ending.size()) continue;
    matches.push_back(folder.substr(8, folder.size() - 8 - ending.size()) + "/" + std::string(name));
  }
  return matches.size() == 1 ? matches[0] : std::string(name);
}

bool download_going_on(const fs::path& repository) {
  const auto blobs = entries_of(repository / "blobs");
  return std::any_of(blobs.begin(), blobs.end(), [](const fs::path& p) { return p.extension() == ".incomplete"; });
}

std::optional<fs::path> snapshot_of_main(const fs::path& repository) {
  const auto text = read_text_file((repository / "refs" / "main").string(), 4096);
  if (!text.ok()) return std::nullopt;
  std::string commit = *text;
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  if (commit.empty() || commit.find('/') != std::string::npos || commit.front() == '.') return std::nullopt;
  const fs::path snapshot = repository / "snapshots" / commit;
  return is_folder(snapshot) ? std::optional(snapshot) : std::nullopt;
}

std::optional<fs::path> newest_snapshot(const fs::path& repository) {
  std::optional<fs::path> newest;
  fs::file_time_type time{};
  for (const auto& path : entries_of(repository / "snapshots")) {
    std::error_code ignored;
    const auto written = fs::last_write_time(path, ignored);
    if (is_folder(path) && (!newest || written > time)) newest = path, time = written;
  }
  return newest;
}

bool is_broken_link(const fs::path& path) {
  std::error_code ignored;
  return fs::is_symlink(path, ignored) && !fs::exists(path, ignored);
}

bool has_safetensors(const fs::path& folder) {
  const auto files = entries_of(folder);
  return std::any_of(files.begin(), files.end(), [](const fs::path& p) { return p.extension() == ".safetensors"; });
}

/// What keeps a snapshot from being a whole model; empty if nothing does. Foreign formats are left to open_manifest to name.
std::string unfinished(const fs::path& repository, const fs::path& snapshot) {
  const auto files = entries_of(snapshot);
  if (const auto broken = std::find_if(files.begin(), files.end(), is_broken_link); broken != files.end())
    return fmt::format("{} is a link to a file that is not there", broken->filename().string());
  if (files.empty()) return "its snapshot is empty";
  if (!has_safetensors(snapshot) && !has_safetensors(snapshot / "original") && download_going_on(repository))
    return "its weights are not complete";
  return {};
}

Result<std::string> locate_in_cache(std::string_view typed, const std::string& cache) {
  const std::string name = with_owner(cache, typed);
  const fs::path folder = repository(cache, name);
  const std::string owned = name.find('/') == std::string::npos && name.starts_with("gpt-oss-") ? "openai/" + name : name;
  if (!is_folder(folder))
    return fail("{}: neither a folder nor a model in the Hugging Face cache {}; get it with `{}`, or give the folder it is in", typed,
                cache, download_command(owned));
  auto snapshot = snapshot_of_main(folder);
  if (!snapshot) snapshot = newest_snapshot(folder);
  const std::string problem = snapshot ? unfinished(folder, *snapshot) : "it has no snapshot yet";
  if (!problem.empty())
    return fail("{}: its download into {} is not finished, {}; repeat `{}`, it goes on where it stopped", name, cache, problem,
                download_command(name));
  return snapshot->string();
}

/// A file inside a checkpoint stands for its folder.
Result<std::string> folder_of_file(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name == "config.json" || name.ends_with(".safetensors") || name == "model.safetensors.index.json") {
    const fs::path folder = file.parent_path();
    return folder.empty() ? std::string(".") : folder.string();
  }
  if (name.ends_with(".gguf"))
    return fail("{}: a GGUF file, which mxpath does not run as it is; make a folder of it with `mxpath convert {} FOLDER --to mxfp4`",
                file.string(), file.string());
  return fail("{}: not a model; give a folder with config.json and *.safetensors, or one of these files", file.string());
}

}  // namespace

std::string default_hub_cache() {
  if (const auto cache = environment_variable("HF_HUB_CACHE"); !cache.empty()) return cache;
  if (const auto home = environment_variable("HF_HOME"); !home.empty()) return (fs::path(home) / "hub").string();
  const auto xdg = environment_variable("XDG_CACHE_HOME");
  const fs::path base = xdg.empty() ? fs::path(environment_variable("HOME")) / ".cache" : fs::path(xdg);
  return (base / "huggingface" / "hub").string();
}

Result<std::string> locate_model(std::string_view model, const ModelPlaces& places) {
  if (model.empty()) return wrong_use("no model is named; give a folder, a name such as openai/gpt-oss-20b, or demo");
  if (model == "demo") {
    if (is_folder(places.demo)) return places.demo;
    return fail("demo: its folder {} is not there; it comes with the source of mxpath, in models/demo", places.demo);
  }
  const fs::path path(model);
  std::error_code error;
  const auto status = fs::status(path, error);
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory)
    return fail("{}: cannot be looked at: {}", model, error.message());
  if (fs::is_directory(status)) {
    MXPATH_TRY(const auto names, list_folder(std::string(model)));
    if (names.empty()) return fail("{}: {}", model, foreign_folder(names));
    return std::string(model);
  }
  if (fs::exists(status)) return folder_of_file(path);
  if (!is_hub_name(model)) return fail("{}: no such folder", model);
  return locate_in_cache(model, places.hub_cache);
}

}  // namespace mxpath
