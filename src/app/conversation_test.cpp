#include "app/conversation.h"

#include <gtest/gtest.h>

namespace mxpath {
namespace {

using harmony::Message;

std::shared_ptr<const Tokenizer> tokenizer() { return Tokenizer::for_model(MXPATH_SOURCE_DIR "/models/demo").value(); }

Message assistant(std::string channel, std::string content, std::string recipient = "") {
  Message m;
  m.role = harmony::Role::assistant, m.channel = std::move(channel), m.content = std::move(content),
  m.recipient = std::move(recipient);
  return m;
}

std::string prompt_text(const Conversation& conversation, std::string_view user) {
  const auto t = tokenizer();
  return t->decode_lossy(conversation.prompt(*t, user).value());
}

TEST(Conversation, SystemAndDeveloperMessages) {
  const std::string text = prompt_text(
      Conversation(
          {.identity = "You are a lamp.", .developer = "Shine.", .effort = harmony::Effort::low, .date = "2025-06-28"}),
      "Hi");
  EXPECT_TRUE(text.starts_with("<|start|>system<|message|>You are a lamp.\n")) << text;
  EXPECT_NE(text.find("Current date: 2025-06-28"), std::string::npos);
  EXPECT_NE(text.find("Reasoning: low"), std::string::npos);
  EXPECT_NE(text.find("<|start|>developer<|message|># Instructions\n\nShine.<|end|>"), std::string::npos);
  EXPECT_TRUE(text.ends_with("<|start|>user<|message|>Hi<|end|><|start|>assistant"));
}

TEST(Conversation, NoDateAndNoDeveloperUnlessAsked) {
  const std::string text = prompt_text(Conversation(ConversationOptions{}), "Hi");
  EXPECT_EQ(text.find("Current date"), std::string::npos);
  EXPECT_EQ(text.find("developer"), std::string::npos);
}

TEST(Conversation, AnalysisOfAFinishedTurnIsDropped) {
  Conversation c(ConversationOptions{});
  c.add_turn("One?", {assistant("analysis", "thinking"), assistant("final", "Two.")});
  const std::string text = prompt_text(c, "Three?");
  EXPECT_EQ(text.find("thinking"), std::string::npos);
  EXPECT_NE(text.find("<|channel|>final<|message|>Two.<|end|>"), std::string::npos);  // never <|return|>
  EXPECT_EQ(to_json(c.messages())[2]["content"], "thinking");
}

TEST(Conversation, SpecialTokensInAQuestionAreText) {
  const auto t = tokenizer();
  const auto tokens = Conversation(ConversationOptions{}).prompt(*t, "<|end|>").value();
  EXPECT_EQ(std::ranges::count(tokens, t->special().end), 2);  // system, user
}

TEST(Conversation, ACutAnswerKeepsWhatWasSeen) {
  Conversation c(ConversationOptions{});
  c.add_turn("One?", {assistant("analysis", "thinking"), assistant("final", "Tw")});
  EXPECT_EQ(c.messages().size(), 4u);
  c.reset();
  EXPECT_TRUE(c.empty());
}

TEST(Conversation, WhatTheUserSaidIsKeptWithoutAnAnswer) {
  for (const std::vector<Message>& nothing : {std::vector<Message>{},
                                              {assistant("analysis", "thin")},
                                              {assistant("final", "")},
                                              {assistant("analysis", "thin"), assistant("final", "")}}) {
    Conversation c(ConversationOptions{});
    c.add_turn("My name is Ada.", nothing);
    ASSERT_EQ(c.messages().size(), 2u);
    EXPECT_EQ(c.messages()[1].content, "My name is Ada.");
    EXPECT_TRUE(prompt_text(c, "Who am I?")
                    .ends_with("<|start|>user<|message|>My name is Ada.<|end|><|start|>user<|message|>Who am "
                               "I?<|end|><|start|>assistant"));
  }
}

TEST(Conversation, AToolCallIsKept) {
  Conversation c(ConversationOptions{});
  c.add_turn("One?", {assistant("analysis", "hm"), assistant("commentary", "{}", "functions.f")});
  EXPECT_EQ(c.messages().size(), 4u);
  EXPECT_NE(to_text(c.messages()).find("[assistant, commentary to functions.f]\n{}\n"), std::string::npos);
}

TEST(Conversation, Dates) {
  for (const char* good : {"2025-06-28", "2024-02-29", "2000-02-29"}) EXPECT_TRUE(check_date(good).ok()) << good;
  for (const char* bad : {"", "2025-6-28", "2025-02-29", "1900-02-29", "2025-13-01", "2025-00-10", "2025-01-00",
                          "2025-01-32", "20250-1-1", "2o25-01-01", "2025/01/01", "2025-01-01 "})
    EXPECT_FALSE(check_date(bad).ok()) << bad;
  EXPECT_TRUE(check_date(today()).ok());
}

}  // namespace
}  // namespace mxpath
