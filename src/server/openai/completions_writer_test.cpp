#include "server/openai/test_reply.h"

namespace mxpath::openai {
namespace {

Question raw_question(std::vector<std::string> prompts = {"Say"}) {
  Question question;
  question.harmony = false;
  question.stream = true;
  question.prompt_texts = std::move(prompts);
  return question;
}

/// Texts, likelihoods and ends of the chunks, joined.
Json accumulated(std::string_view stream, size_t choices = 1) {
  Json out = Json::array();
  for (size_t i = 0; i < choices; ++i)
    out.push_back({{"index", i}, {"text", ""}, {"logprobs", nullptr}, {"finish_reason", nullptr}});
  for (const Json& chunk : events_of(stream)) {
    EXPECT_EQ(chunk["object"], "text_completion");
    for (const Json& choice : chunk["choices"]) {
      Json& mine = out[choice["index"].get<size_t>()];
      mine["text"] = mine["text"].get<std::string>() + choice["text"].get<std::string>();
      mine["finish_reason"] = choice["finish_reason"];
      if (choice["logprobs"].is_null()) continue;
      if (mine["logprobs"].is_null()) mine["logprobs"] = choice["logprobs"];
      else
        for (const auto& [key, list] : choice["logprobs"].items())
          for (const Json& value : list) mine["logprobs"][key].push_back(value);
    }
  }
  return out;
}

TEST(CompletionsWriter, OldShape) {
  const Question question = raw_question();
  const auto writer = completions_writer(question, test_facts());
  const Reply reply = write_answer(*writer, read_answer(" hello there", question));
  EXPECT_EQ(reply.whole["id"], "cmpl-1");
  EXPECT_EQ(reply.whole["object"], "text_completion");
  EXPECT_EQ(reply.whole["choices"].dump(),
            R"([{"index":0,"text":" hello there","logprobs":null,"finish_reason":"length"}])");
  EXPECT_EQ(accumulated(reply.stream), reply.whole["choices"]);
  EXPECT_EQ(reply.whole["usage"]["completion_tokens"], 2);
  EXPECT_TRUE(reply.stream.ends_with("data: [DONE]\n\n"));
}

TEST(CompletionsWriter, EchoAndOffsets) {
  Question question = raw_question({"é:"});
  question.top = 1;
  question.echo = true;
  for (const size_t step : {1, 2, 7}) {
    const auto writer = completions_writer(question, test_facts());
    const Reply reply = write_answer(*writer, read_answer(" 친구 two<|return|>", question, step));
    const Json& choice = reply.whole["choices"][0];
    EXPECT_EQ(choice["text"], "é: 친구 two");
    EXPECT_EQ(choice["finish_reason"], "stop");
    EXPECT_EQ(accumulated(reply.stream), reply.whole["choices"]);
    const Json& logprobs = choice["logprobs"];
    const size_t tokens = logprobs["tokens"].size();
    for (const auto& [key, list] : logprobs.items()) EXPECT_EQ(list.size(), tokens) << key;
    EXPECT_EQ(logprobs["text_offset"][0], 2);  // characters, not bytes
    EXPECT_EQ(logprobs["tokens"].back(), " two");
    EXPECT_EQ(logprobs["text_offset"].back(), 5);
    EXPECT_EQ(logprobs["top_logprobs"].back().size(), 1u);
  }
}

TEST(CompletionsWriter, TheChosenTokenIsAlwaysAmongTheLikeliest) {
  Question question = raw_question();
  question.top = 1;
  Piece piece;
  piece.text = "a";
  TextLogprob& token = piece.logprobs.emplace_back();
  token.bytes = "a";
  token.logprob = -2;
  token.top = {{"b", -0.5F}, {"c", -1.F}};
  const auto writer = completions_writer(question, test_facts());
  (void)writer->pieces(0, {&piece, 1});
  EXPECT_EQ(writer->whole()["choices"][0]["logprobs"]["top_logprobs"][0].dump(), R"({"b":-0.5,"a":-2.0})");
}

TEST(CompletionsWriter, PromptsAndChoicesAreNumberedInOrder) {
  Question question = raw_question({"A", "B"});
  question.choices = question.best_of = 2;
  question.echo = true;
  const auto writer = completions_writer(question, test_facts());
  std::string stream = writer->begin();
  for (const int choice : {3, 0, 2, 1}) {
    Piece piece;
    piece.text = fmt::format("{}", choice);
    stream += writer->pieces(choice, {&piece, 1});
    stream += writer->end(choice, {});
  }
  stream += writer->finish({});
  const Json whole = writer->whole();
  ASSERT_EQ(whole["choices"].size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(whole["choices"][i]["index"], i);
    EXPECT_EQ(whole["choices"][i]["text"], fmt::format("{}{}", i < 2 ? "A" : "B", i));
  }
  EXPECT_EQ(accumulated(stream, 4), whole["choices"]);
}

TEST(CompletionsWriter, TheLikeliestAreKept) {
  Question question = raw_question({"A", "B"});
  question.stream = false;
  question.choices = 1;
  question.best_of = 3;
  question.top = 0;
  question.asked["logprobs"] = false;
  const auto writer = completions_writer(question, test_facts());
  const float likelihoods[] = {-2, -1, -3, -5, -9, -4};
  for (int choice = 0; choice < 6; ++choice) {
    Piece piece;
    piece.text = fmt::format("{}", choice);
    piece.logprobs.emplace_back().logprob = likelihoods[choice];
    (void)writer->pieces(choice, {&piece, 1});
    (void)writer->end(choice, {});
  }
  const Json whole = writer->whole();
  ASSERT_EQ(whole["choices"].size(), 2u);
  EXPECT_EQ(whole["choices"][0]["text"], "1");
  EXPECT_EQ(whole["choices"][1]["text"], "5");
  EXPECT_EQ(whole["choices"][1]["index"], 1);
  EXPECT_TRUE(whole["choices"][0]["logprobs"].is_null());  // nobody asked
}

TEST(CompletionsWriter, UsageOfStreamsWhereAsked) {
  Question question = raw_question();
  question.include_usage = true;
  const auto writer = completions_writer(question, test_facts());
  const auto events = events_of(write_answer(*writer, read_answer("x", question)).stream);
  EXPECT_TRUE(events.front()["usage"].is_null());
  EXPECT_TRUE(events.back()["choices"].empty());
  EXPECT_EQ(events.back()["usage"]["total_tokens"], 11);
}

TEST(CompletionsWriter, ErrorsEndTheStreamWithoutDone) {
  const Question question = raw_question();
  const auto writer = completions_writer(question, test_facts());
  EXPECT_TRUE(writer->fail({.status = 500, .message = "x"}).starts_with("data: {\"error\""));
  EXPECT_EQ(writer->finish({}), "");
}

}  // namespace
}  // namespace mxpath::openai
