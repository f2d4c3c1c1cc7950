#include "server/openai/answer_reader.h"

#include "chat/utf8.h"
#include "server/openai/test_reply.h"

namespace mxpath::openai {
namespace {

constexpr std::string_view thought_and_answer =
    "<|channel|>analysis<|message|>Add them.<|end|><|start|>assistant<|channel|>final<|message|>Four, 넷.<|return|>";

std::string log(std::string_view text, const Question& question = {}) {
  return log_of(read_answer(text, question).pieces());
}

std::string visible(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& p : pieces)
    if (p.kind == Piece::Kind::text || p.kind == Piece::Kind::preamble) out += p.text;
  return out;
}

TEST(AnswerReader, MessagesBecomePieces) {
  EXPECT_EQ(log(thought_and_answer), "reasoning:Add them.|text:Four, 넷.|");
  EXPECT_EQ(log("<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.f<|channel|>commentary "
                "<|constrain|>json<|message|>{\"a\": 1}<|call|>"),
            "preamble:I look.|call 0 f:{\"a\": 1}|");
  EXPECT_EQ(log("<|channel|>analysis to=functions.f code<|message|>{}<|call|>"), "call 0 f:{}|");
  EXPECT_EQ(log(""), "");
}

TEST(AnswerReader, MessagesAndCallsAreNumbered) {
  const auto pieces = read_answer(
                          "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary "
                          "to=functions.f<|message|>{}<|end|><|start|>assistant<|channel|>commentary "
                          "to=functions.f<|message|>{}<|end|>")
                          .pieces();
  std::string numbers;
  for (const Piece& p : pieces) numbers += fmt::format("{}/{} ", p.message, p.call);
  EXPECT_EQ(numbers, "0/-1 0/-1 0/-1 1/0 1/0 1/0 2/1 2/1 2/1 ");
}

TEST(AnswerReader, EveryMessageBeginsAndEndsOnce) {
  for (const std::string_view text :
       {thought_and_answer,
        std::string_view("<|channel|>analysis<|message|><|end|><|start|>assistant<|channel|>final"
                         "<|message|>cut"),
        std::string_view("<|channel|>commentary to=functions.f<|message|><|call|>"), std::string_view("bare words")}) {
    int open = 0;
    for (const Piece& p : read_answer(text).pieces()) {
      open += p.begins;
      EXPECT_EQ(open, 1) << text;
      open -= p.ends;
    }
    EXPECT_EQ(open, 0) << text;
  }
}

TEST(AnswerReader, CountsReasoningWithItsHeaders) {
  const ReadAnswer answer = read_answer(thought_and_answer);
  const int thought = static_cast<int>(
      builtin_tokenizer().encode_with_special("<|channel|>analysis<|message|>Add them.<|end|>").size());
  EXPECT_EQ(answer.end.reasoning_tokens, thought);
  EXPECT_EQ(answer.end.new_tokens,
            static_cast<int>(builtin_tokenizer().encode_with_special(thought_and_answer).size()));
  // Cut inside the reasoning: all of it.
  const ReadAnswer cut = read_answer("<|channel|>analysis<|message|>Add");
  EXPECT_EQ(cut.end.reasoning_tokens, cut.end.new_tokens);
  EXPECT_EQ(read_answer("<|channel|>final<|message|>4<|return|>").end.reasoning_tokens, 0);
}

TEST(AnswerReader, SaysHowItEnded) {
  const auto finish = [](std::string_view text, EndReason reason) { return read_answer(text, {}, 1, reason).end; };
  constexpr std::string_view call = "<|channel|>commentary to=functions.f<|message|>{}";
  EXPECT_EQ(finish(thought_and_answer, EndReason::stop_token).finish, Finish::stop);
  EXPECT_EQ(finish("<|channel|>final<|message|>Fo", EndReason::length).finish, Finish::length);
  EXPECT_EQ(finish("<|channel|>final<|message|>Fo", EndReason::context).finish, Finish::length);
  EXPECT_EQ(finish(std::string(call) + "<|call|>", EndReason::stop_token).finish, Finish::tool_calls);
  EXPECT_EQ(finish(call, EndReason::length).finish, Finish::length);
  EXPECT_EQ(finish("<|channel|>final<|message|>Fo", EndReason::cancelled).finish, Finish::cancelled);
  // Another role speaks: the answer was over before it was cancelled.
  EXPECT_EQ(finish("<|channel|>final<|message|>Fo<|end|><|start|>user<|message|>", EndReason::cancelled).finish,
            Finish::stop);
}

TEST(AnswerReader, ErrorsComeAlong) {
  const Question question;
  AnswerReader failing(builtin_tokenizer(), question);
  const auto [pieces, end] = failing.finish(EndReason::error, Error{"a path failed"});
  EXPECT_EQ(end.finish, Finish::error);
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->status, 500);
  EXPECT_EQ(end.error->message, "a path failed");
}

