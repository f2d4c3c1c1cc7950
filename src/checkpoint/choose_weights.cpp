#include "checkpoint/choose_weights.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/folder_signs.h"
#include "checkpoint/foreign_formats.h"
#include "checkpoint/match_roles.h"

namespace mxpath {
namespace {

constexpr size_t index_limit = size_t{64} << 20;
using Names = std::vector<std::string>;

/// "model-00002-of-00005.safetensors" → "model-?-of-00005.safetensors": what the shards of one model share. Other names
/// stand alone.
std::string set_of(const std::string& name) {
  const size_t of = name.rfind("-of-");
  if (of == std::string::npos) return name;
  const size_t number = name.find_last_not_of("0123456789", of - 1) + 1;
  return number == of ? name : name.substr(0, number) + "?" + name.substr(of);
}

/// "model-00002-of-00003.safetensors" → all three; nothing for other names, and for more files than any model has.
Names whole_set_of(const std::string& name) {
  constexpr size_t most_shards = 10'000;
  const std::string set = set_of(name);
  if (set == name) return {};
  const size_t of = name.rfind("-of-"), mark = set.find('?'), digits = of - mark;
  size_t shards = 0;
  const auto [end, error] = std::from_chars(name.data() + of + 4, name.data() + name.size(), shards);
  if (error != std::errc{} || shards > most_shards ||
      std::string_view(end, name.data() + name.size()) != ".safetensors")
    return {};
  Names all;
  for (size_t i = 1; i <= shards; ++i)
    all.push_back(fmt::format("{}{:0{}}{}", name.substr(0, mark), i, digits, name.substr(of)));
  return all;
}

/// The folder's files in sets that may each be a model.
std::vector<Names> sets_of(const Names& names) {
  std::map<std::string, Names> sets;
  for (const auto& name : names) sets[set_of(name)].push_back(name);
  std::vector<Names> out;
  for (auto& [set, files] : sets) out.push_back(std::move(files));
  return out;
}

/// "1 of 6 weight files is missing"
std::string are_missing(size_t missing, size_t all) {
  return fmt::format("{} of {} {} missing", missing, plural(all, "weight file"), missing == 1 ? "is" : "are");
}

std::string label_of(const Names& files) {
  return files.size() == 1 ? printable(files.front())
                           : fmt::format("{} ({})", printable(set_of(files.front())), plural(files.size(), "file"));
}

Names without(const Names& all, const Names& some) {
  Names rest;
  std::set_difference(all.begin(), all.end(), some.begin(), some.end(), std::back_inserter(rest));
  return rest;
}

class Chooser {
 public:
  Chooser(const std::string& folder, const Names& names, const ModelConfig& config)
      : config_(config), names_(names), files_(folder, names) {}

  Result<Manifest> run() {
    leave_adapters();
    if (std::binary_search(names_.begin(), names_.end(), shard_index_name)) {
      MXPATH_TRY(auto manifest, by_index());
      if (manifest) return finish(std::move(*manifest), used_);
    }
    MXPATH_TRY(Manifest manifest, by_files());
    return finish(std::move(manifest), used_);
  }

 private:
  struct Tried {
    Result<Manifest> manifest;
    bool lacking = false;  // a tensor that the model needs is in none of the files
  };

  /// Adapters under another name than PEFT's. Headers that cannot be read are no adapters; whoever needs them will say
  /// what is wrong.
  void leave_adapters() {
    weights_ = files_.names();
    constexpr size_t most_looked_at = 16;
    size_t looked_at = 0;
    if (weights_.size() < 2) return;
    std::erase_if(weights_, [&](const std::string& name) {
      if (set_of(name) != name || name == "model.safetensors" || ++looked_at > most_looked_at) return false;
      const auto header = files_.header(name);
      if (!header.ok() || !is_adapter(**header)) return false;
      adapters_.push_back(name);
      return true;
    });
  }

  /// The model as the index has it; nothing if the index is stale or cannot be used.
  Result<std::optional<Manifest>> by_index() {
    const std::string path = files_.path_of(shard_index_name);
    MXPATH_TRY(const std::string text, read_text_file(path, index_limit));
    auto index = parse_shard_index(text, shard_index_name);
    // The files have the names of their tensors in them; what is wrong with the index matters only if they are not
    // whole.
    if (!index.ok()) return bad_index_ = std::move(index).error().message, std::optional<Manifest>();
    index_ = std::move(*index);
    auto inventory = files_.by_index(*index_, stale_);
    if (!inventory.ok())
      return weights_ == named() ? Result<std::optional<Manifest>>(inventory.error()) : std::optional<Manifest>();
    if (inventory->files.empty()) return std::optional<Manifest>();
    bool lacking = false;
    auto manifest = match_roles(std::move(*inventory), config_, &lacking);
    if (manifest.ok()) return used_ = named(), std::optional<Manifest>(std::move(*manifest));
    // Tensors that are needed and not in the index may lie in the files all the same; what is wrong otherwise stays
    // wrong.
    if (!manifest.ok() && !lacking) return std::move(manifest).error();
    if (stale_.empty()) stale_ = "does not name every tensor that the model needs";
    return std::optional<Manifest>();
  }

