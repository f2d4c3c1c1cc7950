#include <gtest/gtest.h>

#include "server/openai/responses_test_support.h"

namespace mxpath::openai {
namespace {

QuestionDefaults defaults() {
  QuestionDefaults out;
  out.conversation.date = "2025-06-28";
  out.vocab = 201'088;
  return out;
}

Asked<ResponsesQuestion> asked(const std::string& body, const StoredResponse* previous = nullptr) {
  auto json = parse_json(body, "body");
  EXPECT_TRUE(json.ok()) << (json.ok() ? "" : json.error().message);
  return parse_responses(*json, defaults(), previous);
}

ResponsesQuestion right(const std::string& body, const StoredResponse* previous = nullptr) {
  auto question = asked(body, previous);
  EXPECT_TRUE(question.ok()) << (question.ok() ? "" : question.error().message);
  return question.ok() ? std::move(*question) : ResponsesQuestion();
}

std::string prompt_of(const ResponsesQuestion& asked) {
  const auto tokens = harmony::render(builtin_tokenizer(), asked.question.messages);
  return tokens.ok() ? builtin_tokenizer().decode_lossy(*tokens) : tokens.error().message;
}

/// What stands behind the system message.
std::string turns_of(const ResponsesQuestion& asked) {
  const std::string prompt = prompt_of(asked), end = "<|end|>";
  return prompt.substr(prompt.find(end) + end.size());
}

TEST(ParseResponses, AText) {
  const auto q = right(R"({"model":"gpt-oss-20b","input":"Hi"})");
  EXPECT_EQ(q.question.model, "gpt-oss-20b");
  EXPECT_EQ(turns_of(q), "<|start|>user<|message|>Hi<|end|><|start|>assistant");
  EXPECT_NE(prompt_of(q).find("Current date: 2025-06-28"), std::string::npos);
  EXPECT_TRUE(q.store);
  EXPECT_FALSE(q.question.stream);
  EXPECT_EQ(q.previous, "");
  ASSERT_EQ(q.input_items.size(), 1u);
  EXPECT_EQ(q.input_items[0]["role"], "user");
  EXPECT_EQ(q.input_items[0]["content"][0]["text"], "Hi");
  EXPECT_EQ(q.question.warnings, std::vector<std::string>{});
}

TEST(ParseResponses, InstructionsAndLeadingDevelopersAreOneMessage) {
  const auto q = right(R"({"instructions":"Be brief.","input":[{"role":"system","content":"One."},
      {"role":"developer","content":"Two."},{"role":"user","content":"Hi"},{"role":"system","content":"Three."}]})");
  EXPECT_EQ(turns_of(q),
            "<|start|>developer<|message|># Instructions\n\nBe brief.\n\nOne.\n\nTwo.<|end|>"
            "<|start|>user<|message|>Hi<|end|><|start|>developer<|message|># Instructions\n\nThree.<|end|>"
            "<|start|>assistant");
}

TEST(ParseResponses, SamplingAndSending) {
  const auto q = right(R"({"input":"Hi","temperature":0.5,"top_p":0.25,"seed":7,"max_output_tokens":33,"stream":true,
      "store":false,"include":["message.output_text.logprobs"],"top_logprobs":3})");
  EXPECT_EQ(q.question.sampling.temperature, 0.5F);
  EXPECT_EQ(q.question.sampling.top_p, 0.25F);
  EXPECT_EQ(q.question.sampling.seed, 7u);
  EXPECT_TRUE(q.question.has_seed);
  EXPECT_EQ(q.question.max_new_tokens, 33);
  EXPECT_TRUE(q.question.stream);
  EXPECT_FALSE(q.store);
  EXPECT_EQ(q.question.top, 3);
}

TEST(ParseResponses, LogprobsOnlyWhereTheyAreAskedFor) {
  EXPECT_FALSE(right(R"({"input":"Hi"})").question.top.has_value());
  EXPECT_FALSE(right(R"({"input":"Hi","top_logprobs":0,"include":["reasoning.encrypted_content"]})").question.top);
  EXPECT_EQ(right(R"({"input":"Hi","include":["message.output_text.logprobs"]})").question.top, 0);
  EXPECT_EQ(right(R"({"input":"Hi","top_logprobs":2})").question.top, 2);
}

