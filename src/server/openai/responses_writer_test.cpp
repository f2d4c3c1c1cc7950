#include <gtest/gtest.h>

#include <limits>

#include "server/openai/responses_test_support.h"

namespace mxpath::openai {
namespace {

using Kind = Piece::Kind;
using Types = std::vector<std::string>;

/// One reply from pieces made by hand.
class Reply {
 public:
  explicit Reply(ResponsesQuestion asked = {})
      : asked_(streamed(std::move(asked))), writer_(responses_writer(asked_, test_facts())) {
    stream.read(writer_->begin());
  }
  static ResponsesQuestion streamed(ResponsesQuestion asked) {
    asked.question.stream = true;
    return asked;
  }
  Reply& say(Kind kind, int message, std::string text) {
    const Piece one = piece(kind, message, std::move(text));
    stream.read(writer_->pieces(0, {&one, 1}));
    return *this;
  }
  Reply& say(const std::vector<Piece>& pieces) {
    stream.read(writer_->pieces(0, pieces));
    return *this;
  }
  Reply& end(Finish finish) {
    AnswerEnd end;
    end.finish = finish;
    if (finish == Finish::error) end.error = ApiError{.status = 500, .message = "a kernel failed"};
    stream.read(writer_->end(0, end));
    return *this;
  }
  Reply& finish(ReplyEnd end = {}) {
    stream.read(writer_->finish(end));
    return *this;
  }
  Reply& fail(const ApiError& error) {
    stream.read(writer_->fail(error));
    return *this;
  }
  Json whole() const { return writer_->whole(); }
  const Json& output(size_t index) const { return stream.last()["output"].at(index); }

  ResponsesAccumulator stream;

