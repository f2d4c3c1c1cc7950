#include "chat/tokenizer.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "chat/added_tokens.h"
#include "chat/tokenizer_parts.h"
#include "chat/utf8.h"

namespace mxpath {
namespace {

// The tokenizer.json of openai/gpt-oss-20b and -120b: the same ids as the built-in vocabulary.
constexpr size_t published_bytes = 27'868'174;
constexpr std::string_view published_sha256 = "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3";

class BpeTokenizer final : public Tokenizer {
 public:
  explicit BpeTokenizer(TokenizerParts parts) : parts_(std::move(parts)), added_(parts_.added) { find_special(); }

  std::vector<Token> encode(std::string_view text) const override { return encode(text, false); }
  std::vector<Token> encode_with_special(std::string_view text) const override { return encode(text, true); }
  std::vector<std::string> pieces(std::string_view text) const override;

  Result<std::string> token_bytes(Token id) const override;
  Result<std::string> decode(std::span<const Token> ids) const override;
  std::string decode_lossy(std::span<const Token> ids) const override;

  const SpecialTokens& special() const override { return special_; }
  bool is_special(Token id) const override;
  int size() const override { return special_.largest + 1; }
  std::string_view source() const override { return parts_.source; }

 private:
  std::vector<Token> encode(std::string_view text, bool specials) const;
  std::string_view text_of(Token id) const;
  Error no_text(Token id) const;
  void find_special();

  TokenizerParts parts_;
  AddedTokens added_;
  SpecialTokens special_;
};

void BpeTokenizer::find_special() {
  special_ = {.start_of_text = added_.special("<|startoftext|>"),
              .end_of_text = added_.special("<|endoftext|>"),
              .return_ = added_.special("<|return|>"),
              .constrain = added_.special("<|constrain|>"),
              .channel = added_.special("<|channel|>"),
              .start = added_.special("<|start|>"),
              .end = added_.special("<|end|>"),
              .message = added_.special("<|message|>"),
              .call = added_.special("<|call|>")};
  special_.largest = std::max(added_.largest(), parts_.vocabulary.size() - 1);
  while (special_.largest >= 0 && text_of(special_.largest).empty()) --special_.largest;
}

// Runs `use` on the text with U+FFFD for what is not UTF-8; most text is valid and is not copied.
template <class Use>
void with_valid_utf8(std::string_view text, Use use) {
  if (valid_utf8_prefix(text) == text.size()) return use(text);
  use(std::string_view(to_valid_utf8(text)));
}

std::vector<Token> BpeTokenizer::encode(std::string_view text, bool specials) const {
  std::vector<Token> out;
  PieceEncoder encoder(parts_.vocabulary, parts_.merges, parts_.whole_pieces_first);
  std::vector<std::string_view> cut;
  const auto ordinary = [&](std::string_view part) {
    cut.clear();
    parts_.pretokenizer.cut(part, cut);
    for (const std::string_view piece : cut) encoder.encode(piece, out);
  };
  with_valid_utf8(text, [&](std::string_view valid) {
    added_.cut(valid, specials, ordinary, [&](Token id) { out.push_back(id); });
  });
  return out;
}

std::vector<std::string> BpeTokenizer::pieces(std::string_view text) const {
  std::vector<std::string> out;
  const auto ordinary = [&](std::string_view part) {
    std::vector<std::string_view> cut;
    parts_.pretokenizer.cut(part, cut);
    out.insert(out.end(), cut.begin(), cut.end());
  };
  with_valid_utf8(text, [&](std::string_view valid) {
    added_.cut(valid, false, ordinary, [&](Token id) { out.emplace_back(text_of(id)); });
  });
  return out;
}

std::string_view BpeTokenizer::text_of(Token id) const {
  if (const std::string_view text = parts_.vocabulary.text(id); !text.empty()) return text;
  const AddedToken* added = added_.find(id);
  return added ? std::string_view(added->text) : std::string_view();
}

Error BpeTokenizer::no_text(Token id) const {
  return fail("{}: token {} has no text; the largest one that has is {}", parts_.source, id, special_.largest);
}

Result<std::string> BpeTokenizer::token_bytes(Token id) const {
  const std::string_view text = text_of(id);
  if (text.empty()) return no_text(id);
  return std::string(text);
}

Result<std::string> BpeTokenizer::decode(std::span<const Token> ids) const {
  std::string out;
  for (const Token id : ids) {
    const std::string_view text = text_of(id);
    if (text.empty()) return no_text(id);
    out += text;
  }
  return out;
}

std::string BpeTokenizer::decode_lossy(std::span<const Token> ids) const {
  std::string bytes;
  for (const Token id : ids) {
    const std::string_view text = text_of(id);
    bytes += text.empty() ? replacement_character : text;
  }
  return to_valid_utf8(bytes);
}

bool BpeTokenizer::is_special(Token id) const {
  const AddedToken* token = added_.find(id);
  return token && token->special;
}

bool is_published(std::span<const uint8_t> file) {
  return file.size() == published_bytes && sha256(file) == published_sha256;
}

Result<std::shared_ptr<const Tokenizer>> make_builtin() {
  MXPATH_TRY(TokenizerParts parts, builtin_parts());
  return make_tokenizer(std::move(parts));
}

}  // namespace

std::shared_ptr<const Tokenizer> make_tokenizer(TokenizerParts parts) {
  return std::make_shared<const BpeTokenizer>(std::move(parts));
}

Result<TokenizerParts> builtin_parts() {
  MXPATH_TRY(Vocabulary vocabulary, unpack_ranks(packed_o200k_base()));
  TokenizerParts parts{.vocabulary = std::move(vocabulary),
                       .merges = {},
                       .pretokenizer = {},
                       .added = {},
                       .source = "built-in o200k_harmony"};
  MXPATH_CHECK(parts.pretokenizer.add(o200k_pattern, false, parts.source));
  constexpr std::array<std::string_view, 21> names = {
      "startoftext", "endoftext", "",    "",        "return", "constrain", "",
      "channel",     "start",     "end", "message", "",       "",          "",
      "call",        "",          "",    "",        "",       "",          "endofprompt"};
  const Token first = parts.vocabulary.size();
  for (size_t i = 0; i < names.size(); ++i) {
    const Token id = first + static_cast<Token>(i);
    parts.added.push_back(
        {names[i].empty() ? fmt::format("<|reserved_{}|>", id) : fmt::format("<|{}|>", names[i]), id, true});
  }
  parts.added.push_back({"<|reserved_200018|>", first + 20, true});
  return parts;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::builtin() {
  static const Result<std::shared_ptr<const Tokenizer>> tokenizer = make_builtin();
  return tokenizer;
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::from_json(std::string_view json, std::string_view where) {
  MXPATH_TRY(TokenizerParts parts, parse_tokenizer_json(json, where));
  return make_tokenizer(std::move(parts));
}

Result<std::shared_ptr<const Tokenizer>> Tokenizer::for_model(const std::string& folder) {
  const std::filesystem::path path = std::filesystem::path(folder) / "tokenizer.json";
  // A link into nowhere (a half-finished download) exists here and fails in open(); only a file that is not there has a
  // stand-in.
  std::error_code error;
  if (std::filesystem::symlink_status(path, error).type() == std::filesystem::file_type::not_found) return builtin();
  MXPATH_TRY(const MappedFile file, MappedFile::open(path.string()));
  if (is_published(file.bytes())) return builtin();
  return from_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}, path.string());
}

}  // namespace mxpath