TEST(ParseResponses, Effort) {
  EXPECT_NE(prompt_of(right(R"({"input":"Hi"})")).find("Reasoning: medium"), std::string::npos);
  EXPECT_NE(prompt_of(right(R"({"input":"Hi","reasoning":{"effort":"high"}})")).find("Reasoning: high"),
            std::string::npos);
  const auto none = right(R"({"input":"Hi","reasoning":{"effort":"none"}})");
  EXPECT_TRUE(none.question.skip_reasoning);
  EXPECT_EQ(none.question.warnings.size(), 1u);
  const auto hidden = right(R"({"input":"Hi","reasoning":{"exclude":true,"summary":"detailed"}})");
  EXPECT_FALSE(hidden.question.show_reasoning);
  EXPECT_EQ(hidden.question.warnings.size(), 1u);
}

TEST(ParseResponses, AFormat) {
  const auto q = right(R"({"input":"Hi","text":{"format":{"type":"json_schema","name":"answer","strict":true,
      "schema":{"type":"object"}},"verbosity":"low"}})");
  EXPECT_EQ(q.question.format.kind, ResponseFormat::Kind::json_schema);
  EXPECT_EQ(q.question.format.name, "answer");
  EXPECT_TRUE(q.question.format.strict);
  EXPECT_NE(prompt_of(q).find("# Response Formats\n\n## answer"), std::string::npos);
  EXPECT_EQ(q.question.asked["text"]["verbosity"], "low");
}

TEST(ParseResponses, FieldsThatAreRepeated) {
  const auto plain = right(R"({"input":"Hi"})");
  EXPECT_EQ(plain.question.asked, json_of(R"({"instructions":null,"max_output_tokens":null,"max_tool_calls":null,
      "metadata":{},"parallel_tool_calls":true,"prompt_cache_key":null,"reasoning":{"effort":"medium","summary":null},
      "safety_identifier":null,"service_tier":"default","temperature":1.0,
      "text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],"top_logprobs":0,
      "top_p":1.0,"user":null})"));
  const auto full = right(R"({"input":"Hi","instructions":"Be brief.","metadata":{"a":"b"},"parallel_tool_calls":false,
      "user":"ada","safety_identifier":"s","prompt_cache_key":"k","temperature":0.5,"max_output_tokens":9,
      "tools":[{"type":"function","name":"f"}],"tool_choice":"required","reasoning":{"effort":"low"}})");
  const Json& repeated = full.question.asked;
  QuestionDefaults warm = defaults();
  warm.sampling.temperature = 0.7F;
  EXPECT_EQ(parse_responses({{"input", "Hi"}}, warm, nullptr)->question.asked["temperature"], 0.7);
  EXPECT_EQ(repeated["instructions"], "Be brief.");
  EXPECT_EQ(repeated["metadata"], json_of(R"({"a":"b"})"));
  EXPECT_EQ(repeated["parallel_tool_calls"], false);
  EXPECT_EQ(repeated["user"], "ada");
  EXPECT_EQ(repeated["temperature"], 0.5);
  EXPECT_EQ(repeated["max_output_tokens"], 9);
  EXPECT_EQ(repeated["tools"], json_of(R"([{"type":"function","name":"f"}])"));
  EXPECT_EQ(repeated["tool_choice"], "required");
  EXPECT_EQ(repeated["reasoning"]["effort"], "low");
}

StoredResponse stored() {
  StoredResponse out;
  out.input =
      json_of(R"([{"type":"message","id":"msg_1","role":"user","content":[{"type":"input_text","text":"Hi"}]}])");
  out.response = json_of(R"({"id":"resp_1","instructions":"Old rule.","output":[
      {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"Think."}]},
      {"type":"function_call","id":"fc_1","call_id":"call_1","name":"f","arguments":"{}","status":"completed"}]})");
  return out;
}

