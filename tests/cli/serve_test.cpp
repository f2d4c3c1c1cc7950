// `mxpath serve` as its clients see it: real sockets, real models.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "grammar/answer_rules.h"
#include "scripted_model.h"
#include "served_demo.h"

namespace mxpath {
namespace {

TEST_F(Served, AnswersAQuestion) {
  const auto answer = program->post("/v1/chat/completions", chat("Solve 7x + 12 = 61."));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json json = json_of(answer);
  EXPECT_NE(json["choices"][0]["message"]["content"].get<std::string>().find("7"), std::string::npos) << answer.body;
  EXPECT_FALSE(json["choices"][0]["message"]["reasoning"].get<std::string>().empty());
  EXPECT_EQ(json["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(json["object"], "chat.completion");
}

TEST_F(Served, StreamsTheSameAnswer) {
  const Json whole = json_of(program->post("/v1/chat/completions", chat("Solve 3x + 4 = 19.")));
  auto client = program->client();
  client.post("/v1/chat/completions",
              chat("Solve 3x + 4 = 19.", R"(,"stream":true,"stream_options":{"include_usage":true})"),
              "Content-Type: application/json\r\n");
  const auto head = client.head();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers.at("content-type"), "text/event-stream");
  std::string content, reasoning, last;
  Json usage;
  for (std::string event; !(event = client.event()).empty(); last = event) {
    if (!event.starts_with("data: {")) continue;
    const Json chunk = Json::parse(event.substr(6));
    if (chunk.contains("usage") && chunk["usage"].is_object()) usage = chunk["usage"];
    if (chunk["choices"].empty()) continue;
    const Json& delta = chunk["choices"][0]["delta"];
    if (delta.contains("content") && delta["content"].is_string()) content += delta["content"];
    if (delta.contains("reasoning")) reasoning += delta["reasoning"];
  }
  EXPECT_EQ(last, "data: [DONE]");
  EXPECT_EQ(content, whole["choices"][0]["message"]["content"]);
  EXPECT_EQ(reasoning, whole["choices"][0]["message"]["reasoning"]);
  EXPECT_EQ(usage["completion_tokens"], whole["usage"]["completion_tokens"]);
}

TEST_F(Served, ManyAtOnceAsEachAlone) {
  std::vector<std::string> alone;
  for (int i = 0; i < 12; ++i)
    alone.push_back(json_of(program->post(
        "/v1/chat/completions",
        chat(fmt::format("Solve {}x + {} = {}.", i + 2, i, 5 * i + 10))))["choices"][0]["message"]["content"]);
  std::vector<http::test::Client> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(program->client());
    clients.back().post("/v1/chat/completions", chat(fmt::format("Solve {}x + {} = {}.", i + 2, i, 5 * i + 10)),
                        "Content-Type: application/json\r\n");
  }
  for (size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(json_of(clients[i].answer())["choices"][0]["message"]["content"], alone[i]);
}

TEST_F(Served, FindsWhatItReadBefore) {
  const std::string body = chat("Solve 9x - 1 = 80, and say how.");
  program->post("/v1/chat/completions", body);
  const Json again = json_of(program->post("/v1/chat/completions", body, "X-Mxpath-Report: 1\r\n"));
  const int prompt = again["usage"]["prompt_tokens"], cached = again["usage"]["prompt_tokens_details"]["cached_tokens"];
  EXPECT_EQ(cached, prompt - 1) << "all but the last token";
  EXPECT_EQ(again["mxpath"]["cached_tokens"], cached);
  EXPECT_FALSE(again["mxpath"]["paths"].empty());
  const Json other = json_of(
      program->post("/v1/chat/completions", chat("Solve 9x - 1 = 80, and say how.", R"(,"cache_salt":"mine")")));
  EXPECT_EQ(other["usage"]["prompt_tokens_details"]["cached_tokens"], 0) << "another salt shares nothing";
}

TEST_F(Served, ResponsesAreStoredAndContinued) {
  const auto first = program->post("/v1/responses", R"({"input":"Solve 7x + 12 = 61.","temperature":0})");
  ASSERT_EQ(first.status, 200) << first.body;
  const Json response = json_of(first);
  EXPECT_EQ(response["status"], "completed");
  const std::string id = response["id"];
  EXPECT_EQ(json_of(program->get("/v1/responses/" + id)), response);
  EXPECT_EQ(json_of(program->get("/v1/responses/" + id + "/input_items"))["data"].size(), 1u);
  const auto second = program->post("/v1/responses", R"({"input":"And 2x = 8?","previous_response_id":")" + id + "\"}");
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_GT(json_of(second)["usage"]["input_tokens"], response["usage"]["input_tokens"]);
  EXPECT_EQ(program->post("/v1/responses", R"({"input":"x","previous_response_id":"resp_none"})").status, 404);
  auto client = program->client();
  client.send("DELETE /v1/responses/" + id + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(client.answer().status, 200);
  EXPECT_EQ(program->get("/v1/responses/" + id).status, 404);
}

TEST_F(Served, SaysWhatItIs) {
  EXPECT_EQ(program->get("/health").status, 200);
  EXPECT_EQ(program->get("/readyz").status, 200);
  EXPECT_EQ(json_of(program->get("/v1/models"))["data"][0]["id"], "demo");
  EXPECT_EQ(json_of(program->get("/v1/models/demo"))["object"], "model");
  EXPECT_EQ(program->get("/v1/models/other").status, 404);
  EXPECT_TRUE(json_of(program->get("/v1/plan")).contains("sites"));
  EXPECT_NE(program->get("/v1/plan?machine=h200&model=demo").body.find("H200"), std::string::npos);
  EXPECT_EQ(program->get("/v1/plan?machine=nosuch").status, 400);
  EXPECT_NE(program->get("/metrics").body.find("vllm:generation_tokens_total"), std::string::npos);
  EXPECT_NE(program->get("/").headers.at("content-security-policy").find("default-src 'none'"), std::string::npos);
  EXPECT_TRUE(json_of(program->get("/props")).contains("total_slots"));
  EXPECT_TRUE(json_of(program->get("/slots")).is_array());
  EXPECT_TRUE(json_of(program->get("/api/tags")).contains("models"));
  EXPECT_TRUE(json_of(program->get("/api/version")).contains("version"));
}

TEST_F(Served, DescribesEveryRouteThatItHas) {
  const Json api = json_of(program->get("/openapi.json"));
  for (const auto& [path, methods] : api["paths"].items())
    for (const auto& [method, operation] : methods.items()) {
      std::string there = path;
      if (const size_t id = there.find("{id}"); id != there.npos) there.replace(id, 4, "none");
      auto client = program->client();
      std::string upper = method;
      for (char& c : upper) c = static_cast<char>(std::toupper(c));
      client.send(upper + " " + there +
                  " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
      const auto answer = client.answer();
      const std::string code = answer.status >= 400 && answer.body.starts_with("{") ? code_of(answer) : "";
      EXPECT_NE(answer.status, 405) << upper << " " << there;
      EXPECT_FALSE(answer.status == 404 && answer.body.find("there is nothing at") != std::string::npos)
          << upper << " " << there;
      EXPECT_TRUE(operation["responses"].contains(std::to_string(answer.status)))
          << upper << " " << there << " gave " << answer.status;
    }
}

TEST_F(Served, PromptsAreCountedBeforeTheyAreAsked) {
  const std::string body = chat("Solve 7x + 12 = 61.");
  const Json asked = json_of(program->post("/v1/chat/completions", body));
  const Json counted = json_of(program->post("/v1/chat/completions/input_tokens", body));
  EXPECT_EQ(counted["input_tokens"], asked["usage"]["prompt_tokens"]);
  const Json capacity = json_of(program->post("/v1/capacity", body));
  EXPECT_EQ(capacity["fits"], true);
  EXPECT_EQ(capacity["prompt_tokens"], counted["input_tokens"]);
  EXPECT_EQ(capacity["cached_tokens"].get<int>(), counted["input_tokens"].get<int>() - 1);
  const Json prompt = json_of(program->post("/apply-template", body));
  EXPECT_EQ(prompt["tokens"].size(), counted["input_tokens"]);
  EXPECT_EQ(json_of(program->post("/detokenize", Json{{"tokens", prompt["tokens"]}}.dump()))["content"],
            prompt["prompt"]);
  EXPECT_EQ(json_of(program->post("/tokenize", R"({"content":"7x","with_pieces":true})"))["tokens"][0]["piece"], "7");
}

TEST_F(Served, RefusalsHaveAStatusAndAField) {
  EXPECT_EQ(program->get("/nowhere").status, 404);
  const auto wrong = program->get("/v1/chat/completions");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.at("allow"), "POST");
  EXPECT_EQ(program->post("/v1/chat/completions", "{").status, 400);
  EXPECT_EQ(
      json_of(program->post("/v1/chat/completions", R"({"messages":[{"role":"user","content":5}]})"))["error"]["param"],
      "messages[0].content");
  EXPECT_EQ(code_of(program->post("/v1/chat/completions", chat("x", R"(,"model":"gpt-5")"))), "model_not_found");
  auto form = program->client();
  form.post("/v1/chat/completions", chat("x"), "Content-Type: text/plain\r\n");
  EXPECT_EQ(form.answer().status, 415);
  EXPECT_EQ(program->post("/v1/chat/completions", chat("x"), "Origin: https://evil.example\r\n").status, 403);
  auto rebound = program->client();
  rebound.send("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n");
  EXPECT_EQ(rebound.answer().status, 403);
  std::string deep = R"({"messages":)";
  for (int i = 0; i < 100; ++i) deep += "[";
  for (int i = 0; i < 100; ++i) deep += "]";
  EXPECT_EQ(program->post("/v1/chat/completions", deep + "}").status, 400);
}

TEST_F(Served, WhatIsTooLongIsRefusedAndNeverCut) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "7 ";
  const auto answer = program->post("/v1/chat/completions", chat(text, R"(,"stream":true)"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(code_of(answer), "context_length_exceeded");
  const Json error = json_of(answer)["error"];
  EXPECT_NE(error["message"].get<std::string>().find("maximum context length is"), std::string::npos);
  EXPECT_GT(error["n_prompt_tokens"], error["n_ctx"]);
  EXPECT_EQ(json_of(program->post("/v1/capacity", chat(text)))["fits"], false);
}

// 64 bodies that threw on a worker were counted for ever, and nobody was answered any more.
TEST_F(Served, WhatThrowsIsOnlyItsOwnError) {
  const std::string schema = R"({"$ref":"#/anyOf/99999999999999999999","anyOf":[{}]})";
  for (int i = 0; i < 70; ++i) {
    const auto answer = program->post(
        "/v1/chat/completions",
        chat("x", R"(,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":)" + schema + "}}"));
    ASSERT_EQ(answer.status, 400) << i << " " << answer.body;
  }
  EXPECT_EQ(program->post("/v1/chat/completions", chat("Solve 2x = 8.")).status, 200);
}

// A ban put an answer without harmony under harmony's rules.
TEST_F(Served, BansInPlainTextBanAndNothingElse) {
  const std::string plain = R"({"prompt":"hello","max_tokens":12,"temperature":0)";
  const Json free = json_of(program->post("/v1/completions", plain + "}"));
  const Json banned = json_of(program->post("/v1/completions", plain + R"(,"logit_bias":{"5":-100}})"));
  EXPECT_EQ(free["choices"][0]["text"], banned["choices"][0]["text"]) << "token 5 was not part of it";
  EXPECT_EQ(banned["choices"][0]["text"].get<std::string>().find("<|channel|>"), std::string::npos);
}

// With effort none a required call was a text.
TEST_F(Served, ARequiredCallComesWithoutReasoningToo) {
  if (!grammar::has_grammars()) GTEST_SKIP() << "arguments follow no schema in this build";
  const Json schema = {{"type", "object"},
                       {"properties", {{"id", {{"type", "boolean"}}}}},
                       {"required", {"id"}},
                       {"additionalProperties", false}};
  const Json tool = {{"type", "function"}, {"function", {{"name", "look"}, {"parameters", schema}}}};
  const std::string tools =
      R"(,"reasoning_effort":"none","tool_choice":"required","max_tokens":200,"tools":)" + Json::array({tool}).dump();
  const auto answer = program->post("/v1/chat/completions", chat("x", tools));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json choice = json_of(answer)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls") << answer.body;
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "look");
}

// Fewer answers were made than the best were to be picked of.
TEST_F(Served, TheBestOfSeveralIsOneThatWasMade) {
  const Json json =
      json_of(program->post("/v1/completions", R"({"prompt":"Solve 7x","max_tokens":8,"best_of":3,"temperature":1})"));
  ASSERT_EQ(json["choices"].size(), 1u);
  EXPECT_FALSE(json["choices"][0]["text"].get<std::string>().empty());
  EXPECT_EQ(json["choices"][0]["finish_reason"], "length");
}

TEST_F(Served, AConnectionThatClosesStopsItsAnswer) {
  const auto running = [&] { return json_of(program->get("/slots")).size(); };
  {
    auto client = program->client();
    client.post("/v1/completions",
                R"({"prompt":"1 2 3 4","max_tokens":100000,"temperature":1,"stream":true,"logit_bias":{}})",
                "Content-Type: application/json\r\n");
    client.head();
    client.event();
  }
  for (int i = 0; i < 200 && running() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(running(), 0u);
}

TEST(Serve, CallsOfToolsAndSchemas) {
  const TestFolder folder;
  const std::string call = write_scripted_model(
      folder, "calls",
      {"<|channel|>",   "analysis",    "<|message|>", "Let", " me", " look",     ".", "<|end|>", "<|start|>",
       "assistant",     "<|channel|>", "commentary",  " to", "=",   "functions", ".", "look",    " ",
       "<|constrain|>", "json",        "<|message|>", "{\"", "id",  "\":",       " ", "4",       "}",
       "<|call|>"});
  const ServedProgram program({call, "--no-date"});
  const Json schema = {{"type", "object"},
                       {"properties", {{"id", {{"type", "integer"}}}}},
                       {"required", {"id"}},
                       {"additionalProperties", false}};
  const Json function = {{"name", "look"}, {"parameters", schema}};
  const std::string tools = ",\"tools\":" + Json::array({{{"type", "function"}, {"function", function}}}).dump();
  const auto answer = program.post("/v1/chat/completions",
                                   R"({"messages":[{"role":"user","content":"x"}],"temperature":0)" + tools + "}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const Json choice = json_of(answer)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls") << answer.body;
  EXPECT_EQ(choice["message"]["tool_calls"][0]["function"]["name"], "look");
  EXPECT_EQ(Json::parse(choice["message"]["tool_calls"][0]["function"]["arguments"].get<std::string>())["id"], 4);
  EXPECT_EQ(choice["message"]["content"], nullptr);
  // What was thought before the call is put back where the client drops it.
  const std::string history =
      R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":)" +
      choice["message"]["tool_calls"].dump() + R"(},{"role":"tool","tool_call_id":)" +
      choice["message"]["tool_calls"][0]["id"].dump() + R"(,"content":"42"}])" + tools + "}";
  EXPECT_NE(json_of(program.post("/apply-template", history))["prompt"].get<std::string>().find("Let me look."),
            std::string::npos);
}

// Seven of eight questions at once were told that the queue is full while all places were free.
TEST(Serve, OnlyThoseThatWaitAreCounted) {
  const ServedProgram program({"--max-queue", "1", "--sequences", "8"});
  std::vector<http::test::Client> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(program.client());
    clients.back().post("/v1/chat/completions", R"({"messages":[{"role":"user","content":"Solve 2x = 8."}]})",
                        "Content-Type: application/json\r\n");
  }
  for (auto& client : clients) EXPECT_EQ(client.answer().status, 200);
}

// A plan for another machine could name any file of this computer, and said what was in it.
TEST_F(Served, PlansAreForMachinesAndNeverForFiles) {
  EXPECT_EQ(program->get("/v1/plan?machine=4x%20rtx_3090").status, 200);
  const auto file = program->get("/v1/plan?machine=/etc/passwd");
  EXPECT_EQ(file.status, 400);
  EXPECT_EQ(file.body.find("JSON"), std::string::npos) << "it was read: " << file.body;
  EXPECT_EQ(program->get("/v1/plan?machine=h200&model=/etc").status, 404);
}

// Sentences of the plan held marks where they speak of options.
TEST(Serve, OptionsAreNamedAsOnTheCommandLine) {
  const ServedProgram program({"--exclude", "linear.cpu.portable.*", "--deterministic"});
  const std::string plan = program.get("/v1/plan").body;
  EXPECT_NE(plan.find("excluded by --exclude linear.cpu.portable.*"), std::string::npos);
  EXPECT_EQ(plan.find("\\u000e"), std::string::npos) << "a mark";
}

TEST(Serve, WrongOptionsAreRefused) {
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"--api-key", ""},
                                             {"--max-wait", "-1"},
                                             {"--max-reply-seconds", "-1"},
                                             {"--drain", "-1"},
                                             {"--cors-origin", "example.org"}}) {
    ServedProgram program(wrong, false);
    EXPECT_EQ(program.end(), 2) << wrong[0];
  }
}

