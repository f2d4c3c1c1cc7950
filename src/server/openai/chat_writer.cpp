// Replies of Chat Completions.
#include <algorithm>
#include <utility>

#include "server/openai/reply_parts.h"

namespace mxpath::openai {
namespace {

constexpr std::string_view between_messages = "\n\n";

struct Call {
  std::string id, name, text;
  bool custom = false;
};

/// One answer, as far as it has come.
struct Choice {
  std::string content, reasoning;
  int content_message = -1, reasoning_message = -1;  // that the text is of
  std::vector<Call> calls;
  Json logprobs = Json::array();
  std::string finish;
};

/// `text` of a message, with what stands between it and the message before.
std::string joined(std::string& all, int& message_of_all, const Piece& piece) {
  std::string text = piece.text;
  if (text.empty()) return text;
  if (message_of_all != piece.message && !all.empty()) text.insert(0, between_messages);
  message_of_all = piece.message;
  all += text;
  return text;
}

class ChatWriter : public ReplyWriter {
 public:
  ChatWriter(const Question& question, ReplyFacts facts);
  std::string begin() override;
  std::string pieces(int choice, std::span<const Piece> pieces) override;
  std::string end(int choice, const AnswerEnd& end) override;
  std::string finish(const ReplyEnd& end) override;
  std::string fail(const ApiError& error) override;
  Json whole() const override;

 private:
  std::string piece(int choice, const Piece& piece);
  std::string text_piece(int choice, const Piece& piece);
  std::string reasoning_piece(int choice, const Piece& piece);
  std::string call_piece(int choice, const Piece& piece);
  std::string arguments_piece(int choice, const Piece& piece);
  std::string chunk(int choice, std::string_view delta, std::string_view logprobs = "null",
                    std::string_view finish = "") const;
  std::string last_chunk() const;
  bool is_custom(std::string_view name) const;
  void name_reasoning(Json& message, const std::string& text) const;
  Json choice_json(size_t index) const;
  Json call_json(const Call& call) const;