TEST(ParseResponses, GoesOnWithAToolLoop) {
  const StoredResponse before = stored();
  const auto q = right(R"({"previous_response_id":"resp_1","input":[
      {"type":"function_call_output","call_id":"call_1","output":"x"}]})",
                       &before);
  EXPECT_EQ(q.previous, "resp_1");
  EXPECT_EQ(turns_of(q),
            "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>analysis<|message|>Think.<|end|>"
            "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
            "<|start|>functions.f to=assistant<|channel|>commentary<|message|>x<|end|><|start|>assistant");
  ASSERT_EQ(q.input_items.size(), 1u);  // the earlier ones are in the store
  const Json all = stored_input(q, &before);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1]["id"], "rs_1");
  EXPECT_EQ(all[3]["call_id"], "call_1");
}

TEST(ParseResponses, ReasoningIsDroppedWhenTheUserSpeaks) {
  const StoredResponse before = stored();
  const auto q = right(R"({"previous_response_id":"resp_1","input":[
      {"type":"function_call_output","call_id":"call_1","output":"x"},{"role":"user","content":"And?"}]})",
                       &before);
  EXPECT_EQ(prompt_of(q).find("Think."), std::string::npos);
  EXPECT_NE(prompt_of(q).find("And?"), std::string::npos);
}

TEST(ParseResponses, EarlierInstructionsAreNotCarriedOver) {
  const StoredResponse before = stored();
  const std::string input = R"("previous_response_id":"resp_1","input":[
      {"type":"function_call_output","call_id":"call_1","output":"x"}])";
  EXPECT_EQ(prompt_of(right("{" + input + "}", &before)).find("Old rule."), std::string::npos);
  const std::string prompt = prompt_of(right("{\"instructions\":\"New rule.\"," + input + "}", &before));
  EXPECT_NE(prompt.find("New rule."), std::string::npos);
  EXPECT_EQ(prompt.find("Old rule."), std::string::npos);
}

TEST(ParseResponses, AResponseThatIsNotStored) {
  const auto q = asked(R"({"previous_response_id":"resp_9","input":"Hi"})");
  ASSERT_FALSE(q.ok());
  EXPECT_EQ(q.error().status, 404);
  EXPECT_EQ(q.error().code, "previous_response_not_found");
  EXPECT_EQ(q.error().param, "previous_response_id");
  EXPECT_EQ(previous_response_id(json_of(R"({"previous_response_id":"resp_9"})")), "resp_9");
  EXPECT_EQ(previous_response_id(json_of(R"({"previous_response_id":9})")), "");
  EXPECT_EQ(previous_response_id(json_of("[]")), "");
}

TEST(ParseResponses, EmptyInput) {
  const StoredResponse before = stored();
  for (const char* input : {R"("input":"")", R"("input":[])", R"("input":null)", R"("model":"m")"}) {
    const auto refused = asked(fmt::format("{{{}}}", input));
    ASSERT_FALSE(refused.ok()) << input;
    EXPECT_EQ(refused.error().param, "input");
    EXPECT_TRUE(asked(fmt::format(R"({{{},"max_output_tokens":1}})", input)).ok()) << input;
    EXPECT_TRUE(asked(fmt::format(R"({{{},"previous_response_id":"resp_1"}})", input), &before).ok()) << input;
  }
  EXPECT_EQ(turns_of(right(R"({"input":[],"max_output_tokens":1})")), "<|start|>assistant");
}

TEST(ParseResponses, ToolsOfItems) {
  const auto q = right(R"({"tools":[{"name":"f","description":"Old."},{"name":"g"}],"input":[
      {"type":"additional_tools","role":"developer","tools":[{"name":"f","description":"New."},{"name":"h"}]},
      {"role":"user","content":"Hi"}],"tool_choice":{"type":"function","name":"h"}})");
  ASSERT_EQ(q.question.functions.size(), 3u);
  EXPECT_EQ(q.question.functions[0].description, "New.");
  EXPECT_EQ(q.question.named, "h");
  const std::string prompt = prompt_of(q);
  EXPECT_NE(prompt.find("type h = () => any;"), std::string::npos) << prompt;
  EXPECT_EQ(prompt.find("Old."), std::string::npos);
}

