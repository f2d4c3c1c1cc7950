#include "chat/tokenizer.h"

#include <numeric>

#include "base/random.h"
#include "chat/test_support.h"
#include "chat/tokenizer_parts.h"
#include "chat/utf8.h"

namespace mxpath {
namespace {

std::string repeated(std::string_view text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

std::string utf8_of(uint32_t c) {
  std::string out;
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (c >> shift & 0x3f)); };
  if (c < 0x80) return {static_cast<char>(c)};
  if (c < 0x800) return out += static_cast<char>(0xc0 | c >> 6), tail(0), out;
  if (c < 0x10000) return out += static_cast<char>(0xe0 | c >> 12), tail(6), tail(0), out;
  return out += static_cast<char>(0xf0 | c >> 18), tail(12), tail(6), tail(0), out;
}

// Start-up is paid by every call of the program; 0.2 s is the promise, a tenth of it is usual.
TEST(BuiltinTokenizer, StartsInUnderAFifthOfASecond) {
  Result<TokenizerParts> parts = Error{"not run"};
  const double time = seconds([&] { parts = builtin_parts(); });
  ASSERT_TRUE(parts.ok()) << parts.error().message;
  EXPECT_LT(time, 0.2);
  EXPECT_EQ(parts->vocabulary.size(), 199998);
  EXPECT_EQ(Tokenizer::builtin()->get(), Tokenizer::builtin()->get());
}

TEST(BuiltinTokenizer, PublicCases) {
  const Json cases = read_json("o200k_base-testplans.json")["cases"];
  EXPECT_EQ(cases.size(), 57u);
  for (const Json& c : cases) {
    const auto ids = builtin().encode(c["text"].get<std::string>());
    EXPECT_EQ(ids, c["token_ids"].get<std::vector<Token>>()) << c["text"];
    EXPECT_EQ(builtin().decode(ids).value(), c["text"].get<std::string>());
  }
}

TEST(BuiltinTokenizer, ExtraCasesWithPieces) {
  const Json file = read_json("o200k-extra-cases.json");
  EXPECT_EQ(file["cases"].size() + file["hard"].size(), 90u);
  for (const char* list : {"cases", "hard"}) {
    for (const Json& c : file[list]) {
      EXPECT_EQ(builtin().pieces(c["text"].get<std::string>()), c["pieces"].get<std::vector<std::string>>())
          << c["text"];
      EXPECT_EQ(builtin().encode(c["text"].get<std::string>()), c["ids"].get<std::vector<Token>>()) << c["text"];
    }
  }
}

TEST(BuiltinTokenizer, HarmonyCases) {
  const Json cases = read_json("harmony/harmony-cases.json")["tokenizer_cases"];
  EXPECT_EQ(cases.size(), 6u);
  for (const Json& c : cases) {
    if (c.contains("text")) {
      const auto text = c["text"].get<std::string>();
      const auto ids = c.value("special_allowed", false) ? builtin().encode_with_special(text) : builtin().encode(text);
      EXPECT_EQ(ids, c["token_ids"].get<std::vector<Token>>()) << text;
      continue;
    }
    const auto ids = c["decode"].get<std::vector<Token>>();
    const auto decoded = builtin().decode(ids);
    EXPECT_EQ(decoded.ok(), !c.contains("error"));
    if (!decoded.ok()) continue;
    EXPECT_TRUE(decoded->ends_with("\x20\xf0\x9f"));
    EXPECT_LT(valid_utf8_prefix(*decoded), decoded->size());
    EXPECT_NE(builtin().decode_lossy(ids).find(c.value("lossy_contains", "")), std::string::npos);
  }
}

TEST(BuiltinTokenizer, SpecialTokens) {
  const SpecialTokens& s = builtin().special();
  EXPECT_EQ(s.start_of_text, 199998);
  EXPECT_EQ(s.end_of_text, 199999);
  EXPECT_EQ(s.return_, 200002);
  EXPECT_EQ(s.constrain, 200003);
  EXPECT_EQ(s.channel, 200005);
  EXPECT_EQ(s.start, 200006);
  EXPECT_EQ(s.end, 200007);
  EXPECT_EQ(s.message, 200008);
  EXPECT_EQ(s.call, 200012);
  EXPECT_EQ(s.largest, 200018);
  EXPECT_EQ(builtin().size(), 200019);
  EXPECT_TRUE(builtin().is_special(200018));
  EXPECT_FALSE(builtin().is_special(199997));
  EXPECT_EQ(builtin().token_bytes(200018).value(), "<|endofprompt|>");
  EXPECT_EQ(builtin().token_bytes(200013).value(), "<|reserved_200013|>");
  EXPECT_EQ(builtin().encode_with_special("a<|reserved_200018|><|endofprompt|>"),
            (std::vector<Token>{64, 200018, 200018}));
}

// Text of a user must never become a control token.
TEST(BuiltinTokenizer, OrdinaryTextHasNoSpecialTokens) {
  EXPECT_EQ(builtin().encode("<|start|>"), (std::vector<Token>{27, 91, 5236, 91, 29}));
  EXPECT_EQ(builtin().encode_with_special("hi<|end|>hi"), (std::vector<Token>{3686, 200007, 3686}));
  for (Token id = 199998; id <= 200018; ++id) {
    const std::string text = builtin().token_bytes(id).value();
    EXPECT_EQ(builtin().encode_with_special(text), std::vector<Token>{id});
    for (const Token ordinary : builtin().encode(text)) EXPECT_LT(ordinary, 199998) << text;
  }
}

TEST(BuiltinTokenizer, IdsWithoutText) {
  for (const Token id : {200019, 201087, 201088, 99999999, -1, INT32_MIN, INT32_MAX}) {
    EXPECT_FALSE(builtin().token_bytes(id).ok()) << id;
    EXPECT_FALSE(builtin().decode(std::vector<Token>{64, id}).ok()) << id;
    EXPECT_EQ(builtin().decode_lossy(std::vector<Token>{64, id, 65}),
              "a\xef\xbf\xbd"
              "b")
        << id;
  }
  EXPECT_EQ(builtin().token_bytes(200019).error().message,
            "built-in o200k_harmony: token 200019 has no text; the largest one that has is 200018");
  EXPECT_EQ(builtin().decode_lossy(std::vector<Token>{9552, 9552}), " \xef\xbf\xbd \xef\xbf\xbd");
}

TEST(BuiltinTokenizer, AllBytesRoundTrip) {
  std::string all(256, '\0');
  std::iota(all.begin(), all.end(), '\0');
  EXPECT_EQ(builtin().decode(builtin().encode(all.substr(0, 128))).value(), all.substr(0, 128));
  // Bytes that are no UTF-8 are replaced before encoding, and have tokens of their own for decoding.
  EXPECT_EQ(builtin().decode(builtin().encode(all)).value(), to_valid_utf8(all));
  const TokenizerParts parts = builtin_parts().value();
  std::vector<Token> single;
  for (const char c : all) single.push_back(parts.vocabulary.find({&c, 1}));
  EXPECT_EQ(builtin().decode(single).value(), all);
}

TEST(BuiltinTokenizer, RandomUnicodeRoundTrips) {
  Random random(20250805);
  for (int i = 0; i < 400; ++i) {
    std::string text;
    for (int64_t n = random.integer(0, 200); n > 0; --n) {
      const uint32_t limits[] = {0x7f, 0x24f, 0xfff, 0xffff, 0x10ffff};
      auto c = static_cast<uint32_t>(random.integer(0, limits[random.integer(0, 4)]));
      if (c >= 0xd800 && c < 0xe000) c = ' ';
      text += repeated(utf8_of(c), static_cast<int>(random.integer(1, 3)));
    }
    const auto ids = builtin().encode(text);
    EXPECT_EQ(builtin().decode(ids).value(), text);
    std::string joined;
    for (const std::string& piece : builtin().pieces(text)) joined += piece;
    EXPECT_EQ(joined, text);
  }
}

// Merging one piece with the heap must give what the definition gives: again and again the leftmost pair of lowest
// rank.
std::vector<Token> merge_by_definition(const Vocabulary& vocabulary, std::string_view piece) {
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  while (true) {
    size_t best = parts.size();
    Token rank = INT32_MAX;
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      if (const Token id = vocabulary.find(parts[i] + parts[i + 1]); id >= 0 && id < rank) rank = id, best = i;
    if (best == parts.size()) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<long>(best) + 1);
  }
  std::vector<Token> out;
  for (const auto& part : parts) out.push_back(vocabulary.find(part));
  return out;
}

