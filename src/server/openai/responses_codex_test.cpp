// A request as Codex sends it, and what becomes of it when anything in it is another thing.
#include "base/random.h"
#include "server/openai/responses_test_support.h"

namespace mxpath::openai {
namespace {

constexpr const char* codex_request = R"({"model":"gpt-oss-20b","instructions":"You are a coding agent.","input":[
  {"type":"message","role":"developer","content":[{"type":"input_text","text":"Sandbox: read-only."}]},
  {"type":"message","role":"user","content":[{"type":"input_text","text":"<environment_context/>"}]},
  {"type":"message","role":"user","content":[{"type":"input_text","text":"List the files."}]},
  {"type":"reasoning","summary":[],"content":null,"encrypted_content":null},
  {"type":"function_call","name":"shell","arguments":"{\"command\":[\"ls\"]}","call_id":"call_1"},
  {"type":"function_call_output","call_id":"call_1","output":"a.txt\n"},
  {"type":"custom_tool_call","status":"completed","call_id":"call_2","name":"apply_patch","input":"*** Begin Patch"},
  {"type":"custom_tool_call_output","call_id":"call_2","output":"Success"}],
  "tools":[
    {"type":"function","name":"shell","description":"Runs a command.","strict":false,
     "parameters":{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"}}},
     "required":["command"],"additionalProperties":false}},
    {"type":"custom","name":"apply_patch","description":"Edits files.",
     "format":{"type":"grammar","syntax":"lark","definition":"start: \"x\""}},
    {"type":"web_search","external_web_access":false},
    {"type":"namespace","name":"mcp__docs__","description":"Docs.","tools":[{"type":"function","name":"search",
     "parameters":{"type":"object","properties":{}}}]},
    {"type":"local_shell"}],
  "tool_choice":"auto","parallel_tool_calls":false,"reasoning":{"effort":"medium","summary":"auto"},"store":false,
  "stream":true,"include":["reasoning.encrypted_content"],"prompt_cache_key":"0199-abc","text":{"verbosity":"low"},
  "client_metadata":{"x":"y"}})";

TEST(CodexRequest, IsTaken) {
  const auto asked = parse_responses(json_of(codex_request), {}, nullptr);
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  const ResponsesQuestion& q = *asked;
  EXPECT_FALSE(q.store);
  EXPECT_TRUE(q.question.stream);
  EXPECT_EQ(q.question.warnings,
            (std::vector<std::string>{"tools[2]: the tool web_search was left out; the caller runs all tools here",
                                      "tools[4]: the tool local_shell was left out; the caller runs all tools here"}));
  ASSERT_EQ(q.question.functions.size(), 3u);
  EXPECT_TRUE(q.question.functions[1].custom);
  EXPECT_EQ((*q.question.functions[1].text_format)["syntax"], "lark");
  EXPECT_EQ(q.question.functions[2].name, "mcp__docs__search");
  const std::string prompt =
      builtin_tokenizer().decode_lossy(harmony::render(builtin_tokenizer(), q.question.messages).value());
  EXPECT_NE(prompt.find("You are a coding agent.\n\nSandbox: read-only."), std::string::npos);
  EXPECT_NE(prompt.find("type apply_patch = (_: string) => any;"), std::string::npos) << prompt;
  EXPECT_NE(prompt.find("// mcp__docs__: Docs."), std::string::npos) << prompt;
  EXPECT_NE(
      prompt.find("<|start|>assistant to=functions.apply_patch<|channel|>commentary<|message|>*** Begin Patch<|call|>"
                  "<|start|>functions.apply_patch to=assistant<|channel|>commentary<|message|>Success<|end|>"),
      std::string::npos)
      << prompt;
  EXPECT_EQ(q.question.asked["tools"].size(), 5u);
}

TEST(CodexRequest, IsRepeatedInTheResponse) {
  const auto asked = parse_responses(json_of(codex_request), {}, nullptr);
  ASSERT_TRUE(asked.ok()) << asked.error().message;
  const auto writer = responses_writer(*asked, test_facts());
  writer->begin();
  writer->end(0, {});
  writer->finish({});
  const Json response = writer->whole();
  for (const char* field : {"id",
                            "object",
                            "created_at",
                            "status",
                            "background",
                            "error",
                            "incomplete_details",
                            "instructions",
                            "max_output_tokens",
                            "max_tool_calls",
                            "metadata",
                            "model",
                            "output",
                            "parallel_tool_calls",
                            "previous_response_id",
                            "prompt_cache_key",
                            "reasoning",
                            "safety_identifier",
                            "service_tier",
                            "store",
                            "temperature",
                            "text",
                            "tool_choice",
                            "tools",
                            "top_logprobs",
                            "top_p",
                            "truncation",
                            "usage",
                            "user"})
    EXPECT_TRUE(response.contains(field)) << field;
  EXPECT_EQ(response["store"], false);
}

/// One of the values inside of a value, itself too, at random.
Json& some_part(Json& json, Random& random) {
  Json* part = &json;
  while (part->is_structured() && !part->empty() && random.integer(0, 5) > 0) {
    auto next = part->begin();
    std::advance(next, random.integer(0, std::ssize(*part) - 1));
    part = &*next;
  }
  return *part;
}

TEST(CodexRequest, WhateverItHoldsItIsReadOrRefused) {
  const Json values = json_of(R"([null,true,0,-1.5,1e300,"","x","function_call","user",[],[[]],[{}],{},{"type":"x"},
      {"type":"item_reference","id":"x"},[{"type":"input_text","text":"x"}],"\u0000"])");
  const Json whole = json_of(codex_request);
  Random random(11);
  int taken = 0;
  for (int round = 0; round < 3000; ++round) {
    Json body = whole;
    for (int64_t i = random.integer(1, 3); i > 0; --i) {
      Json& part = some_part(body, random);
      part = values[static_cast<size_t>(random.integer(0, std::ssize(values) - 1))];
    }
    const auto q = parse_responses(body, {}, nullptr);
    taken += q.ok();
    if (q.ok()) continue;
    EXPECT_EQ(q.error().status, q.error().code.empty() ? 400 : 404) << body;
    EXPECT_NE(q.error().message, "") << body;
  }
  EXPECT_GT(taken, 100);
  EXPECT_LT(taken, 2700);
}

}  // namespace
}  // namespace mxpath::openai