 private:
  ResponsesQuestion asked_;
  std::unique_ptr<ReplyWriter> writer_;
};

ResponsesQuestion with_function(std::string name, bool custom = false, std::string space = {}) {
  Function function;
  function.name = std::move(name);
  function.custom = custom;
  function.space = std::move(space);
  ResponsesQuestion asked;
  asked.question.functions.push_back(std::move(function));
  return asked;
}

ReplyEnd tokens(int prompt, int reasoning = 0) {
  ReplyEnd end;
  end.prompt_tokens = prompt;
  end.reasoning_tokens = reasoning;
  return end;
}

void expect_right(const Reply& reply) {
  EXPECT_EQ(reply.stream.problem(), "");
  EXPECT_TRUE(reply.stream.over());
  EXPECT_EQ(reply.stream.last(), reply.whole());
}

TEST(ResponsesWriter, ReasoningThenAnswer) {
  Reply reply;
  reply.say(Kind::reasoning, 0, "Think").say(Kind::reasoning, 0, "ing.");
  reply.say(Kind::text, 1, "Four").say(Kind::text, 1, ".").end(Finish::stop).finish();
  expect_right(reply);
  EXPECT_EQ(reply.stream.types(),
            (Types{"created", "in_progress", "output_item.added", "content_part.added", "reasoning_text.delta",
                   "reasoning_text.delta", "reasoning_text.done", "content_part.done", "output_item.done",
                   "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
                   "output_text.done", "content_part.done", "output_item.done", "completed"}));
  EXPECT_EQ(reply.output(0), json_of(R"({"type":"reasoning","id":"rs_1","status":"completed","summary":[],
      "encrypted_content":null,"content":[{"type":"reasoning_text","text":"Thinking."}]})"));
  EXPECT_EQ(reply.output(1), json_of(R"({"type":"message","id":"msg_2","status":"completed","role":"assistant",
      "phase":"final_answer","content":[{"type":"output_text","text":"Four.","annotations":[],"logprobs":[]}]})"));
}

TEST(ResponsesWriter, EventsHaveTheFieldsOfTheirTypes) {
  Reply reply;
  reply.say(Kind::text, 0, "A\n\"b\"").end(Finish::stop).finish();
  const auto& events = reply.stream.events();
  EXPECT_EQ(events[0]["response"]["status"], "in_progress");
  EXPECT_EQ(events[0]["response"]["output"], Json::array());
  EXPECT_TRUE(events[0]["response"]["usage"].is_null());
  EXPECT_EQ(events[2]["item"], json_of(R"({"type":"message","id":"msg_1","status":"in_progress","role":"assistant",
      "phase":"final_answer","content":[]})"));
  EXPECT_EQ(events[3]["part"], json_of(R"({"type":"output_text","text":"","annotations":[],"logprobs":[]})"));
  EXPECT_EQ(events[4], json_of(R"({"type":"response.output_text.delta","sequence_number":4,"item_id":"msg_1",
      "output_index":0,"content_index":0,"delta":"A\n\"b\"","logprobs":[]})"));
  EXPECT_EQ(events[5], json_of(R"({"type":"response.output_text.done","sequence_number":5,"item_id":"msg_1",
      "output_index":0,"content_index":0,"text":"A\n\"b\"","logprobs":[]})"));
}

TEST(ResponsesWriter, AFunctionCall) {
  Reply reply(with_function("get_weather"));
  reply.say(Kind::reasoning, 0, "Ask.").say(Kind::call, 1, "get_weather").say(Kind::arguments, 1, "{\"city\":");
  reply.say(Kind::arguments, 1, "\"Paris\"}").end(Finish::tool_calls).finish();
  expect_right(reply);
  const Types& types = reply.stream.types();
  EXPECT_EQ(Types(types.begin() + 8, types.end()),
            (Types{"output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
                   "function_call_arguments.done", "output_item.done", "completed"}));
  EXPECT_EQ(reply.stream.events()[8]["item"],
            json_of(R"({"type":"function_call","id":"fc_2","status":"in_progress","call_id":"call_3",
                "name":"get_weather","arguments":""})"));
  EXPECT_EQ(reply.output(1), json_of(R"({"type":"function_call","id":"fc_2","status":"completed","call_id":"call_3",
      "name":"get_weather","arguments":"{\"city\":\"Paris\"}"})"));
  EXPECT_EQ(reply.whole()["status"], "completed");
}

TEST(ResponsesWriter, ACustomToolCall) {
  Reply reply(with_function("apply_patch", true));
  reply.say(Kind::call, 0, "apply_patch").say(Kind::arguments, 0, "*** Begin").end(Finish::tool_calls).finish();
  expect_right(reply);
  EXPECT_EQ(reply.stream.types(), (Types{"created", "in_progress", "output_item.added", "custom_tool_call_input.delta",
                                         "custom_tool_call_input.done", "output_item.done", "completed"}));
  EXPECT_EQ(reply.output(0), json_of(R"({"type":"custom_tool_call","id":"ctc_1","status":"completed",
      "call_id":"call_2","name":"apply_patch","input":"*** Begin"})"));
  EXPECT_EQ(reply.stream.events()[4]["input"], "*** Begin");
}

TEST(ResponsesWriter, ANamespaceIsRestored) {
  Reply reply(with_function("crm__lookup", false, "crm"));
  reply.say(Kind::call, 0, "crm__lookup").say(Kind::arguments, 0, "{}").end(Finish::tool_calls).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["name"], "lookup");
  EXPECT_EQ(reply.output(0)["namespace"], "crm");
}

TEST(ResponsesWriter, ACallOfWhatWasNotDeclaredKeepsItsName) {
  Reply reply;
  reply.say(Kind::call, 0, "crm__lookup").say(Kind::arguments, 0, "{}").end(Finish::tool_calls).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["name"], "crm__lookup");
  EXPECT_FALSE(reply.output(0).contains("namespace"));
}

