#include "convert/journal.h"

#include <algorithm>
#include <filesystem>

#include "base/hint.h"
#include "base/text.h"
#include "checkpoint/new_file.h"
#include "convert/checksum.h"

namespace mxpath::convert {
namespace {

/// 1: without checksums and `changed`.
constexpr int journal_version = 2;

std::string path_of(const std::string& folder) { return (std::filesystem::path(folder) / journal_name).string(); }

Json entry_json(const FinishedShard& shard) {
  Json tensors = Json::array();
  for (const auto& [name, loss] : shard.tensors)
    tensors.push_back({{"name", name},
                       {"values", loss.values},
                       {"changed", loss.changed},
                       {"largest", loss.largest},
                       {"sum", loss.sum}});
  Json json{{"name", shard.name}, {"bytes", shard.bytes}};
  if (shard.checksum) json["xxh3"] = *shard.checksum;
  json["tensors"] = tensors;
  return json;
}

std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

/// The report repeats what an entry says, and nothing else could tell whether that is still so.
uint64_t checksum_of_entry(const FinishedShard& shard) {
  Checksum sum;
  const std::string text = dump(entry_json(shard), -1);
  sum.add({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  return sum.value();
}

Json shard_json(const FinishedShard& shard) {
  Json json = entry_json(shard);
  json["entry_xxh3"] = checksum_of_entry(shard);
  return json;
}

// Json throws when a field is missing or of the wrong type; read_journal turns that into its one error.
FinishedShard shard_from(const Json& json) {
  FinishedShard shard{json.at("name"), json.at("bytes"), {}, {}};
  for (const Json& entry : json.at("tensors"))
    shard.tensors.push_back(
        {entry.at("name"), {entry.at("values"), entry.at("changed"), entry.at("largest"), entry.at("sum")}});
  if (!json.contains("xxh3") || !json.contains("entry_xxh3")) return shard;
  shard.checksum = json.at("xxh3").get<uint64_t>();
  shard.damaged = json.at("entry_xxh3").get<uint64_t>() != checksum_of_entry(shard);
  return shard;
}

std::optional<Journal> journal_from(const Json& json) {
  Journal journal;
  const auto target = parse_target(json.at("to").get<std::string>());
  const auto rule = parse_scale_rule(json.at("scale_rule").get<std::string>());
  const int version = json.at("mxpath_convert");
  if (version < 1 || version > journal_version || !target || !rule) return std::nullopt;
  journal.target = *target, journal.scale_rule = *rule, journal.shard_bytes = json.at("shard_bytes");
  for (const Json& file : json.at("source"))
    journal.source.push_back(
        {file.at("name"), file.at("bytes"), file.at("modified"), file.value("changed", int64_t{0})});
  for (const Json& shard : json.at("shards")) journal.shards.push_back(shard_from(shard));
  return journal;
}

}  // namespace

const FinishedShard* Journal::find(const std::string& name) const {
  const auto found =
      std::find_if(shards.begin(), shards.end(), [&](const FinishedShard& shard) { return shard.name == name; });
  return found == shards.end() ? nullptr : &*found;
}

Status write_journal(const std::string& folder, const Journal& journal) {
  Json json{{"mxpath_convert", journal_version},
            {"to", target_name(journal.target)},
            {"scale_rule", name_of(journal.scale_rule)},
            {"shard_bytes", journal.shard_bytes}};
  json["source"] = Json::array();
  for (const auto& file : journal.source)
    json["source"].push_back(
        {{"name", file.name}, {"bytes", file.bytes}, {"modified", file.modified}, {"changed", file.changed}});
  json["shards"] = Json::array();
  for (const auto& shard : journal.shards) json["shards"].push_back(shard_json(shard));
  return write_new_file(path_of(folder), dump(json, 1) + "\n");
}

Result<std::optional<Journal>> read_journal(const std::string& folder) {
  const std::string path = path_of(folder);
  if (std::error_code ignored; !std::filesystem::exists(path, ignored)) return std::optional<Journal>();
  MXPATH_TRY(const std::string text, read_text_file(path, size_t{64} << 20));
  try {
    if (const auto json = parse_json(text, path); !json.ok())
      return fail("{}: this journal of an unfinished conversion is damaged; delete the folder and convert again", path);
    else if (auto journal = journal_from(*json)) return std::optional<Journal>(std::move(*journal));
  } catch (const Json::exception&) {
  }
  return fail("{}: not a journal that this version of mxpath writes; delete the folder and convert again", path);
}

Status check_same_conversion(const std::string& folder, const Journal& before, const Journal& now) {
  const auto other = [&](Knob knob, auto was, auto is) {
    return wrong_use("{}: was begun with {}, not {}; resume it so, or convert into another folder", folder,
                     mention(knob, was), is);
  };
  if (before.target != now.target) return other(Knob::target, target_name(before.target), target_name(now.target));
  if (before.scale_rule != now.scale_rule)
    return other(Knob::scale_rule, name_of(before.scale_rule), name_of(now.scale_rule));
  if (before.shard_bytes != now.shard_bytes) return other(Knob::shard_bytes, before.shard_bytes, now.shard_bytes);
  if (before.source == now.source) return {};
  return wrong_use(
      "{}: was begun from another source, or the source has changed since; resume it from the same files, or convert "
      "into another folder",
      folder);
}

}  // namespace mxpath::convert