TEST(Bpe, EqualsTheDefinitionOnRandomPieces) {
  const TokenizerParts parts = builtin_parts().value();
  PieceEncoder merging(parts.vocabulary, parts.merges, false), whole(parts.vocabulary, parts.merges, true);
  Random random(7);
  const std::string_view alphabets[] = {"ab", "etaoin shr", "xX \xd0\xb0\xd0\xb1", "0123456789",
                                        "\xe4\xbd\xa0\xe5\xa5\xbd"};
  for (int i = 0; i < 500; ++i) {
    const std::string_view alphabet = alphabets[random.integer(0, 4)];
    std::string piece;
    for (int64_t n = random.integer(1, 40); n > 0; --n)
      piece += alphabet[static_cast<size_t>(random.integer(0, static_cast<int64_t>(alphabet.size()) - 1))];
    const auto expected = merge_by_definition(parts.vocabulary, piece);
    std::vector<Token> got, got_whole;
    merging.encode(piece, got);
    whole.encode(piece, got_whole);
    EXPECT_EQ(got, expected);
    EXPECT_EQ(got_whole, expected);  // ranks are such that a token's own bytes always merge to it
  }
}

TEST(BuiltinTokenizer, HugePiecesAreLinear) {
  for (const std::string_view unit : {"x", "X", " ", "\n", "\t \n", "\xcc\x81", "a\xcc\x81X", "'s", "7"}) {
    const std::string small = repeated(unit, 125'000 / static_cast<int>(unit.size())), large = repeated(small, 4);
    std::vector<Token> ids;
    const double small_time = seconds([&] { ids = builtin().encode(small); });
    const double large_time = seconds([&] { ids = builtin().encode(large); });
    EXPECT_EQ(builtin().decode(ids).value(), large);
    EXPECT_LT(large_time, 8 * small_time + 0.05) << "unit \"" << unit << "\"";
  }
}

TEST(BuiltinTokenizer, OneMillionX) {
  const std::string text(1'000'000, 'x');
  std::vector<Token> ids;
  const double quarter = seconds([&] { ids = builtin().encode(std::string_view(text).substr(0, 250'000)); });
  const double whole = seconds([&] { ids = builtin().encode(text); });
  EXPECT_LT(whole, 8 * quarter);
  EXPECT_EQ(builtin().pieces(text), std::vector<std::string>{text});
  EXPECT_EQ(builtin().decode(ids).value(), text);
  EXPECT_LE(ids.size(), 125'000u);
}

TEST(Pretokenizer, RunsWithoutWhatItCannotCompute) {
  Pretokenizer pretokenizer;
  ASSERT_TRUE(pretokenizer.add("(?:a+)+b", false, "x").ok());
  std::vector<std::string_view> pieces;
  const std::string text = std::string(40, 'a') + "c";  // 2^40 steps without a limit
  pretokenizer.cut(text, pieces);
  std::string joined;
  for (const auto piece : pieces) joined += piece;
  EXPECT_EQ(joined, text);
}

// A group that nests needs stack for each level; the text must survive its end.
TEST(Pretokenizer, DeepRecursionLosesNoText) {
  Pretokenizer pretokenizer;
  ASSERT_TRUE(pretokenizer.add("(?:(x)|(y))+z", false, "x").ok());
  for (const char* end : {"", "z"}) {
    const std::string text = std::string(300'000, 'x') + end;
    std::vector<std::string_view> pieces;
    pretokenizer.cut(text, pieces);
    size_t length = 0;
    for (const auto piece : pieces) length += piece.size();
    EXPECT_EQ(length, text.size());
  }
}

TEST(Pretokenizer, GapsAndEmptyMatchesArePieces) {
  Pretokenizer pretokenizer;
  ASSERT_TRUE(pretokenizer.add("[0-9]+", false, "x").ok());
  ASSERT_TRUE(pretokenizer.add("q*", false, "x").ok());
  std::vector<std::string_view> pieces;
  pretokenizer.cut("ab12qq\xc3\xa4", pieces);
  EXPECT_EQ(pieces, (std::vector<std::string_view>{"a", "b", "1", "2", "qq", "\xc3\xa4"}));
}

TEST(Pretokenizer, RefusesWhatEnginesReadDifferently) {
  Pretokenizer pretokenizer;
  for (const char* pattern : {"\\w+", "\\bword", "\\h", "(*ACCEPT)a", "(unclosed", "", "a\\", "\\C"})
    EXPECT_FALSE(pretokenizer.add(pattern, false, "x").ok()) << pattern;
  EXPECT_TRUE(pretokenizer.add("\\w(", true, "x").ok());
}

}  // namespace
}  // namespace mxpath
