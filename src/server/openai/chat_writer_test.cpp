#include "chat/utf8.h"
#include "server/openai/reply_parts.h"
#include "server/openai/test_reply.h"

namespace mxpath::openai {
namespace {

constexpr std::string_view everything =
    "<|channel|>analysis<|message|>Look it up.<|end|><|start|>assistant<|channel|>commentary<|message|>I look, "
    "\"친구\".<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{\"a\": 1}"
    "<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>";

Question streamed() {
  Question question;
  question.stream = true;
  return question;
}

Reply reply_to(const Question& question, std::string_view answer, size_t step = 1, ReplyFacts facts = test_facts(),
               EndReason reason = EndReason::length) {
  const auto writer = chat_writer(question, std::move(facts));
  return write_answer(*writer, read_answer(answer, question, step, reason));
}

TEST(ChatWriter, ChunksInOrder) {
  std::string kinds;
  for (const Json& chunk : events_of(reply_to(streamed(), everything).stream)) {
    EXPECT_EQ(chunk["id"], "chatcmpl-1");
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["created"], 5);
    EXPECT_EQ(chunk["model"], "m");
    EXPECT_EQ(chunk["system_fingerprint"], "fp");
    EXPECT_FALSE(chunk.contains("usage"));
    const Json& choice = chunk["choices"][0];
    std::string kind = choice["delta"].empty() ? "end:" + choice["finish_reason"].get<std::string>() : "";
    for (const auto& [key, value] : choice["delta"].items()) kind += kind.empty() ? key : "+" + key;
    if (!kinds.ends_with(kind + " ")) kinds += kind + " ";
  }
  EXPECT_EQ(kinds, "role+content reasoning content tool_calls end:tool_calls ");
}

TEST(ChatWriter, FirstAndLastChunks) {
  const std::string stream = reply_to(streamed(), "<|channel|>final<|message|>x<|return|>").stream;
  const auto event = [](std::string_view delta, std::string_view finish) {
    return fmt::format(
        R"(data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m",)"
        R"("system_fingerprint":"fp","choices":[{{"index":0,"delta":{},"logprobs":null,"finish_reason":{}}}]}})"
        "\n\n",
        delta, finish);
  };
  EXPECT_EQ(stream, event(R"({"role":"assistant","content":""})", "null") + event(R"({"content":"x"})", "null") +
                        event("{}", "\"stop\"") + "data: [DONE]\n\n");
}

TEST(ChatWriter, CallsBeginWithTheirNameAndGoOnWithArguments) {
  std::vector<Json> calls;
  for (const Json& chunk : events_of(reply_to(streamed(), everything, 1000).stream))
    if (chunk["choices"][0]["delta"].contains("tool_calls"))
      calls.push_back(chunk["choices"][0]["delta"]["tool_calls"][0]);
  ASSERT_GE(calls.size(), 4u);
  EXPECT_EQ(calls.front().dump(),
            R"({"index":0,"id":"call_id0","type":"function","function":{"name":"f","arguments":""}})");
  EXPECT_EQ(calls.back().dump(), R"({"index":1,"function":{"arguments":"{}"}})");
}

TEST(ChatWriter, StreamIsWholeHoweverTokensCome) {
  Question question = streamed();
  question.include_usage = true;
  question.top = 1;
  for (const size_t step : {1, 2, 7, 1000}) {
    const Reply reply = reply_to(question, everything, step);
    expect_same(reply.whole, accumulated_chat(reply.stream));
    const Json& message = reply.whole["choices"][0]["message"];
    EXPECT_EQ(message["content"], "I look, \"친구\".");
    EXPECT_EQ(message["reasoning"], "Look it up.");
    EXPECT_FALSE(message.contains("reasoning_content"));
    EXPECT_TRUE(message["refusal"].is_null());
    ASSERT_EQ(message["tool_calls"].size(), 2u);
    EXPECT_EQ(message["tool_calls"][0].dump(),
              R"({"id":"call_id0","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}})");
    EXPECT_EQ(reply.whole["choices"][0]["finish_reason"], "tool_calls");
    EXPECT_EQ(reply.whole["object"], "chat.completion");
  }
}

