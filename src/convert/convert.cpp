#include "convert/convert.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <new>

#include "base/hint.h"
#include "base/text.h"
#include "checkpoint/inventory.h"
#include "checkpoint/shard_names.h"
#include "checkpoint/watched_safetensors.h"
#include "convert/checksum.h"
#include "convert/companions.h"
#include "convert/compose.h"
#include "convert/journal.h"
#include "convert/source.h"

namespace mxpath::convert {
namespace {

namespace fs = std::filesystem;

constexpr const char *index_name = "model.safetensors.index.json", *config_name = "config.json";
constexpr size_t companion_limit = size_t{512} << 20;
/// Room for one tensor in the header, the index and the journal together, and for config.json.
constexpr uint64_t bytes_a_tensor = 512, config_bytes = 16 << 10;

uint64_t disk_free(const std::string& folder) {
  struct statvfs info {};
  return ::statvfs(folder.c_str(), &info) == 0 ? uint64_t{info.f_bavail} * info.f_frsize : UINT64_MAX;
}

Status create_folder(const std::string& folder) {
  std::error_code error, ignored;
  if (folder.empty())
    return wrong_use("the name of the folder to write is empty; give a folder that does not exist yet");
  fs::create_directories(folder, error);
  if (!error) return {};
  for (fs::path path = folder; path.has_relative_path(); path = path.parent_path()) {
    if (fs::is_symlink(path, ignored) && !fs::exists(path, ignored))
      return wrong_use("{}: is a link that leads nowhere ({}); create that folder, or remove the link", path.string(),
                       fs::read_symlink(path, ignored).string());
    if (fs::exists(path, ignored) && !fs::is_directory(path, ignored))
      return wrong_use("{}: is no folder, so nothing can be written into it; give a folder that does not exist yet",
                       path.string());
  }
  return fail("{}: the folder cannot be created: {}; give a folder in another place", folder, error.message());
}

struct Shard {
  std::string name;
  std::vector<SafetensorsItem> items;
  uint64_t bytes = 0;  // of its tensors
};

class Converter {
 public:
  Converter(const Source& source, const std::string& folder, const ConvertOptions& options)
      : source_(source),
        folder_(folder),
        options_(options),
        pool_(options.threads > 0 ? options.threads : usable_processors()),
        writer_{source_, pool_, options.scale_rule, [this](uint64_t bytes) { advance(bytes); }} {}

  Result<ConvertReport> run() {
    MXPATH_CHECK(plan());
    MXPATH_CHECK(take_folder());
    MXPATH_CHECK(check_space());
    MXPATH_CHECK(write_journal(folder_, journal_));
    for (Shard& shard : shards_) MXPATH_CHECK(write_shard(shard));
    MXPATH_CHECK(write_rest());
    return report();
  }

 private:
  std::string in_folder(const std::string& name) const { return (fs::path(folder_) / name).string(); }
  bool original() const { return options_.target == CheckpointLayout::openai_original; }
  /// OpenAI's own loader takes every file of the folder and has no index.
  bool has_index() const { return !original() && shards_.size() > 1; }

  void advance(uint64_t bytes) {
    done_ += bytes;
    tell(at_work_);
  }
  void tell(std::string_view what) const {
    if (options_.progress) options_.progress(what, done_, total_);
  }

  /// Everything that can be refused without touching the disk.
  Status plan() {
    if (options_.shard_bytes == 0) return wrong_use("{} must be above 0", mention(Knob::shard_bytes));
    MXPATH_TRY(config_, target_config(source_, options_.target));
    MXPATH_CHECK(parse_config(config_, "the config to write"));
    // Read last, but refused first.
    companions_ = companion_files(source_);
    for (const auto& path : companions_) MXPATH_CHECK(read_text_file(path, companion_limit));
    MXPATH_TRY(std::vector<ItemGroup> groups, compose(writer_, options_.target, losses_));
    std::vector<uint64_t> sizes;
    for (const auto& group : groups) sizes.push_back(group.bytes), total_ += group.bytes;
    const auto cuts = cut_into_shards(sizes, options_.shard_bytes);
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      Shard shard{shard_name(i, cuts.size() - 1, options_.target), {}, 0};
      for (size_t group = cuts[i]; group < cuts[i + 1]; ++group) {
        shard.bytes += groups[group].bytes;
        std::move(groups[group].items.begin(), groups[group].items.end(), std::back_inserter(shard.items));
      }
      shards_.push_back(std::move(shard));
    }
    journal_ = {source_.files, options_.target, options_.scale_rule, options_.shard_bytes, {}};
    return {};
  }

