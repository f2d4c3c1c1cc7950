#include "chat/tokenizer_json_reader.h"

#include <array>

#include "base/text.h"

namespace mxpath {
namespace {

constexpr size_t largest_file = size_t{96} << 20;  // that of gpt-oss has 28 MB
constexpr size_t deepest = 64, most_entries = size_t{1} << 22, most_values = size_t{1} << 18;

/// Receives the parser's events. Inside model.vocab and model.merges they fill the lists, elsewhere they build `rest`.
class Reader : public JsonHandler {
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
  Json take_rest() { return rest_.take(); }

 private:
  enum class Place { rest, vocabulary, merges, pair };

  /// A list of millions of values would take hundreds of bytes for each.
  bool counted() {
    return ++values_ <= most_values ||
           refuse(fmt::format("more than {} values outside model.vocab and model.merges", most_values));
  }
  bool built(bool good) { return good || refuse(rest_.problem()); }
  bool value(Json v);
  bool entry(int64_t id);
  bool merge_text(std::string_view text);
  bool merge_part(std::string_view text);
  bool open(Json v);
  bool end();
  bool at(std::string_view name) const { return rest_.depth() == 2 && names_[0] == "model" && names_[1] == name; }

  TokenizerJson& out_;
  Place place_ = Place::rest;
  JsonBuilder rest_{deepest};
  size_t values_ = 0;
  std::array<std::string, 2> names_;  // keys that lead to the next value, two levels deep
  TokenizerJson::Entry entry_{};
  TokenizerJson::Pair pair_{};
  int parts_ = 0;
};

bool Reader::value(Json v) {
  if (place_ == Place::vocabulary)
    return refuse(fmt::format("model.vocab: the value of \"{}\" is not an integer", printable(out_.key(entry_))));
  if (place_ != Place::rest)
    return refuse(fmt::format("model.merges[{}] is not \"a b\" or [\"a\", \"b\"]", out_.merges.size()));
  return counted() && built(rest_.add(std::move(v)));
}

bool Reader::open(Json v) {
  if (place_ != Place::rest) return value(std::move(v));
  if (!counted() || !built(rest_.open(std::move(v)))) return false;
  if (rest_.depth() <= names_.size()) names_[rest_.depth() - 1].clear();
  return true;
}

bool Reader::end() {
  if (place_ == Place::pair) {
    if (out_.merges.size() == most_entries)
      return refuse(fmt::format("model.merges has more than {} entries", most_entries));
    if (parts_ != 2)
      return refuse(fmt::format("model.merges[{}] has {} parts instead of 2", out_.merges.size(), parts_));
    out_.merges.push_back(pair_);
    place_ = Place::merges;
  } else if (place_ != Place::rest) {
    place_ = Place::rest;
  } else {
    rest_.close();
  }
  return true;
}

bool Reader::start_object(size_t) {
  if (place_ != Place::rest || !at("vocab")) return open(Json::object());
  place_ = Place::vocabulary;
  out_.has_vocabulary = true;
  return built(rest_.add(nullptr));
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
  return built(rest_.add(nullptr));
}

bool Reader::key(std::string& v) {
  if (place_ == Place::vocabulary) {
    entry_ = {static_cast<uint32_t>(out_.strings.size()), static_cast<uint32_t>(v.size()), 0};
    out_.strings += v;
    return true;
  }
  if (rest_.depth() <= names_.size()) names_[rest_.depth() - 1] = v;
  return built(rest_.key(std::move(v)));
}

bool Reader::entry(int64_t id) {
  if (out_.vocabulary.size() == most_entries)
    return refuse(fmt::format("model.vocab has more than {} entries", most_entries));
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
    return refuse(fmt::format("model.merges[{}] = \"{}\" is not two tokens with one space between", out_.merges.size(),
                              printable(text)));
  if (out_.merges.size() == most_entries)
    return refuse(fmt::format("model.merges has more than {} entries", most_entries));
  out_.merges.push_back({static_cast<uint32_t>(out_.strings.size()), static_cast<uint32_t>(space),
                         static_cast<uint32_t>(text.size() - space - 1)});
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
    return fail("{}: {} bytes are more than a tokenizer.json can need ({})", where, json.size(),
                human_bytes(largest_file));
  TokenizerJson out;
  Reader reader(out);
  MXPATH_CHECK(feed_json(json, reader, where));
  out.rest = reader.take_rest();
  if (!out.rest.is_object()) return fail("{}: the top level is not a JSON object", where);
  return out;
}

}  // namespace mxpath
