// tokenizer.json to tokenizer parts: every field is checked, and what this program would not compute the same way is
// refused.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/text.h"
#include "chat/byte_level.h"
#include "chat/tokenizer_json_reader.h"
#include "chat/tokenizer_parts.h"

namespace mxpath {
namespace {

// Null where the field is absent.
const Json& field(const Json& object, const char* name) {
  static const Json null;
  if (!object.is_object()) return null;
  const auto found = object.find(name);
  return found == object.end() ? null : *found;
}

bool is_text(const Json& value, std::string_view text) {
  return value.is_string() && value.get_ref<const std::string&>() == text;
}
bool is_true(const Json& value) { return value.is_boolean() && value.get<bool>(); }
bool is_false_or_absent(const Json& value) { return value.is_null() || (value.is_boolean() && !value.get<bool>()); }
bool is_empty(const Json& value) { return value.is_null() || is_text(value, ""); }
std::string shown(const Json& value) {
  return printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

Status check_model(const Json& model, std::string_view where) {
  if (!model.is_object()) return fail("{}: \"model\" is missing or not an object", where);
  if (const Json& type = field(model, "type"); !type.is_null() && !is_text(type, "BPE"))
    return fail("{}: model.type is {}; only \"BPE\" is supported", where, shown(type));
  const Json& dropout = field(model, "dropout");
  if (!dropout.is_null() && !(dropout.is_number() && dropout.get<double>() == 0))
    return fail("{}: model.dropout is {}; only null is supported", where, shown(dropout));
  for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Json& value = field(model, name); !is_empty(value))
      return fail("{}: model.{} is {}; a byte-level model has none", where, name, shown(value));
  if (const Json& value = field(model, "byte_fallback"); !is_false_or_absent(value))
    return fail("{}: model.byte_fallback is {}; a byte-level model needs none", where, shown(value));
  if (const Json& value = field(model, "ignore_merges"); !value.is_null() && !value.is_boolean())
    return fail("{}: model.ignore_merges is {} instead of true or false", where, shown(value));
  return {};
}

// A ByteLevel step alone, or the only kind of step in a Sequence.
bool is_byte_level_only(const Json& step, const char* list) {
  if (step.is_null() || is_text(field(step, "type"), "ByteLevel")) return true;
  const Json& steps = field(step, list);
  return is_text(field(step, "type"), "Sequence") && steps.is_array() &&
         std::all_of(steps.begin(), steps.end(), [](const Json& s) { return is_text(field(s, "type"), "ByteLevel"); });
}

Status check_pipeline(const Json& file, std::string_view where) {
  if (const Json& value = field(file, "normalizer"); !value.is_null())
    return fail("{}: normalizer is {}; only null is supported", where, shown(value));
  if (const Json& value = field(file, "post_processor"); !is_byte_level_only(value, "processors"))
    return fail("{}: post_processor is {}; only ByteLevel, which adds no tokens, is supported", where, shown(value));
  if (const Json& value = field(file, "decoder"); !is_byte_level_only(value, "decoders"))
    return fail("{}: decoder is {}; only ByteLevel is supported", where, shown(value));
  return {};
}

Status add_split(const Json& step, Pretokenizer& out, std::string_view where) {
  if (!is_text(field(step, "behavior"), "Isolated") || !is_false_or_absent(field(step, "invert")))
    return fail("{}: pre_tokenizer has a Split that is not \"Isolated\" with invert false: {}", where, shown(step));
  const Json& pattern = field(step, "pattern");
  for (const char* kind : {"Regex", "String"})
    if (const Json& text = field(pattern, kind); text.is_string() && pattern.size() == 1)
      return out.add(text.get_ref<const std::string&>(), kind[0] == 'S', std::string(where) + ": pre_tokenizer");
  return fail("{}: pre_tokenizer has a Split whose pattern is {} instead of a Regex or a String", where,
              shown(pattern));
}

Status add_byte_level(const Json& step, Pretokenizer& out, std::string_view where) {
  // Both options default to true in that library.
  const Json &space = field(step, "add_prefix_space"), &regex = field(step, "use_regex");
  if (!space.is_boolean() || is_true(space))
    return fail("{}: pre_tokenizer ByteLevel has add_prefix_space true; only false is supported", where);
  if (!regex.is_null() && !regex.is_boolean())
    return fail("{}: pre_tokenizer ByteLevel has use_regex {} instead of true or false", where, shown(regex));
  return regex.is_null() || is_true(regex) ? out.add(gpt2_pattern, false, where) : Status();
}

Result<Pretokenizer> read_pretokenizer(const Json& value, std::string_view where) {
  Pretokenizer out;
  std::vector<const Json*> steps{&value};
  if (is_text(field(value, "type"), "Sequence")) {
    const Json& list = field(value, "pretokenizers");
    if (!list.is_array() || list.empty() || list.size() > 16)
      return fail("{}: pre_tokenizer is a Sequence without a list of 1 to 16 steps", where);
    steps.clear();
    for (const Json& step : list) steps.push_back(&step);
  }
  for (const Json* step : steps) {
    const bool last = step == steps.back();
    if (last && is_text(field(*step, "type"), "ByteLevel")) {
      MXPATH_CHECK(add_byte_level(*step, out, where));
    } else if (!last && is_text(field(*step, "type"), "Split")) {
      MXPATH_CHECK(add_split(*step, out, where));
    } else {
      return fail("{}: pre_tokenizer is not a list of Split steps with ByteLevel at the end, but has {}", where,
                  shown(*step));
    }
  }
  return out;
}

Result<AddedToken> read_added_token(const Json& value, size_t index, std::string_view where) {
  const Json &id = field(value, "id"), &content = field(value, "content"), &special = field(value, "special");
  if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(Vocabulary::id_limit))
    return fail("{}: added_tokens[{}].id is {}; an integer from 0 to {} is needed", where, index, shown(id),
                Vocabulary::id_limit - 1);
  if (!content.is_string() || is_text(content, ""))
    return fail("{}: added_tokens[{}].content is {} instead of a text", where, index, shown(content));
  if (!special.is_null() && !special.is_boolean())
    return fail("{}: added_tokens[{}].special is {} instead of true or false", where, index, shown(special));
  for (const char* name : {"single_word", "lstrip", "rstrip"})
    if (!is_false_or_absent(field(value, name)))
      return fail("{}: added_tokens[{}].{} is {}; only false is supported", where, index, name,
                  shown(field(value, name)));
  return AddedToken{content.get<std::string>(), id.get<Token>(), is_true(special)};
}

Result<std::vector<AddedToken>> read_added_tokens(const Json& list, std::string_view where) {
  std::vector<AddedToken> out;
  if (list.is_null()) return out;
  if (!list.is_array()) return fail("{}: added_tokens is not a list", where);
  std::unordered_set<Token> ids;
  std::unordered_set<std::string> texts;
  for (size_t i = 0; i < list.size(); ++i) {
    MXPATH_TRY(AddedToken token, read_added_token(list[i], i, where));
    if (!ids.insert(token.id).second) return fail("{}: added_tokens has id {} twice", where, token.id);
    if (!texts.insert(token.text).second)
      return fail("{}: added_tokens has \"{}\" twice", where, printable(token.text));
    out.push_back(std::move(token));
  }
  return out;
}

/// Where a vocabulary entry's bytes will lie, and whether ordinary text can become it.
struct Placed {
  size_t offset, length;
  bool searchable;
};

// A special token's text must not be reachable by merging, and may hold characters outside the alphabet.
Result<Placed> place_entry(const TokenizerJson& file, const TokenizerJson::Entry& entry, const AddedToken* added,
                           std::vector<char>& bytes, std::string_view where) {
  const std::string_view key = file.key(entry);
  if (key.empty()) return fail("{}: model.vocab has an empty token (id {})", where, entry.id);
  if (added && key != added->text)
    return fail("{}: id {} is \"{}\" in model.vocab and \"{}\" in added_tokens", where, entry.id, printable(key),
                printable(added->text));
  const size_t offset = bytes.size();
  const bool byte_level = append_byte_level(key, bytes);
  const bool same_text = byte_level && std::string_view(bytes.data() + offset, bytes.size() - offset) == key;
  if (added && (added->special || !same_text)) {
    bytes.resize(offset);
    bytes.insert(bytes.end(), key.begin(), key.end());
    return Placed{offset, key.size(), false};
  }
  if (!byte_level)
    return fail("{}: model.vocab has \"{}\" (id {}), which is not in the byte-level alphabet", where, printable(key),
                entry.id);
  return Placed{offset, bytes.size() - offset, true};
}

Result<Vocabulary> read_vocabulary(const TokenizerJson& file, const std::vector<AddedToken>& added,
                                   std::string_view where) {
  if (!file.has_vocabulary) return fail("{}: model.vocab is missing or not an object", where);
  std::unordered_map<int64_t, const AddedToken*> added_by_id;
  for (const AddedToken& token : added) added_by_id[token.id] = &token;
  std::vector<char> bytes;
  bytes.reserve(file.strings.size());
  std::vector<Placed> placed;
  placed.reserve(file.vocabulary.size());
  int64_t size = 0;
  for (const auto& entry : file.vocabulary) {
    if (entry.id < 0 || entry.id >= Vocabulary::id_limit)
      return fail("{}: model.vocab gives \"{}\" the id {}; ids go from 0 to {}", where, printable(file.key(entry)),
                  entry.id, Vocabulary::id_limit - 1);
    const auto found = added_by_id.find(entry.id);
    MXPATH_TRY(placed.emplace_back(),
               place_entry(file, entry, found == added_by_id.end() ? nullptr : found->second, bytes, where));
    size = std::max(size, entry.id + 1);
  }
  Vocabulary vocabulary(std::move(bytes));
  vocabulary.reserve(static_cast<Token>(size), placed.size());
  for (size_t i = 0; i < placed.size(); ++i) {
    const auto& entry = file.vocabulary[i];
    if (!vocabulary.add(static_cast<Token>(entry.id), placed[i].offset, placed[i].length, placed[i].searchable))
      return fail("{}: model.vocab has the id {} or the token \"{}\" twice", where, entry.id,
                  printable(file.key(entry)));
  }
  return vocabulary;
}

// Without all of them some text would have no tokens.
Status check_bytes(const Vocabulary& vocabulary, std::string_view where) {
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (vocabulary.find({&text, 1}) < 0)
      return fail("{}: model.vocab lacks the byte 0x{:02x} (\"{}\")", where, byte,
                  printable(to_byte_level({&text, 1})));
  }
  return {};
}