  /// The folder must be ours alone: new, empty, or left by the same conversion. Nothing is removed before that is
  /// known.
  Status take_folder() {
    MXPATH_CHECK(create_folder(folder_));
    lock_ = SystemFile(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock_.fd() >= 0 && ::flock(lock_.fd(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return fail("{}: another conversion writes into this folder", folder_);
    MXPATH_TRY(const auto names, list_folder(folder_));
    MXPATH_TRY(const auto before, read_journal(folder_));
    MXPATH_CHECK(check_folder(names, before));
    std::error_code ignored;
    for (const auto& name : names)
      if (is_unfinished_name(name)) fs::remove(in_folder(name), ignored);
    if (before) keep_finished(*before);
    return {};
  }

  /// What lies in the folder of an unfinished conversion and is not its own: weights that would be taken for the
  /// model's, and what is no file where a file is to be written.
  Status check_names(const std::vector<std::string>& names) const {
    for (const auto& name : names) {
      const bool own =
          std::any_of(shards_.begin(), shards_.end(), [&](const Shard& shard) { return shard.name == name; });
      const bool rest = name == config_name || name == index_name || name == "dtypes.json" || is_companion_name(name);
      if ((name.ends_with(".safetensors") && !own) || (name == index_name && !has_index()))
        return wrong_use("{}: this file is not of the conversion that is to be resumed; move it out of the folder",
                         in_folder(name));
      std::error_code ignored;
      if (const auto there = fs::status(in_folder(name), ignored);
          (own || rest) && fs::exists(there) && !fs::is_regular_file(there))
        return wrong_use("{}: is no file, but has the name of a file of this conversion; move it out of the folder",
                         in_folder(name));
    }
    return {};
  }

  Status check_folder(const std::vector<std::string>& names, const std::optional<Journal>& before) const {
    if (names.empty()) return {};
    if (!options_.resume)
      return before ? wrong_use("{}: an unfinished conversion is in this folder; go on with it with {}, or delete it",
                                folder_, mention(Knob::resume))
                    : wrong_use("{}: the folder is not empty; give one that does not exist yet", folder_);
    if (before) {
      MXPATH_CHECK(check_same_conversion(folder_, *before, journal_));
      return check_names(names);
    }
    // A run that was killed before its journal stood left only the beginning of that.
    const std::string beginning = std::string(journal_name) + ".";
    if (std::all_of(names.begin(), names.end(),
                    [&](const std::string& name) { return name.starts_with(beginning) && is_unfinished_name(name); }))
      return {};
    if (const auto finished = open_manifest(folder_); finished.ok())
      return wrong_use("{}: holds a finished checkpoint ({}) and no {}, so nothing is left to resume", folder_,
                       name_of(finished->layout), journal_name);
    return wrong_use("{}: there is no {} in this folder, so nothing to resume", folder_, journal_name);
  }

  /// Shards that the journal knows and that are proven: read again, and found as they were written from these very
  /// source files.
  void keep_finished(const Journal& before) {
    // After a kill between the last two files the folder opens already; it must not while its files are in doubt.
    std::error_code ignored;
    fs::remove(in_folder(config_name), ignored);
    std::map<std::string, std::vector<std::string>> doubtful;
    for (const auto& shard : shards_) {
      const FinishedShard* finished = before.find(shard.name);
      if (!finished) continue;
      tell("checking " + shard.name);
      const Status proven = prove(*finished, before);
      if (proven.ok()) journal_.shards.push_back(*finished);
      else doubtful[proven.error().message].push_back(shard.name);
    }
    for (const auto& [why, names] : doubtful)
      remarks_.push_back(fmt::format("{}{}, finished by the interrupted run, {}: written again", names.front(),
                                     names.size() > 1 ? fmt::format(" and {} more", names.size() - 1) : "", why));
  }

  /// Error: the doubt, as words to follow the name.
  Status prove(const FinishedShard& finished, const Journal& before) const {
    if (!finished.checksum) return fail("without a checksum by that version of mxpath");
    if (finished.damaged) return fail("with an entry in {} that is not as it was written", journal_name);
    if (!std::equal(before.source.begin(), before.source.end(), source_.files.begin(), source_.files.end(),
                    [](const SourceFile& a, const SourceFile& b) { return a.changed == b.changed; }))
      return fail("from source files that may have been changed since");
    return check_file(in_folder(finished.name), finished.bytes, *finished.checksum);
  }

  Status check_space() const {
    uint64_t needed = config_bytes;
    std::error_code ignored;
    for (const auto& path : companions_) needed += fs::file_size(path, ignored);
    for (const auto& shard : shards_)
      if (!journal_.find(shard.name)) needed += shard.bytes + shard.items.size() * bytes_a_tensor;
    const uint64_t free = options_.free_bytes ? options_.free_bytes(folder_) : disk_free(folder_);
    if (needed <= free) return {};
    return fail(
        "{}: the conversion needs {} and this disk has {} free; free some space or choose a folder on another disk",
        folder_, human_bytes(static_cast<double>(needed)), human_bytes(static_cast<double>(free)));
  }

  Status write_shard(Shard& shard) {
    if (journal_.find(shard.name)) {
      done_ += shard.bytes;
      return {};
    }
    at_work_ = shard.name;
    const size_t losses_before = losses_.size();
    const std::string path = in_folder(shard.name);
    if (options_.write_fault) add_faults(shard, path);
    Checksum sum;
    uint64_t bytes = 0;
    const auto written = [&](std::span<const uint8_t> piece) { sum.add(piece), bytes += piece.size(); };
    const auto unreadable = [this](const uint8_t* at) { return source_.unreadable(at); };
    MXPATH_CHECK(write_safetensors(path, shard.items, {{"format", "pt"}}, {written, unreadable}));
    tell(shard.name);
    MXPATH_CHECK(source_.check_unchanged());
    const std::vector<TensorLoss> losses(losses_.begin() + static_cast<ptrdiff_t>(losses_before), losses_.end());
    journal_.shards.push_back({shard.name, bytes, sum.value(), losses});
    MXPATH_CHECK(write_journal(folder_, journal_));
    tell(shard.name);
    return {};
  }

  void add_faults(Shard& shard, const std::string& path) {
    for (auto& item : shard.items)
      item.data = [this, inner = item.data, path](const WriteBytes& write) {
        return inner([&](std::span<const uint8_t> piece) -> Status {
          if (const int code = options_.write_fault(written_ += piece.size())) return write_error(path, code);
          return write(piece);
        });
      };
  }

  Status write_rest() {
    std::map<std::string, std::string> weight_map;
    std::vector<SafetensorsItem> items;
    for (const auto& shard : shards_)
      for (const auto& item : shard.items) weight_map[item.name] = shard.name, items.push_back(item);
    for (const auto& path : companions_) {
      MXPATH_TRY(const std::string text, read_text_file(path, companion_limit));
      MXPATH_CHECK(write_last(fs::path(path).filename().string(), text));
    }
    if (original()) MXPATH_CHECK(write_last("dtypes.json", original_dtypes_json(items)));
    if (has_index()) MXPATH_CHECK(write_last(index_name, shard_index_json(weight_map, total_)));
    MXPATH_CHECK(source_.check_unchanged());
    MXPATH_CHECK(write_last(config_name, config_));
    MXPATH_CHECK(open_manifest(folder_));
    std::error_code error;
    fs::remove(in_folder(journal_name), error);
    return {};
  }

  Status write_last(const std::string& name, const std::string& text) {
    MXPATH_CHECK(write_new_file(in_folder(name), text));
    tell(name);
    return {};
  }

  ConvertReport report() {
    ConvertReport report{source_.description, std::string(name_of(options_.target)), total_, shards_.size(), {},
                         source_.remarks};
    report.remarks.insert(report.remarks.end(), remarks_.begin(), remarks_.end());
    for (const auto& shard : shards_)
      if (const FinishedShard* finished = journal_.find(shard.name))
        report.tensors.insert(report.tensors.end(), finished->tensors.begin(), finished->tensors.end());
    if (std::error_code ignored; !fs::exists(in_folder("tokenizer.json"), ignored))
      report.remarks.push_back(
          "there is no tokenizer.json beside the source: mxpath uses its built-in o200k_harmony, other programs need "
          "the file");
    return report;
  }

  const Source& source_;
  std::string folder_;
  const ConvertOptions& options_;
  ThreadPool pool_;
  TensorWriter writer_;
  SystemFile lock_{-1};
  std::vector<TensorLoss> losses_;
  std::vector<Shard> shards_;
  Journal journal_;
  std::vector<std::string> companions_, remarks_;
  std::string config_, at_work_;
  uint64_t done_ = 0, total_ = 0, written_ = 0;
};

}  // namespace

Result<ConvertReport> convert(const std::string& source, const std::string& target_folder,
                              const ConvertOptions& options) {
  try {
    MXPATH_TRY(const Source opened, open_source(source));
    return Converter(opened, target_folder, options).run();
  } catch (const std::bad_alloc&) {
    return no_memory(source);
  }
}

}  // namespace mxpath::convert