TEST(AnswerReader, WhatIsSaidToStrangersIsReasoning) {
  Question question;
  question.functions = {function_named("get_weather")};
  EXPECT_EQ(log("<|channel|>commentary to=functions.get_weather<|message|>{}<|call|>", question),
            "call 0 get_weather:{}|");
  EXPECT_EQ(log("<|channel|>commentary to=get_weather<|message|>{}<|call|>", question), "call 0 get_weather:{}|");
  EXPECT_EQ(log("<|channel|>commentary to=functions.other<|message|>{}<|call|>", question), "reasoning:{}|");
  EXPECT_EQ(log("<|channel|>commentary to=python<|message|>1+1<|call|>", question), "reasoning:1+1|");
  EXPECT_EQ(read_answer("<|channel|>commentary to=python<|message|>1+1<|call|>", question).end.finish, Finish::stop);
  question.tool_choice = ToolChoice::none;
  EXPECT_EQ(log("<|channel|>commentary to=functions.get_weather<|message|>{}<|call|>", question), "reasoning:{}|");
}

TEST(AnswerReader, StopTextsEndVisibleText) {
  Question question;
  question.stop = {"END", "\n\n"};
  constexpr std::string_view answer =
      "<|channel|>analysis<|message|>END\n\n of it<|end|><|start|>assistant<|channel|>final<|message|>One ENDS here."
      " More<|return|>";
  for (const size_t step : {1, 2, 7, 1000}) {
    const ReadAnswer read = read_answer(answer, question, step);
    EXPECT_EQ(log_of(read.pieces()), "reasoning:END\n\n of it|text:One |");
    EXPECT_TRUE(read.over);
    EXPECT_TRUE(read.end.stopped_by_text);
    EXPECT_EQ(read.end.finish, Finish::stop);
  }
  // Not in the arguments of a call, and not across messages.
  EXPECT_EQ(log("<|channel|>commentary to=functions.f<|message|>END<|call|>", question), "call 0 f:END|");
  EXPECT_EQ(log("<|channel|>commentary<|message|>EN<|end|><|start|>assistant<|channel|>final<|message|>D", question),
            "preamble:EN|text:D|");
}

TEST(AnswerReader, TextWaitsWhileItCouldStop) {
  Question question;
  question.stop = {"abcd"};
  const auto read = read_answer("<|channel|>final<|message|>xx ab<|end|>", question);
  std::string before_the_end;
  for (size_t i = 0; i + 2 < read.steps.size(); ++i) before_the_end += visible(read.steps[i]);
  EXPECT_EQ(before_the_end, "xx ");
  EXPECT_EQ(visible(read.pieces()), "xx ab");
}

TEST(AnswerReader, CharactersStayWhole) {
  const std::string text = "넷 👩‍👩‍👧 é";
  std::string all;
  for (const Piece& p : read_answer("<|channel|>final<|message|>" + text + "<|return|>").pieces()) {
    EXPECT_EQ(valid_utf8_prefix(p.text), p.text.size());
    all += p.text;
  }
  EXPECT_EQ(all, text);
  // Cut inside a character.
  std::vector<Token> tokens = builtin_tokenizer().encode_with_special("<|channel|>final<|message|>");
  tokens.push_back(builtin_tokenizer().encode("👩").front());
  EXPECT_EQ(visible(read_tokens(tokens, {}).pieces()), "\uFFFD");
}

Question with_logprobs() {
  Question question;
  question.top = 1;
  return question;
}

/// "token place," of the visible ones.
std::string likelihoods(const std::vector<Piece>& pieces) {
  std::string out;
  for (const Piece& p : pieces)
    for (const TextLogprob& token : p.logprobs) out += fmt::format("{} {},", token.bytes, -token.logprob);
  return out;
}