TEST(ResponsesWriter, TwoCallsOfOneFunctionAreTwoItems) {
  Reply reply(with_function("f"));
  reply.say({piece(Kind::call, 0, "f", 0), piece(Kind::arguments, 0, "{\"a\":1}", 0), piece(Kind::call, 1, "f", 1),
             piece(Kind::arguments, 1, "{\"a\":2}", 1)});
  reply.end(Finish::tool_calls).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["arguments"], "{\"a\":1}");
  EXPECT_EQ(reply.output(1)["arguments"], "{\"a\":2}");
  EXPECT_NE(reply.output(0)["call_id"], reply.output(1)["call_id"]);
}

TEST(ResponsesWriter, ACallWithoutArguments) {
  Reply reply(with_function("ping"));
  reply.say(Kind::call, 0, "ping").end(Finish::tool_calls).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["arguments"], "");
}

TEST(ResponsesWriter, PreambleAndAnswerHaveTheirPhases) {
  Reply reply;
  reply.say(Kind::preamble, 0, "Let me see.").say(Kind::text, 1, "Done.").end(Finish::stop).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["phase"], "commentary");
  EXPECT_EQ(reply.output(1)["phase"], "final_answer");
}

TEST(ResponsesWriter, EmptyReasoningIsNoItem) {
  Reply reply;
  Piece empty = piece(Kind::reasoning, 0, "");
  empty.begins = empty.ends = true;
  reply.say({empty}).say(Kind::text, 1, "Hi").end(Finish::stop).finish();
  expect_right(reply);
  ASSERT_EQ(reply.whole()["output"].size(), 1u);
  EXPECT_EQ(reply.output(0)["type"], "message");
}

TEST(ResponsesWriter, AnEmptyMessageIsAnItem) {
  Reply reply;
  reply.say(Kind::preamble, 0, "").end(Finish::stop).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["content"][0]["text"], "");
  EXPECT_EQ(reply.stream.types()[4], "output_text.done");  // no delta
}

TEST(ResponsesWriter, ReasoningThatIsNotShown) {
  ResponsesQuestion asked;
  asked.question.show_reasoning = false;
  Reply reply(asked);
  reply.say(Kind::reasoning, 0, "secret").say(Kind::text, 1, "Hi").end(Finish::stop).finish(tokens(9, 3));
  expect_right(reply);
  ASSERT_EQ(reply.whole()["output"].size(), 1u);
  EXPECT_EQ(reply.whole()["usage"]["output_tokens_details"]["reasoning_tokens"], 3);
}

TEST(ResponsesWriter, NothingAtAll) {
  Reply reply;
  reply.end(Finish::stop).finish();
  expect_right(reply);
  EXPECT_EQ(reply.stream.types(), (Types{"created", "in_progress", "completed"}));
  EXPECT_EQ(reply.whole()["output"], Json::array());
}

TEST(ResponsesWriter, AnAnswerThatWasCutIsIncomplete) {
  Reply reply;
  Piece cut = piece(Kind::text, 1, "Fo");
  cut.ends = true;  // a reader ends what is open when the answer does
  reply.say(Kind::reasoning, 0, "Think.").say({cut}).end(Finish::length).finish();
  expect_right(reply);
  EXPECT_EQ(reply.stream.types().back(), "incomplete");
  EXPECT_EQ(reply.whole()["status"], "incomplete");
  EXPECT_EQ(reply.whole()["incomplete_details"], json_of(R"({"reason":"max_output_tokens"})"));
  EXPECT_EQ(reply.output(0)["status"], "completed");
  EXPECT_EQ(reply.output(1)["status"], "incomplete");
  EXPECT_FALSE(reply.whole().contains("completed_at"));
}

TEST(ResponsesWriter, ACallThatWasCutIsIncomplete) {
  Reply reply(with_function("f"));
  reply.say(Kind::call, 0, "f").say(Kind::arguments, 0, "{\"a\"").end(Finish::length).finish();
  expect_right(reply);
  EXPECT_EQ(reply.output(0)["status"], "incomplete");
  EXPECT_EQ(reply.stream.types().back(), "incomplete");
}