TEST(ChatWriter, ContentIsNullWithCallsAlone) {
  const auto content = [](std::string_view answer) {
    return reply_to({}, answer).whole["choices"][0]["message"]["content"];
  };
  EXPECT_TRUE(content("<|channel|>commentary to=functions.f<|message|>{}<|call|>").is_null());
  EXPECT_EQ(content("<|channel|>analysis<|message|>Hm"), "");
  EXPECT_EQ(content(""), "");
}

TEST(ChatWriter, FinishReasons) {
  constexpr std::string_view call = "<|channel|>commentary to=functions.f<|message|>{}<|call|>";
  const auto finish = [](const Question& question, std::string_view answer) {
    return reply_to(question, answer).whole["choices"][0]["finish_reason"];
  };
  Question named;
  named.functions = {function_named("f")};
  EXPECT_EQ(finish(named, call), "tool_calls");
  named.tool_choice = ToolChoice::named;
  named.named = "f";
  EXPECT_EQ(finish(named, call), "stop");
  EXPECT_EQ(finish({}, "<|channel|>final<|message|>x"), "length");
  EXPECT_EQ(finish({}, "<|channel|>final<|message|>x<|return|>"), "stop");
}

TEST(ChatWriter, UsageAndTimings) {
  Question question = streamed();
  question.include_usage = true;
  const Reply reply = reply_to(question, "<|channel|>analysis<|message|>a<|end|>");
  const auto events = events_of(reply.stream);
  EXPECT_TRUE(events.front()["usage"].is_null());
  EXPECT_TRUE(events.front().contains("usage"));
  EXPECT_TRUE(events.back()["choices"].empty());
  EXPECT_EQ(events.back()["usage"].dump(), R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,)"
                                           R"("prompt_tokens_details":{"cached_tokens":4,"cache_write_tokens":6},)"
                                           R"("completion_tokens_details":{"reasoning_tokens":5}})");
  EXPECT_EQ(reply.whole["usage"], events.back()["usage"]);
  EXPECT_EQ(reply.whole["timings"].dump(),
            R"({"cache_n":4,"prompt_n":6,"prompt_ms":500.0,"prompt_per_token_ms":83.33333333333333,)"
            R"("prompt_per_second":12.0,"predicted_n":5,"predicted_ms":2000.0,"predicted_per_token_ms":400.0,)"
            R"("predicted_per_second":2.5})");
  EXPECT_FALSE(reply.whole.contains("mxpath"));
}

TEST(ChatWriter, TimingsOfNothingAreZero) {
  const Json timings = timings_json({});
  for (const auto& [name, value] : timings.items()) EXPECT_EQ(value, 0) << name;
}

TEST(ChatWriter, NamesOfReasoning) {
  const auto message = [](ReasoningField field) {
    const Reply reply = reply_to(streamed(), everything, 1, test_facts(field));
    expect_same(reply.whole, accumulated_chat(reply.stream));
    return reply.whole["choices"][0]["message"];
  };
  EXPECT_FALSE(message(ReasoningField::reasoning).contains("reasoning_content"));
  EXPECT_FALSE(message(ReasoningField::reasoning_content).contains("reasoning"));
  EXPECT_EQ(message(ReasoningField::reasoning_content)["reasoning_content"], "Look it up.");
  EXPECT_EQ(message(ReasoningField::both)["reasoning"], message(ReasoningField::both)["reasoning_content"]);
}

TEST(ChatWriter, HiddenReasoningCounts) {
  Question question = streamed();
  question.show_reasoning = false;
  const Reply reply = reply_to(question, everything);
  EXPECT_EQ(reply.stream.find("Look"), std::string::npos);
  EXPECT_EQ(reply.stream.find("reasoning\""), std::string::npos);
  EXPECT_FALSE(reply.whole["choices"][0]["message"].contains("reasoning"));
  EXPECT_GT(reply.whole["usage"]["completion_tokens_details"]["reasoning_tokens"].get<int>(), 0);
}

