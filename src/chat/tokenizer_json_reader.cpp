#include "chat/tokenizer_json_reader.h"

#include <array>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr size_t largest_file = size_t{256} << 20;
constexpr size_t deepest = 64;

/// Receives the parser's events. Inside model.vocab and model.merges they fill the lists, elsewhere they build `rest`.
class Reader {
 public:
  explicit Reader(TokenizerJson& out) : out_(out) {}

  bool null() { return value(Json(nullptr)); }
  bool boolean(bool v) { return value(Json(v)); }
  bool number_integer(int64_t v) { return place_ == Place::vocabulary ? entry(v) : value(Json(v)); }
  bool number_unsigned(uint64_t v) {
    return place_ == Place::vocabulary ? entry(v > INT64_MAX ? INT64_MAX : static_cast<int64_t>(v)) : value(Json(v));
  }
  bool number_float(double v, const std::string&) { return value(Json(v)); }
  bool string(std::string& v);
  bool binary(std::vector<uint8_t>&) { return false; }
  bool start_object(size_t);
  bool end_object() { return end(); }
  bool start_array(size_t);
  bool end_array() { return end(); }
  bool key(std::string& v);
  bool parse_error(size_t byte, const std::string&, const Json::exception&) {
    return refuse(fmt::format("not valid JSON at byte {}", byte));
  }

  const std::string& problem() const { return problem_; }

 private:
  enum class Place { rest, vocabulary, merges, pair };

  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }
  bool value(Json v);
  bool entry(int64_t id);
  bool merge_text(std::string_view text);
  bool merge_part(std::string_view text);
  bool open(Json v);
  bool end();
  bool at(std::string_view name) const { return open_.size() == 2 && names_[0] == "model" && names_[1] == name; }

  TokenizerJson& out_;
  Place place_ = Place::rest;
  std::vector<Json*> open_;  // containers of `rest` around the next value
  std::string key_;
  std::array<std::string, 2> names_;  // keys that lead to the next value, two levels deep
  TokenizerJson::Entry entry_{};
  TokenizerJson::Pair pair_{};
  int parts_ = 0;
  std::string problem_;
};

bool Reader::value(Json v) {
  if (place_ == Place::vocabulary)
    return refuse(fmt::format("model.vocab: the value of \"{}\" is not an integer", printable(out_.key(entry_))));
  if (place_ != Place::rest) return refuse(fmt::format("model.merges[{}] is not \"a b\" or [\"a\", \"b\"]", out_.merges.size()));
  if (open_.empty()) {
    out_.rest = std::move(v);
    return true;
  }
  Json& parent = *open_.back();
  if (parent.is_array()) parent.push_back(std::move(v));
  else parent[key_] = std::move(v);
  return true;
}

bool Reader::open(Json v) {
  if (open_.size() >= deepest) return refuse(fmt::format("nested deeper than {} levels", deepest));
  if (!value(std::move(v))) return false;
  open_.push_back(open_.empty() ? &out_.rest : open_.back()->is_array() ? &open_.back()->back() : &(*open_.back())[key_]);
  if (open_.size() <= names_.size()) names_[open_.size() - 1].clear();
  return true;
}

bool Reader::end() {
  if (place_ == Place::pair) {
    if (parts_ != 2) return refuse(fmt::format("model.merges[{}] has {} parts instead of 2", out_.merges.size(), parts_));
    out_.merges.push_back(pair_);
    place_ = Place::merges;
  } else if (place_ != Place::rest) {
    place_ = Place::rest;
  } else {
    open_.pop_back();
  }
  return true;
}

bool Reader::start_object(size_t) {
  if (place_ != Place::rest || !at("vocab")) return open(Json::object());
  place_ = Place::vocabulary;
  out_.has_vocabulary = true;
  (*open_.back())[key_] = nullptr;
  return true;
}

bool Reader::start_array(size_t) {
  if (place_ == Place::merges) {
    place_ = Place::pair;
    pair_ = {static_cast<uint32_t>(out_.strings.size()), 0, 0};
    parts_ = 0;
    return true;
  }
  if (place_ != Place::rest || !at("merges")) return open(Json::array());
  place_ = Place::merges;
  out_.has_merges = true;
  (*open_.back())[key_] = nullptr;
  return true;
}

bool Reader::key(std::string& v) {
  if (place_ == Place::vocabulary) {
    entry_ = {static_cast<uint32_t>(out_.strings.size()), static_cast<uint32_t>(v.size()), 0};
    out_.strings += v;
    return true;
  }
  if (open_.back()->contains(v)) return refuse(fmt::format("key \"{}\" appears twice in one object", printable(v)));
  if (open_.size() <= names_.size()) names_[open_.size() - 1] = v;
  key_ = std::move(v);
  return true;
}

bool Reader::entry(int64_t id) {
  entry_.id = id;
  out_.vocabulary.push_back(entry_);
  return true;
}

bool Reader::string(std::string& v) {
  if (place_ == Place::merges) return merge_text(v);
  if (place_ == Place::pair) return merge_part(v);
  return value(Json(std::move(v)));
}

// The byte-level alphabet has no space, so the one space is the separator.
bool Reader::merge_text(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos || text.find(' ', space + 1) != std::string_view::npos)
    return refuse(fmt::format("model.merges[{}] = \"{}\" is not two tokens with one space between", out_.merges.size(), printable(text)));
  out_.merges.push_back(
      {static_cast<uint32_t>(out_.strings.size()), static_cast<uint32_t>(space), static_cast<uint32_t>(text.size() - space - 1)});
  out_.strings += text.substr(0, space);
  out_.strings += text.substr(space + 1);
  return true;
}

bool Reader::merge_part(std::string_view text) {
  if (parts_ < 2) (parts_ == 0 ? pair_.left_length : pair_.right_length) = static_cast<uint32_t>(text.size());
  ++parts_;
  out_.strings += text;
  return true;
}

}  // namespace

Result<TokenizerJson> read_tokenizer_json(std::string_view json, std::string_view where) {
  if (json.size() > largest_file)
    return fail("{}: {} bytes are more than a tokenizer.json can need ({})", where, json.size(), human_bytes(largest_file));
  TokenizerJson out;
  Reader reader(out);
  try {
    if (!Json::sax_parse(json.begin(), json.end(), &reader))
      return fail("{}: {}", where, reader.problem().empty() ? "not valid JSON" : reader.problem());
  } catch (const Json::exception& e) {
    return fail("{}: not valid JSON: {}", where, printable(e.what(), 160));
  }
  if (!out.rest.is_object()) return fail("{}: the top level is not a JSON object", where);
  return out;
}

}  // namespace mxpath