// An added token that is in the vocabulary too must have the same id there.
Status check_added(const TokenizerJson& file, const std::vector<AddedToken>& added, std::string_view where) {
  std::unordered_map<std::string_view, Token> by_text;
  for (const AddedToken& token : added) by_text[token.text] = token.id;
  for (const auto& entry : file.vocabulary)
    if (const auto found = by_text.find(file.key(entry)); found != by_text.end() && found->second != entry.id)
      return fail("{}: \"{}\" has the id {} in model.vocab and {} in added_tokens", where, printable(found->first),
                  entry.id, found->second);
  return {};
}

Result<Merges> read_merges(const TokenizerJson& file, const Vocabulary& vocabulary, std::string_view where) {
  if (!file.has_merges) return fail("{}: model.merges is missing or not a list", where);
  Merges merges;
  merges.reserve(file.merges.size());
  std::vector<char> bytes;
  for (size_t i = 0; i < file.merges.size(); ++i) {
    const std::string_view left_text = file.left(file.merges[i]), right_text = file.right(file.merges[i]);
    bytes.clear();
    const bool valid = append_byte_level(left_text, bytes);
    const size_t middle = bytes.size();
    if (!valid || !append_byte_level(right_text, bytes))
      return fail("{}: model.merges[{}] has a character outside the byte-level alphabet", where, i);
    const std::string_view joined(bytes.data(), bytes.size());
    const Token left = vocabulary.find(joined.substr(0, middle)), right = vocabulary.find(joined.substr(middle)),
                result = vocabulary.find(joined);
    if (left < 0 || right < 0 || result < 0)
      return fail("{}: model.merges[{}] joins \"{}\" and \"{}\", of which {} is not an ordinary token of model.vocab",
                  where, i, printable(left_text), printable(right_text),
                  left < 0    ? "the first"
                  : right < 0 ? "the second"
                              : "the result");
    if (!merges.add(left, right, result))
      return fail("{}: model.merges[{}] repeats \"{}\" and \"{}\"", where, i, printable(left_text),
                  printable(right_text));
  }
  return merges;
}

}  // namespace

Result<TokenizerParts> parse_tokenizer_json(std::string_view json, std::string_view where) {
  MXPATH_TRY(const TokenizerJson file, read_tokenizer_json(json, where));
  const Json& model = field(file.rest, "model");
  MXPATH_CHECK(check_model(model, where));
  MXPATH_CHECK(check_pipeline(file.rest, where));
  TokenizerParts parts;
  parts.source = where;
  parts.whole_pieces_first = is_true(field(model, "ignore_merges"));
  MXPATH_TRY(parts.pretokenizer, read_pretokenizer(field(file.rest, "pre_tokenizer"), where));
  MXPATH_TRY(parts.added, read_added_tokens(field(file.rest, "added_tokens"), where));
  MXPATH_CHECK(check_added(file, parts.added, where));
  MXPATH_TRY(parts.vocabulary, read_vocabulary(file, parts.added, where));
  MXPATH_CHECK(check_bytes(parts.vocabulary, where));
  MXPATH_TRY(parts.merges, read_merges(file, parts.vocabulary, where));
  return parts;
}

}  // namespace mxpath