TEST(AnswerReader, LikelihoodsAreOfVisibleTokens) {
  constexpr std::string_view answer =
      "<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>One two three<|return|>";
  for (const size_t step : {1, 2, 7, 1000}) {
    const auto pieces = read_answer(answer, with_logprobs(), step).pieces();
    EXPECT_EQ(likelihoods(pieces), "One 10, two 11, three 12,");
    for (const Piece& p : pieces)
      for (const TextLogprob& token : p.logprobs) {
        ASSERT_EQ(token.top.size(), 1u);
        EXPECT_EQ(token.top[0].first, token.bytes);
      }
  }
  EXPECT_EQ(likelihoods(read_answer(answer).pieces()), "");
}

TEST(AnswerReader, LikelihoodsStayWithTextThatWaits) {
  Question question = with_logprobs();
  question.stop = {" two three"};
  EXPECT_EQ(likelihoods(read_answer("<|channel|>final<|message|>One two four<|return|>", question).pieces()),
            "One 3, two 4, four 5,");
  EXPECT_EQ(likelihoods(read_answer("<|channel|>final<|message|>One two three<|return|>", question).pieces()),
            "One 3,");
  // Text without a channel waits until its meaning is settled.
  EXPECT_EQ(likelihoods(read_answer("One two<|return|>", with_logprobs()).pieces()), "One 0, two 1,");
}

TEST(AnswerReader, CharactersOfSeveralTokensKeepThemAll) {
  const auto tokens = builtin_tokenizer().encode("👩‍👩‍👧");
  ASSERT_GT(tokens.size(), 1u);
  const auto pieces = read_answer("<|channel|>final<|message|>👩‍👩‍👧<|return|>", with_logprobs()).pieces();
  std::string bytes;
  size_t count = 0;
  for (const Piece& p : pieces)
    for (const TextLogprob& token : p.logprobs) {
      bytes += token.bytes;
      ++count;
    }
  EXPECT_EQ(bytes, "👩‍👩‍👧");
  EXPECT_EQ(count, tokens.size());
}

TEST(AnswerReader, WithoutReasoningTheAnswerIsFinal) {
  Question question = with_logprobs();
  question.skip_reasoning = true;
  for (const char* text : {"One two<|return|>", "<|message|>One two<|return|>"}) {
    const ReadAnswer read = read_answer(text, question);
    EXPECT_EQ(log_of(read.pieces()), "text:One two|") << text;
    EXPECT_EQ(read.end.new_tokens, static_cast<int>(builtin_tokenizer().encode_with_special(text).size()));
    EXPECT_EQ(read.end.reasoning_tokens, 0);
  }
  EXPECT_EQ(likelihoods(read_answer("One two<|return|>", question).pieces()), "One 0, two 1,");
}

TEST(AnswerReader, RawTextHasNoMessages) {
  Question question = with_logprobs();
  question.harmony = false;
  const ReadAnswer read = read_answer("a<|channel|>b<|return|>", question);
  EXPECT_EQ(log_of(read.pieces()), "text:a<|channel|>b|");
  EXPECT_EQ(likelihoods(read.pieces()), "a 0,<|channel|> 1,b 2,");
  EXPECT_EQ(read.end.finish, Finish::stop);
  EXPECT_TRUE(read.over);
  EXPECT_EQ(log("a<|endoftext|>b", question), "text:a|");
  EXPECT_EQ(log("a<|call|>b", question), "text:a<|call|>b|");
  question.stop = {"b"};
  EXPECT_EQ(log("aabb", question), "text:aa|");
}

TEST(AnswerReader, WhatComesAfterTheEndIsNotHeard) {
  const Question question;
  AnswerReader reader(builtin_tokenizer(), question);
  for (const Token token : builtin_tokenizer().encode_with_special("<|channel|>final<|message|>x<|return|>"))
    (void)reader.hear(token);
  EXPECT_TRUE(reader.over());
  EXPECT_TRUE(reader.hear(builtin_tokenizer().encode("y")[0]).empty());
  EXPECT_EQ(reader.finish(EndReason::cancelled).second.new_tokens, 5);
}

}  // namespace
}  // namespace mxpath::openai