TEST(Serve, KeysAreAsked) {
  const ServedProgram program({"--api-key", "secret"});
  EXPECT_EQ(program.get("/v1/models").status, 401);
  EXPECT_EQ(program.get("/v1/models", "Authorization: Bearer wrong\r\n").status, 401);
  EXPECT_EQ(program.get("/v1/models", "Authorization: Bearer secret\r\n").status, 200);
  EXPECT_EQ(program.get("/v1/models", "x-api-key: secret\r\n").status, 200);
  EXPECT_EQ(program.get("/health").status, 200);
  EXPECT_EQ(program.get("/metrics").status, 401);
}

TEST(Serve, EndsWhenTold) {
  ServedProgram idle({});
  idle.signal(SIGTERM);
  EXPECT_EQ(idle.end(), 0);
}

TEST(Serve, LetsAnswersEndWhenTold) {
  ServedProgram program({"--drain", "20"});
  auto client = program.client();
  client.post("/v1/completions", R"({"prompt":"1 2 3 4","max_tokens":400,"temperature":0,"stream":true})",
              "Content-Type: application/json\r\n");
  client.head();
  client.event();
  program.signal(SIGTERM);
  std::string last;
  for (std::string event; !(event = client.event()).empty();) last = event;
  EXPECT_EQ(last, "data: [DONE]");
  EXPECT_EQ(program.end(), 0);
}

TEST(Serve, AModelThatIsNotThereIsAnError) {
  ServedProgram program({"/no/such/model"}, false);
  EXPECT_EQ(program.end(), 1);
}

TEST(Serve, APortThatIsTakenIsAnError) {
  const ServedProgram first({});
  ServedProgram second({"--port", std::to_string(first.port())}, false);
  EXPECT_EQ(second.end(), 1);
}

}  // namespace
}  // namespace mxpath