TEST(ChatWriter, Logprobs) {
  Question question = streamed();
  question.top = 1;
  const Json whole = reply_to(question, "<|channel|>final<|message|>é x<|return|>").whole;
  EXPECT_EQ(whole["choices"][0]["logprobs"]["content"][0].dump(),
            R"({"token":"é","logprob":-3.0,"bytes":[195,169],)"
            R"("top_logprobs":[{"token":"é","logprob":-3.0,"bytes":[195,169]}]})");
  question.top = 0;
  const Json none = reply_to(question, "<|channel|>final<|message|>x<|return|>").whole["choices"][0]["logprobs"];
  EXPECT_TRUE(none["content"][0]["top_logprobs"].empty());
  question.top.reset();
  EXPECT_TRUE(reply_to(question, "<|channel|>final<|message|>x").whole["choices"][0]["logprobs"].is_null());
  EXPECT_EQ(likelihood(-std::numeric_limits<float>::infinity()), -9999);
  EXPECT_EQ(likelihood(std::numeric_limits<float>::quiet_NaN()), -9999);
}

TEST(ChatWriter, CustomToolsTakeText) {
  Question question = streamed();
  question.functions = {function_named("c", true)};
  const Reply reply = reply_to(question, "<|channel|>commentary to=functions.c<|message|>raw text<|call|>");
  EXPECT_EQ(reply.whole["choices"][0]["message"]["tool_calls"][0].dump(),
            R"({"id":"call_id0","type":"custom","custom":{"name":"c","input":"raw text"}})");
  expect_same(reply.whole, accumulated_chat(reply.stream));
}

TEST(ChatWriter, ChoicesKeepApart) {
  Question question = streamed();
  question.choices = 2;
  const auto writer = chat_writer(question, test_facts());
  std::string stream = writer->begin();
  const ReadAnswer first = read_answer("<|channel|>final<|message|>one<|return|>");
  const ReadAnswer second = read_answer("<|channel|>final<|message|>two");
  stream += writer->pieces(1, second.pieces());
  stream += writer->pieces(0, first.pieces());
  stream += writer->end(1, second.end);
  stream += writer->end(0, first.end);
  stream += writer->finish(end_of(first.end));
  const Json whole = writer->whole();
  expect_same(whole, accumulated_chat(stream, 2));
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "one");
  EXPECT_EQ(whole["choices"][1]["message"]["content"], "two");
  EXPECT_EQ(whole["choices"][1]["finish_reason"], "length");
}

TEST(ChatWriter, ErrorsEndTheStreamWithoutDone) {
  const Question question = streamed();
  const auto writer = chat_writer(question, test_facts());
  (void)writer->begin();
  const ApiError error{.status = 500, .message = "a path failed", .type = "server_error"};
  EXPECT_EQ(
      writer->fail(error),
      "data: {\"error\":{\"message\":\"a path failed\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
  const Piece late = {.text = "late"};
  EXPECT_EQ(writer->pieces(0, {&late, 1}) + writer->end(0, {}) + writer->fail(error) + writer->finish({}), "");
  const auto other = chat_writer(question, test_facts());
  AnswerEnd end;
  end.finish = Finish::error;
  end.error = error;
  EXPECT_NE(other->end(0, end).find("a path failed"), std::string::npos);
  EXPECT_EQ(other->finish({}), "");
}

TEST(ChatWriter, ReportsWhereAsked) {
  Question question = streamed();
  question.warnings = {"n is odd"};
  const auto writer = chat_writer(question, test_facts());
  ReplyEnd end;
  end.report = {{"seed", 4}};
  const auto events = events_of(writer->begin() + writer->finish(end));
  EXPECT_EQ(events.back()["mxpath"].dump(), R"({"seed":4,"warnings":["n is odd"]})");
  EXPECT_EQ(writer->whole()["mxpath"], events.back()["mxpath"]);
}

TEST(ChatWriter, BrokenTextStaysJson) {
  EXPECT_EQ(json_text("a\"\\\n\xff"), "\"a\\\"\\\\\\n\uFFFD\"");
  Question question = streamed();
  question.top = 0;
  const auto writer = chat_writer(question, test_facts());
  Piece piece;
  piece.text = "\xE2\x82";
  piece.logprobs.emplace_back().bytes = "\xE2\x82";
  for (const Json& chunk : events_of(writer->begin() + writer->pieces(0, {&piece, 1})))
    EXPECT_EQ(chunk["choices"].size(), 1u);
  EXPECT_EQ(writer->whole()["choices"][0]["logprobs"]["content"][0]["bytes"].dump(), "[226,130]");
}

TEST(ChatWriter, NothingIsBuiltThatNobodyReads) { EXPECT_EQ(reply_to({}, everything).stream, ""); }

}  // namespace
}  // namespace mxpath::openai