TEST(ParseResponses, ToolsAreNotOfferedWhereNoneMayBeCalled) {
  const auto q = right(R"({"input":"Hi","tools":[{"name":"f"}],"tool_choice":"none"})");
  EXPECT_EQ(prompt_of(q).find("type f ="), std::string::npos);
  EXPECT_EQ(q.question.functions.size(), 1u);  // so that calls of it are known for what they are
}

TEST(ParseResponses, TooManyTools) {
  Json list = Json::array();
  for (int i = 0; i < 1025; ++i) list.push_back({{"name", fmt::format("f{}", i)}});
  EXPECT_EQ(parse_responses({{"input", "Hi"}, {"tools", list}}, defaults(), nullptr).error().param, "tools");
  list.erase(0);
  EXPECT_TRUE(parse_responses({{"input", "Hi"}, {"tools", list}}, defaults(), nullptr).ok());
}

TEST(ParseResponses, UnknownFieldsAreTold) {
  const auto q = right(R"({"input":"Hi","temprature":1,"include":["file_search_call.results"]})");
  ASSERT_EQ(q.question.warnings.size(), 2u);
  EXPECT_NE(q.question.warnings[0].find("file_search_call.results"), std::string::npos);
  EXPECT_NE(q.question.warnings[1].find("temperature"), std::string::npos) << q.question.warnings[1];
}

TEST(ParseResponses, FieldsThatSayNothing) {
  EXPECT_TRUE(asked(R"({"input":"Hi","background":false,"conversation":null,"prompt":null,"truncation":"disabled",
      "previous_response_id":null,"tools":null,"tool_choice":null,"reasoning":null,"text":null,"include":null,
      "metadata":null,"temperature":null,"top_p":null,"store":null,"stream":null,"user":null})")
                  .ok());
}

TEST(ParseResponses, ErrorsNameTheField) {
  const std::pair<const char*, const char*> wrong[] = {
      {R"("background":true)", "background"},
      {R"("conversation":"conv_1")", "conversation"},
      {R"("conversation":{"id":"conv_1"})", "conversation"},
      {R"("prompt":{"id":"pmpt_1"})", "prompt"},
      {R"("truncation":"auto")", "truncation"},
      {R"("truncation":"some")", "truncation"},
      {R"("previous_response_id":5)", "previous_response_id"},
      {R"("model":5)", "model"},
      {R"("stream":"true")", "stream"},
      {R"("stream_options":true)", "stream_options"},
      {R"("store":1)", "store"},
      {R"("instructions":["x"])", "instructions"},
      {R"("max_output_tokens":0)", "max_output_tokens"},
      {R"("max_output_tokens":1.5)", "max_output_tokens"},
      {R"("max_output_tokens":1e300)", "max_output_tokens"},
      {R"("temperature":3)", "temperature"},
      {R"("top_p":"1")", "top_p"},
      {R"("top_logprobs":21)", "top_logprobs"},
      {R"("include":"reasoning.encrypted_content")", "include"},
      {R"("include":[5])", "include[0]"},
      {R"("reasoning":{"effort":"huge"})", "reasoning.effort"},
      {R"("reasoning":{"summary":"long"})", "reasoning.summary"},
      {R"("reasoning":"high")", "reasoning"},
      {R"("text":{"verbosity":"loud"})", "text.verbosity"},
      {R"("text":{"format":{"type":"xml"}})", "text.format.type"},
      {R"("text":{"format":{"type":"json_schema","name":"a"}})", "text.format.schema"},
      {R"("metadata":{"a":1})", "metadata.a"},
      {R"("user":5)", "user"},
      {R"("parallel_tool_calls":"no")", "parallel_tool_calls"},
      {R"("tools":{})", "tools"},
      {R"("tools":[{"type":"function"}])", "tools[0].name"},
  };
  for (const auto& [field, path] : wrong) {
    const auto q = asked(fmt::format(R"({{"input":"Hi",{}}})", field));
    ASSERT_FALSE(q.ok()) << field;
    EXPECT_EQ(q.error().param, path) << q.error().message;
    EXPECT_EQ(q.error().status, 400);
  }
  EXPECT_FALSE(asked("[]").ok());
  EXPECT_EQ(asked(R"({"input":5})").error().param, "input");
}

}  // namespace
}  // namespace mxpath::openai
