// For tests: an answer as text, read and written as the server does, and put together as OpenAI's client does.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "server/openai/reply_writer.h"
#include "server/openai/test_support.h"

namespace mxpath::openai {

struct ReadAnswer {
  std::vector<std::vector<Piece>> steps;  ///< the pieces of each step, and of the end
  AnswerEnd end;
  bool over = false;  ///< before the end was told

  std::vector<Piece> pieces() const {
    std::vector<Piece> all;
    for (const auto& step : steps) all.insert(all.end(), step.begin(), step.end());
    return all;
  }
};

/// Tokens in steps of so many. Each token's log-probability is minus its place.
inline ReadAnswer read_tokens(std::span<const Token> tokens, const Question& question, size_t step = 1,
                              EndReason reason = EndReason::length) {
  AnswerReader reader(builtin_tokenizer(), question);
  ReadAnswer out;
  for (size_t i = 0; i < tokens.size() && !reader.over(); i += step) {
    std::vector<Piece>& pieces = out.steps.emplace_back();
    for (size_t j = i; j < std::min(i + step, tokens.size()); ++j) {
      const std::pair<Token, float> top = {tokens[j], -static_cast<float>(j)};
      for (Piece& piece : reader.hear(tokens[j], top.second, {&top, 1})) pieces.push_back(std::move(piece));
    }
  }
  out.over = reader.over();
  auto [rest, end] = reader.finish(reason);
  out.steps.push_back(std::move(rest));
  out.end = std::move(end);
  return out;
}

/// What follows <|start|>assistant, special tokens by their names.
inline ReadAnswer read_answer(std::string_view text, const Question& question = {}, size_t step = 1,
                              EndReason reason = EndReason::length) {
  return read_tokens(builtin_tokenizer().encode_with_special(text), question, step, reason);
}

/// "reasoning:text|", a message after the other; of calls the name: "call 0 f:{}|". A message that has no end has no |.
inline std::string log_of(const std::vector<Piece>& pieces) {
  constexpr std::string_view names[] = {"reasoning", "preamble", "text", "call", "arguments"};
  std::string out;
  for (const Piece& p : pieces) {
    if (p.kind == Piece::Kind::call) out += fmt::format("call {} {}:", p.call, p.text);
    else out += fmt::format("{}{}{}", p.begins ? names[static_cast<size_t>(p.kind)] : "", p.begins ? ":" : "", p.text);
    if (p.ends) out += "|";
  }
  return out;
}

inline ReplyFacts test_facts(ReasoningField field = ReasoningField::reasoning) {
  ReplyFacts facts;
  facts.id_suffix = "1";
  facts.model = "m";
  facts.created = 5;
  facts.fingerprint = "fp";
  facts.reasoning_field = field;
  facts.new_id = [n = 0]() mutable { return fmt::format("id{}", n++); };
  return facts;
}

struct Reply {
  std::string stream;
  Json whole;
};

inline ReplyEnd end_of(const AnswerEnd& end) {
  ReplyEnd out;
  out.prompt_tokens = 10;
  out.cached_tokens = 4;
  out.written_tokens = 6;
  out.new_tokens = end.new_tokens;
  out.reasoning_tokens = end.reasoning_tokens;
  out.prompt_seconds = 0.5;
  out.answer_seconds = 2;
  return out;
}

inline Reply write_answer(ReplyWriter& writer, const ReadAnswer& answer) {
  Reply reply;
  reply.stream = writer.begin();
  for (const auto& step : answer.steps) reply.stream += writer.pieces(0, step);
  reply.stream += writer.end(0, answer.end);
  reply.stream += writer.finish(end_of(answer.end));
  reply.whole = writer.whole();
  return reply;
}

/// The JSON of each event; [DONE] must be the last where there is one.
inline std::vector<Json> events_of(std::string_view stream) {
  std::vector<Json> out;
  bool done = false;
  while (!stream.empty()) {
    const size_t end = stream.find("\n\n");
    EXPECT_NE(end, stream.npos);
    EXPECT_TRUE(stream.starts_with("data: "));
    EXPECT_FALSE(done) << "something follows [DONE]";
    const std::string_view json = stream.substr(6, end - 6);
    if (json == "[DONE]") done = true;
    else out.push_back(json_of(json));
    stream.remove_prefix(end + 2);
  }
  return out;
}

/// Texts of objects that stand in the same place are joined, lists go by "index", as OpenAI's client does it.
inline void accumulate(Json& all, const Json& delta) {
  for (const auto& [key, value] : delta.items()) {
    Json& place = all[key];
    if (key == "index" || key == "type" || key == "role" || place.is_null()) {
      if (!value.is_array()) {
        place = value;
        continue;
      }
      place = Json::array();
    }
    if (value.is_string()) {
      place = place.get<std::string>() + value.get<std::string>();
    } else if (value.is_object()) {
      accumulate(place, value);
    } else if (value.is_array()) {
      for (const Json& item : value) {
        const auto index = item["index"].get<size_t>();
        ASSERT_LE(index, place.size());
        if (index == place.size()) place.push_back(Json::object());
        accumulate(place[index], item);
      }
    }
  }
}

/// The object that the chunks of a chat make, in the shape of a whole one.
inline Json accumulated_chat(std::string_view stream, size_t choices = 1) {
  Json out = {{"choices", Json::array()}};
  for (size_t i = 0; i < choices; ++i)
    out["choices"].push_back(
        {{"index", i}, {"message", Json::object()}, {"logprobs", nullptr}, {"finish_reason", nullptr}});
  for (const Json& chunk : events_of(stream)) {
    EXPECT_FALSE(chunk.contains("error")) << chunk;
    for (const char* key : {"id", "created", "model", "system_fingerprint"}) out[key] = chunk[key];
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    if (chunk.contains("usage") && !chunk["usage"].is_null()) out["usage"] = chunk["usage"];
    for (const Json& choice : chunk["choices"]) {
      Json& mine = out["choices"][choice["index"].get<size_t>()];
      EXPECT_TRUE(mine["finish_reason"].is_null()) << "a chunk after the last one of its choice: " << chunk;
      const Json& delta = choice["delta"];
      const bool both = delta.contains("role") || (delta.contains("reasoning") && delta.contains("reasoning_content"));
      EXPECT_LE(delta.size(), both ? 2u : 1u) << "two kinds in one chunk: " << chunk;
      accumulate(mine["message"], delta);
      mine["finish_reason"] = choice["finish_reason"];
      if (choice["logprobs"].is_null()) continue;
      if (mine["logprobs"].is_null()) mine["logprobs"] = {{"content", Json::array()}, {"refusal", nullptr}};
      for (const Json& token : choice["logprobs"]["content"]) mine["logprobs"]["content"].push_back(token);
    }
  }
  return out;
}

/// What both ways of telling must agree on.
inline void expect_same(const Json& whole, const Json& streamed) {
  for (const char* key : {"id", "created", "model", "system_fingerprint"}) EXPECT_EQ(whole[key], streamed[key]);
  EXPECT_EQ(streamed.value("usage", whole["usage"]), whole["usage"]);
  ASSERT_EQ(whole["choices"].size(), streamed["choices"].size());
  for (size_t i = 0; i < whole["choices"].size(); ++i) {
    const Json &a = whole["choices"][i], &b = streamed["choices"][i];
    for (const char* key : {"role", "content", "reasoning", "reasoning_content"}) {
      const bool null = !a["message"].contains(key) || a["message"][key].is_null();
      const std::string text = null ? "" : a["message"][key].get<std::string>();
      EXPECT_EQ(text, b["message"].value(key, "")) << key;
    }
    Json calls = b["message"].value("tool_calls", Json::array());
    for (Json& call : calls) call.erase("index");
    EXPECT_EQ(a["message"].value("tool_calls", Json::array()), calls);
    EXPECT_EQ(a["finish_reason"], b["finish_reason"]);
    const bool likely = !a["logprobs"].is_null() && !a["logprobs"]["content"].empty();
    EXPECT_EQ(likely ? a["logprobs"] : Json(), b["logprobs"]);
  }
}

}  // namespace mxpath::openai