  const Question& question_;
  const ReplyFacts facts_;
  std::string prefix_;  // of every chunk, up to the index of its choice
  std::vector<Choice> choices_;
  std::optional<ReplyEnd> end_;
  bool failed_ = false;
};

ChatWriter::ChatWriter(const Question& question, ReplyFacts facts)
    : question_(question), facts_(std::move(facts)), choices_(static_cast<size_t>(std::max(question.choices, 1))) {
  Json head = reply_head(facts_, "chatcmpl-", "chat.completion.chunk");
  prefix_ = one_line(head);
  prefix_.back() = ',';  // instead of its closing brace
  prefix_ = "data: " + prefix_ + "\"choices\":[";
}

std::string ChatWriter::chunk(int choice, std::string_view delta, std::string_view logprobs,
                              std::string_view finish) const {
  if (!question_.stream || failed_) return "";
  return fmt::format("{}{{\"index\":{},\"delta\":{},\"logprobs\":{},\"finish_reason\":{}}}]{}}}\n\n", prefix_, choice,
                     delta, logprobs, finish.empty() ? "null" : json_text(finish),
                     question_.include_usage ? ",\"usage\":null" : "");
}

std::string ChatWriter::begin() {
  std::string out;
  for (size_t i = 0; i < choices_.size(); ++i)
    out += chunk(static_cast<int>(i), R"({"role":"assistant","content":""})");
  return out;
}

std::string ChatWriter::pieces(int choice, std::span<const Piece> pieces) {
  std::string out;
  for (const Piece& one : pieces) out += piece(choice, one);
  return out;
}

std::string ChatWriter::piece(int choice, const Piece& piece) {
  switch (piece.kind) {
    case Piece::Kind::reasoning: return reasoning_piece(choice, piece);
    case Piece::Kind::preamble:
    case Piece::Kind::text: return text_piece(choice, piece);
    case Piece::Kind::call: return call_piece(choice, piece);
    case Piece::Kind::arguments: return arguments_piece(choice, piece);
  }
  return "";
}

std::string ChatWriter::text_piece(int choice, const Piece& piece) {
  Choice& c = choices_[static_cast<size_t>(choice)];
  const std::string text = joined(c.content, c.content_message, piece);
  if (text.empty() && piece.logprobs.empty()) return "";
  if (!question_.top) return chunk(choice, "{\"content\":" + json_text(text) + "}");
  Json logprobs = Json::array();
  for (const TextLogprob& token : piece.logprobs) logprobs.push_back(logprob_json(token, *question_.top));
  c.logprobs.insert(c.logprobs.end(), logprobs.begin(), logprobs.end());
  return chunk(choice, "{\"content\":" + json_text(text) + "}",
               one_line({{"content", std::move(logprobs)}, {"refusal", nullptr}}));
}

std::string ChatWriter::reasoning_piece(int choice, const Piece& piece) {
  if (!question_.show_reasoning) return "";
  Choice& c = choices_[static_cast<size_t>(choice)];
  const std::string text = joined(c.reasoning, c.reasoning_message, piece);
  if (text.empty()) return "";
  Json delta = Json::object();
  name_reasoning(delta, text);
  return chunk(choice, one_line(delta));
}

void ChatWriter::name_reasoning(Json& message, const std::string& text) const {
  if (facts_.reasoning_field != ReasoningField::reasoning_content) message["reasoning"] = text;
  if (facts_.reasoning_field != ReasoningField::reasoning) message["reasoning_content"] = text;
}

bool ChatWriter::is_custom(std::string_view name) const {
  return std::ranges::any_of(question_.functions, [&](const Function& f) { return f.name == name && f.custom; });
}

std::string ChatWriter::call_piece(int choice, const Piece& piece) {
  auto& calls = choices_[static_cast<size_t>(choice)].calls;
  calls.push_back({"call_" + facts_.new_id(), piece.text, "", is_custom(piece.text)});
  Json delta = {{"index", calls.size() - 1}};
  delta.update(call_json(calls.back()));
  return chunk(choice, one_line({{"tool_calls", Json::array({std::move(delta)})}}));
}

std::string ChatWriter::arguments_piece(int choice, const Piece& piece) {
  auto& calls = choices_[static_cast<size_t>(choice)].calls;
  if (piece.text.empty() || calls.empty()) return "";
  calls.back().text += piece.text;
  const auto [holder, field] = calls.back().custom ? std::pair("custom", "input") : std::pair("function", "arguments");
  return chunk(choice, fmt::format("{{\"tool_calls\":[{{\"index\":{},\"{}\":{{\"{}\":{}}}}}]}}", calls.size() - 1,
                                   holder, field, json_text(piece.text)));
}

// OpenAI answers a named choice with "stop", as nothing else could come.
std::string ChatWriter::end(int choice, const AnswerEnd& end) {
  if (end.error) return fail(*end.error);
  const bool named = end.finish == Finish::tool_calls && question_.tool_choice == ToolChoice::named;
  std::string& finish = choices_[static_cast<size_t>(choice)].finish;
  finish = name_of(named ? Finish::stop : end.finish);
  return chunk(choice, "{}", "null", finish);
}

std::string ChatWriter::last_chunk() const {
  if (!question_.include_usage && end_->report.is_null()) return "";
  Json chunk = reply_head(facts_, "chatcmpl-", "chat.completion.chunk");
  chunk["choices"] = Json::array();
  add_figures(chunk, *end_, question_.warnings, question_.include_usage);
  return event_of(one_line(chunk));
}

std::string ChatWriter::finish(const ReplyEnd& end) {
  end_ = end;
  return failed_ || !question_.stream ? "" : last_chunk() + std::string(done_event);
}

std::string ChatWriter::fail(const ApiError& error) {
  if (std::exchange(failed_, true) || !question_.stream) return "";
  return error_event(error);
}

Json ChatWriter::call_json(const Call& call) const {
  if (call.custom)
    return {{"id", call.id}, {"type", "custom"}, {"custom", {{"name", call.name}, {"input", call.text}}}};
  return {{"id", call.id}, {"type", "function"}, {"function", {{"name", call.name}, {"arguments", call.text}}}};
}

Json ChatWriter::choice_json(size_t index) const {
  const Choice& c = choices_[index];
  Json message = {{"role", "assistant"}};
  message["content"] = c.content.empty() && !c.calls.empty() ? Json() : Json(c.content);
  if (!c.reasoning.empty()) name_reasoning(message, c.reasoning);
  if (!c.calls.empty()) message["tool_calls"] = Json::array();
  for (const Call& call : c.calls) message["tool_calls"].push_back(call_json(call));
  message["refusal"] = nullptr;
  Json logprobs;
  if (question_.top) logprobs = {{"content", c.logprobs}, {"refusal", nullptr}};
  return {{"index", index},
          {"message", std::move(message)},
          {"logprobs", std::move(logprobs)},
          {"finish_reason", c.finish.empty() ? Json() : Json(c.finish)}};
}

Json ChatWriter::whole() const {
  Json out = reply_head(facts_, "chatcmpl-", "chat.completion");
  Json& choices = out["choices"] = Json::array();
  for (size_t i = 0; i < choices_.size(); ++i) choices.push_back(choice_json(i));
  add_figures(out, end_.value_or(ReplyEnd()), question_.warnings, true);
  return out;
}

}  // namespace

std::unique_ptr<ReplyWriter> chat_writer(const Question& question, ReplyFacts facts) {
  return std::make_unique<ChatWriter>(question, std::move(facts));
}

}  // namespace mxpath::openai