  Names named() const {
    Names shards;
    for (const auto& [tensor, shard] : index_->weight_map) shards.push_back(shard);
    std::sort(shards.begin(), shards.end());
    shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
    return shards;
  }

  Tried try_files(const Names& files) {
    auto inventory = files_.together(files);
    if (!inventory.ok()) return {std::move(inventory).error(), false};
    bool lacking = false;
    auto manifest = match_roles(std::move(*inventory), config_, &lacking);
    return {std::move(manifest), lacking};
  }

  /// The one set of files that is whole.
  Result<Manifest> by_files() {
    Tried all = try_files(weights_);
    if (all.manifest.ok()) return used_ = weights_, std::move(all.manifest);
    std::optional<Manifest> whole;
    bool lacking = true;
    for (const Names& set : sets_of(weights_)) {
      if (set.size() == weights_.size()) continue;
      Tried tried = try_files(set);
      lacking &= tried.manifest.ok() || tried.lacking;
      if (!tried.manifest.ok()) continue;
      if (whole) return two_models(used_, set);
      whole = std::move(*tried.manifest), used_ = set;
    }
    if (whole) return std::move(*whole);
    if (auto numbered = all.lacking && named_files_are_there() ? missing_by_number() : std::nullopt)
      return std::move(*numbered);
    all.lacking |= lacking;
    return no_model(std::move(all));
  }

  bool named_files_are_there() const { return !index_ || without(named(), files_.names()).empty(); }

  Error two_models(const Names& one, const Names& other) const {
    return fail("{}: it contains two whole sets of weights, {} and {}{}; move one of them into another folder",
                shown_folder(), label_of(one), label_of(other),
                index_               ? fmt::format(", and {} {}", shard_index_name, stale_)
                : bad_index_.empty() ? ""
                                     : ", and " + bad_index_);
  }

  /// Only if tensors are lacking is a file missing.
  Error no_model(Tried all) const {
    const Names missing = index_ ? without(named(), files_.names()) : Names();
    if (weights_.empty() && !bad_index_.empty())
      return fail("{}: {}; and there are no weight files beside it", shown_folder(), bad_index_);
    if (missing.empty() || !(all.lacking || weights_.empty())) return std::move(all.manifest).error();
    const std::string what =
        fmt::format("{}: {}: {}", shown_folder(), are_missing(missing.size(), named().size()), some_of(missing));
    const bool interrupted = was_downloaded(files_.folder(), names_) || without(weights_, named()).empty();
    if (interrupted) return fail("{}; repeat the download, it goes on where it stopped", what);
    return fail(
        "{}, and those that are there do not hold every tensor; {} is of another set of files than {}: give the folder "
        "that has all of one",
        what, shard_index_name, label_of(without(weights_, named())));
  }

  /// What the names of the shards say is missing, where no index does.
  std::optional<Error> missing_by_number() const {
    Names whole;
    for (const Names& set : sets_of(weights_)) {
      const Names numbered = whole_set_of(set.front());
      whole.insert(whole.end(), numbered.begin(), numbered.end());
    }
    std::sort(whole.begin(), whole.end());
    const Names missing = without(whole, weights_);
    if (missing.empty()) return std::nullopt;
    return fail("{}: {}, as the others are numbered: {}; {}", shown_folder(), are_missing(missing.size(), whole.size()),
                some_of(missing),
                was_downloaded(files_.folder(), names_) ? "repeat the download, it goes on where it stopped"
                                                        : "put them beside the others");
  }

  Result<Manifest> finish(Manifest manifest, const Names& used) const {
    auto& said = manifest.decisions;
    if (!stale_.empty())
      said.push_back(
          fmt::format("{} is stale: it {}; the weight files that are there hold every tensor that the model needs",
                      shard_index_name, stale_));
    if (!bad_index_.empty())
      said.push_back(
          fmt::format("{} is not used: {}; the weight files that are there hold every tensor that the model needs",
                      shard_index_name, std::string_view(bad_index_).substr(shard_index_name.size() + 2)));
    if (const Names rest = without(weights_, used); !rest.empty())
      said.push_back(fmt::format("{} of {} weight files are the model; not read: {}", used.size(), weights_.size(),
                                 some_of(rest)));
    Names adapters = adapters_;
    std::copy_if(names_.begin(), names_.end(), std::back_inserter(adapters),
                 [](const std::string& name) { return is_adapter_name(name) && name != "adapter_config.json"; });
    if (!adapters.empty())
      said.push_back(
          fmt::format("the LoRA adapter beside the model is not applied: {}; merge it into the model to use it",
                      some_of(adapters)));
    return manifest;
  }

  std::string shown_folder() const { return printable(files_.folder(), 1024); }

  const ModelConfig& config_;
  const Names& names_;
  WeightFiles files_;
  Names weights_, adapters_, used_;
  std::optional<ShardIndex> index_;
  std::string stale_, bad_index_;  // the latter starts with the file's name
};

}  // namespace

Result<Manifest> choose_weights(const std::string& folder, const std::vector<std::string>& names,
                                const ModelConfig& config) {
  return Chooser(folder, names, config).run();
}

}  // namespace mxpath