TEST(ResponsesWriter, AnErrorOfTheAnswer) {
  Reply reply;
  reply.say(Kind::text, 0, "Fo").end(Finish::error).finish(tokens(7));
  expect_right(reply);
  EXPECT_EQ(reply.stream.types().back(), "failed");
  EXPECT_EQ(reply.whole()["status"], "failed");
  EXPECT_EQ(reply.whole()["error"], json_of(R"({"code":"server_error","message":"a kernel failed"})"));
  EXPECT_EQ(reply.output(0)["status"], "incomplete");
  EXPECT_TRUE(reply.whole()["usage"].is_null());
}

TEST(ResponsesWriter, NothingFollowsAFailure) {
  Reply reply;
  reply.fail({.message = "first"}).say(Kind::text, 0, "Fo").fail({.message = "second"}).end(Finish::stop).finish();
  expect_right(reply);
  EXPECT_EQ(reply.whole()["error"]["message"], "first");
  EXPECT_EQ(reply.whole()["output"], Json::array());
}

TEST(ResponsesWriter, AReplyThatIsNotStreamedIsTheSame) {
  const Piece pieces[] = {piece(Kind::reasoning, 0, "Think."), piece(Kind::text, 1, "Four.")};
  ResponsesQuestion asked;
  const auto writer = responses_writer(asked, test_facts());
  std::string sent = writer->begin() + writer->pieces(0, pieces);
  sent += writer->end(0, {.finish = Finish::stop, .error = {}});
  sent += writer->finish({});
  EXPECT_EQ(sent, "");
  Reply streamed;
  streamed.say({pieces[0], pieces[1]}).end(Finish::stop).finish();
  EXPECT_EQ(writer->whole(), streamed.whole());
}

TEST(ResponsesWriter, AFailureInTheMiddle) {
  Reply reply;
  reply.say(Kind::reasoning, 0, "Thi").fail({.status = 503, .message = "the server stops"});
  expect_right(reply);
  EXPECT_EQ(reply.whole()["error"]["message"], "the server stops");
  EXPECT_EQ(reply.output(0)["status"], "incomplete");
}

TEST(ResponsesWriter, Cancelled) {
  Reply reply;
  reply.say(Kind::text, 0, "Fo").end(Finish::cancelled).finish();
  expect_right(reply);
  EXPECT_EQ(reply.whole()["status"], "cancelled");
  EXPECT_TRUE(reply.whole()["incomplete_details"].is_null());
}

