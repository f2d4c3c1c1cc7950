#include "checkpoint/hub_cache.h"

#include <algorithm>
#include <cctype>

#include "base/folder.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/inventory.h"
#include "checkpoint/manifest.h"

namespace mxpath {
namespace {

namespace fs = std::filesystem;

constexpr size_t short_commit = 8;
constexpr const char *no_weights_at_all = "it has no weights", *no_weights_read = "it has no weights that mxpath reads";

std::string shown(const fs::path& path) { return printable(path.string(), 1024); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool download_going_on(const fs::path& repository) {
  const auto blobs = entries_of(repository / "blobs");
  return std::any_of(blobs.begin(), blobs.end(), [](const fs::path& p) { return p.extension() == ".incomplete"; });
}

/// The commit in a file below refs; nothing if there is none, or it could lead out of the folder of snapshots.
std::optional<std::string> commit_of_ref(const fs::path& repository, std::string_view ref) {
  const auto text = read_text_file((repository / "refs" / ref).string(), 4096);
  if (!text.ok()) return std::nullopt;
  std::string commit = *text;
  while (!commit.empty() && std::isspace(static_cast<unsigned char>(commit.back()))) commit.pop_back();
  if (commit.empty() || commit.find('/') != std::string::npos || commit.front() == '.') return std::nullopt;
  return commit;
}

/// The newest first.
std::vector<fs::path> snapshots_of(const fs::path& repository) {
  std::vector<std::pair<fs::file_time_type, fs::path>> dated;
  for (const auto& path : entries_of(repository / "snapshots")) {
    std::error_code ignored;
    if (is_folder(path)) dated.emplace_back(fs::last_write_time(path, ignored), path);
  }
  std::stable_sort(dated.begin(), dated.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<fs::path> out;
  for (auto& [time, path] : dated) out.push_back(std::move(path));
  return out;
}

/// What keeps a snapshot from being a whole model, from its names alone; empty if nothing does.
std::string unfinished(const fs::path& repository, const fs::path& snapshot) {
  const auto names = list_folder(snapshot.string());
  if (!names.ok() || names->empty()) return "its snapshot is empty";
  for (const auto& name : *names)
    if (dangling_link((snapshot / name).string()))
      return fmt::format("{} is a link to a file that is not there", printable(name));
  const auto original = list_folder((snapshot / "original").string());
  const bool weights = has_weights(*names), below = original.ok() && has_weights(*original);
  if (!weights && !below && download_going_on(repository)) return "its weights are not complete";
  if (!weights && !below) return foreign_folder(snapshot.string(), *names) ? no_weights_read : no_weights_at_all;
  if (!std::binary_search(names->begin(), names->end(), "config.json") && !below) return "it has no config.json";
  return {};
}

/// The shards that an index names and that are not there; a stale index says nothing, which open_manifest finds out.
bool lacks_shards(const fs::path& snapshot) {
  const fs::path path = snapshot / shard_index_name;
  const auto text = read_text_file(path.string(), size_t{64} << 20);
  if (!text.ok()) return false;
  const auto index = parse_shard_index(*text, path.string());
  const auto lacks = [&](const auto& entry) {
    std::error_code ignored;
    return !fs::exists(snapshot / entry.second, ignored);
  };
  return index.ok() && std::any_of(index->weight_map.begin(), index->weight_map.end(), lacks) &&
         !open_manifest(snapshot.string()).ok();
}

std::string what_is_wrong(const fs::path& repository, const fs::path& snapshot) {
  std::string problem = unfinished(repository, snapshot);
  if (problem.empty() && lacks_shards(snapshot)) problem = "files of its weights are missing";
  return problem;
}

std::string commit_of(const fs::path& snapshot) {
  return printable(snapshot.filename().string().substr(0, short_commit));
}

class SnapshotChoice {
 public:
  SnapshotChoice(const fs::path& repository, std::string_view revision)
      : repository_(repository),
        revision_(revision),
        name_(name_of_repository(repository.filename().string()).value_or("")) {}

  Result<LocatedModel> run() const { return revision_.empty() ? newest_whole() : by_revision(); }

 private:
  Result<LocatedModel> newest_whole() const {
    const auto snapshots = snapshots_of(repository_);
    const auto main = commit_of_ref(repository_, "main");
    const bool main_is_there = main && is_folder(repository_ / "snapshots" / *main);
    if (snapshots.empty()) return not_finished("it has no snapshot yet");
    const fs::path first = main_is_there ? repository_ / "snapshots" / *main : snapshots.front();
    const std::string problem = what_is_wrong(repository_, first);
    if (problem.empty()) return LocatedModel{first.string(), {}};
    for (const auto& snapshot : snapshots) {
      if (snapshot == first || !open_manifest(snapshot.string()).ok()) continue;
      return LocatedModel{
          snapshot.string(),
          {fmt::format("{}: snapshot {} is used, because {}{} is not a whole model: {}", name_, commit_of(snapshot),
                       commit_of(first), main_is_there ? ", which main names," : ", the newest,", problem)}};
    }
    // A config alone is what `plan` and `inspect` can describe; what else lies there is named by whoever opens it.
    if (problem == no_weights_at_all || problem == no_weights_read) return LocatedModel{first.string(), {}};
    return not_finished(problem);
  }

  Result<LocatedModel> by_revision() const {
    const auto snapshot = find_revision();
    if (!snapshot)
      if (const auto commit = commit_named())
        return fail("{}: its revision {} is snapshot {}, which is not in the cache {}; get it with `{}`", name_,
                    printable(revision_), printable(*commit), shown(repository_.parent_path()),
                    download_command(name_, revision_));
    if (!snapshot)
      return fail("{}: its revision {} is not in the cache {}, which has {}; get it with `{}`", name_,
                  printable(revision_), shown(repository_.parent_path()), known_revisions(),
                  download_command(name_, revision_));
    const std::string problem = what_is_wrong(repository_, *snapshot);
    if (problem.empty() || problem == no_weights_at_all || problem == no_weights_read)
      return LocatedModel{snapshot->string(), {}};
    return not_finished(problem);
  }

  /// What a branch, a tag or a pull request stands for, whether it is there or not.
  std::optional<std::string> commit_named() const {
    if (revision_.find("..") != revision_.npos || revision_.front() == '/') return std::nullopt;
    const auto commit = commit_of_ref(repository_, revision_);
    return commit ? commit : commit_of_ref(repository_, "refs/" + std::string(revision_));
  }

  std::optional<fs::path> find_revision() const {
    if (const auto commit = commit_named(); commit && is_folder(repository_ / "snapshots" / *commit))
      return repository_ / "snapshots" / *commit;
    std::optional<fs::path> found;
    for (const auto& snapshot : snapshots_of(repository_)) {
      if (!snapshot.filename().string().starts_with(revision_)) continue;
      if (found) return std::nullopt;
      found = snapshot;
    }
    return found;
  }

  std::string known_revisions() const {
    std::vector<std::string> known;
    std::error_code error;
    for (fs::recursive_directory_iterator it(repository_ / "refs", error), end; !error && it != end;
         it.increment(error)) {
      const std::string ref = it->path().lexically_relative(repository_ / "refs").string();
      if (const auto commit = commit_of_ref(repository_, ref); commit && is_folder(repository_ / "snapshots" / *commit))
        known.push_back(ref);
    }
    for (const auto& snapshot : snapshots_of(repository_))
      known.push_back(snapshot.filename().string().substr(0, short_commit));
    return known.empty() ? "none" : some_of(known);
  }

  Error not_finished(std::string_view problem) const {
    return fail("{}: its download into {} is not finished, {}; repeat `{}`, it goes on where it stopped", name_,
                shown(repository_.parent_path()), problem, download_command(name_, revision_));
  }

  const fs::path& repository_;
  std::string_view revision_;
  std::string name_;
};

}  // namespace

bool is_hub_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  const size_t slash = name.find('/');
  if (name.empty() || name.size() > 256 || name.front() == '.' || name.front() == '/' || name.back() == '/')
    return false;
  if (slash != std::string_view::npos &&
      (name.find('/', slash + 1) != std::string_view::npos || name[slash + 1] == '.'))
    return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return c == '/' || good(c); });
}

std::string download_command(std::string_view name, std::string_view revision) {
  const std::string of = revision.empty() ? "" : fmt::format(" --revision {}", printable(revision));
  return fmt::format("hf download {}{} --exclude \"original/*\" --exclude \"metal/*\"", name, of);
}

std::optional<std::string> name_of_repository(std::string_view folder) {
  constexpr std::string_view start = "models--";
  if (!folder.starts_with(start)) return std::nullopt;
  std::string name(folder.substr(start.size()));
  if (const size_t slash = name.find("--"); slash != std::string::npos) name.replace(slash, 2, "/");
  return is_hub_name(name) ? std::optional(name) : std::nullopt;
}

std::vector<std::string> cached_models(const fs::path& cache) {
  std::vector<std::string> names;
  for (const auto& path : entries_of(cache))
    if (auto name = name_of_repository(path.filename().string()); name && is_folder(path))
      names.push_back(std::move(*name));
  return names;
}

std::vector<std::string> cached_models_like(const fs::path& cache, std::string_view name) {
  const bool owned = name.find('/') != name.npos;
  const std::string wanted = lower(name);
  std::vector<std::string> matches;
  for (const std::string& known : cached_models(cache)) {
    const std::string candidate = lower(known);
    if (candidate == wanted || (!owned && candidate.ends_with("/" + wanted))) matches.push_back(known);
  }
  return matches;
}

std::optional<fs::path> cached_repository(const fs::path& cache, std::string_view name) {
  const auto folder_of = [&](std::string folder) {
    if (const size_t slash = folder.find('/'); slash != std::string::npos) folder.replace(slash, 1, "--");
    return cache / ("models--" + folder);
  };
  if (const fs::path exact = folder_of(std::string(name)); is_folder(exact)) return exact;
  const auto matches = cached_models_like(cache, name);
  return matches.size() == 1 ? std::optional(folder_of(matches.front())) : std::nullopt;
}

Result<LocatedModel> snapshot_of(const fs::path& repository, std::string_view revision) {
  return SnapshotChoice(repository, revision).run();
}

}  // namespace mxpath