TEST(ResponsesWriter, UsageAndReport) {
  ResponsesQuestion asked;
  asked.question.warnings = {"w"};
  Reply reply(asked);
  reply.say(Kind::text, 0, "Hi").end(Finish::stop);
  reply.finish({.prompt_tokens = 100,
                .cached_tokens = 64,
                .new_tokens = 9,
                .reasoning_tokens = 4,
                .written_tokens = 36,
                .answer_seconds = 1.5,
                .report = Json::object()});
  expect_right(reply);
  EXPECT_EQ(reply.whole()["usage"], json_of(R"({"input_tokens":100,
      "input_tokens_details":{"cached_tokens":64,"cache_write_tokens":36},"output_tokens":9,
      "output_tokens_details":{"reasoning_tokens":4},"total_tokens":109})"));
  EXPECT_EQ(reply.whole()["mxpath"]["warnings"][0], "w");
  EXPECT_EQ(reply.whole()["completed_at"], 1'750'000'002);
}

TEST(ResponsesWriter, NoReportUnlessThereIsOne) {
  Reply reply;
  reply.end(Finish::stop).finish();
  EXPECT_FALSE(reply.whole().contains("mxpath"));
}

TEST(ResponsesWriter, FieldsOfTheRequestAreRepeated) {
  ResponsesQuestion asked;
  asked.previous = "resp_before";
  asked.store = false;
  asked.question.asked = {{"instructions", "Be brief."}, {"tools", Json::array()}};
  Reply reply(asked);
  reply.end(Finish::stop).finish();
  for (const Json& response : {reply.stream.events()[0]["response"], reply.whole()}) {
    EXPECT_EQ(response["id"], "resp_abc");
    EXPECT_EQ(response["object"], "response");
    EXPECT_EQ(response["created_at"], 1'750'000'000);
    EXPECT_EQ(response["model"], "gpt-oss-20b");
    EXPECT_EQ(response["instructions"], "Be brief.");
    EXPECT_EQ(response["previous_response_id"], "resp_before");
    EXPECT_EQ(response["store"], false);
    EXPECT_EQ(response["truncation"], "disabled");
    EXPECT_TRUE(response["error"].is_null());
  }
}

TEST(ResponsesWriter, LogprobsStandInDeltaAndPart) {
  ResponsesQuestion asked;
  asked.question.top = 2;
  Reply reply(asked);
  Piece text = piece(Kind::text, 0, "\u00e9");
  text.logprobs = {{.bytes = "\xc3", .logprob = -0.5F, .top = {{"\xc3", -0.5F}, {"e", -1.0F}}, .token = 5},
                   {.bytes = "\xa9", .logprob = -std::numeric_limits<float>::infinity(), .top = {}, .token = 6}};
  reply.say({text}).end(Finish::stop).finish();
  expect_right(reply);
  const Json& logprobs = reply.output(0)["content"][0]["logprobs"];
  ASSERT_EQ(logprobs.size(), 2u);
  EXPECT_EQ(logprobs[0]["bytes"], Json::array({0xc3}));
  EXPECT_EQ(logprobs[0]["token"], "\uFFFD");
  EXPECT_EQ(logprobs[0]["logprob"], -0.5);
  EXPECT_EQ(logprobs[0]["top_logprobs"][1], json_of(R"({"token":"e","logprob":-1.0,"bytes":[101]})"));
  EXPECT_EQ(logprobs[1]["logprob"], -9999);
  EXPECT_EQ(reply.stream.events()[4]["logprobs"], logprobs);
  EXPECT_EQ(reply.stream.events()[5]["logprobs"], logprobs);
}

// The test's own client must be able to fail.
TEST(ResponsesAccumulator, RefusesWhatIsWrong) {
  const std::string created =
      "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,"
      "\"response\":{\"id\":\"r\",\"output\":[]}}\n\n";
  const auto problem_of = [](const std::string& bytes) {
    ResponsesAccumulator stream;
    stream.read(bytes);
    return stream.problem();
  };
  EXPECT_EQ(problem_of(created), "");
  const std::string delta =
      "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\","
      "\"sequence_number\":1,\"output_index\":0,\"item_id\":\"m\",\"delta\":\"x\"}\n\n";
  EXPECT_EQ(problem_of(created + delta), "before its item: output_text.delta");
  EXPECT_NE(problem_of(delta), "");
  EXPECT_EQ(problem_of(created + created), "sequence_number is not 1");
  const std::string added =
      "event: response.output_item.added\ndata: {\"type\":\"response.output_item.added\","
      "\"sequence_number\":1,\"output_index\":0,\"item\":{\"id\":\"m\",\"type\":\"message\","
      "\"status\":\"in_progress\",\"content\":[]}}\n\n";
  const std::string completed =
      "event: response.completed\ndata: {\"type\":\"response.completed\","
      "\"sequence_number\":2,\"response\":{\"id\":\"r\",\"output\":[]}}\n\n";
  EXPECT_EQ(problem_of(created + added + completed), "not all items are in the response");
  EXPECT_EQ(problem_of(created.substr(0, created.size() - 2)), "an event is cut");
}

}  // namespace
}  // namespace mxpath::openai
