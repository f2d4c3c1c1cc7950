#include <cmath>
#include <optional>
#include <utility>

#include "server/openai/reply_parts.h"
#include "server/openai/responses_names.h"
#include "server/openai/responses_object.h"

namespace mxpath::openai {
namespace {

class ResponsesWriter final : public ReplyWriter {
 public:
  ResponsesWriter(const ResponsesQuestion& question, ReplyFacts facts)
      : question_(question), facts_(std::move(facts)), response_(response_object(question_, facts_, "in_progress")) {}

  std::string begin() override;
  std::string pieces(int choice, std::span<const Piece> pieces) override;
  std::string end(int choice, const AnswerEnd& end) override;
  std::string finish(const ReplyEnd& end) override;
  std::string fail(const ApiError& error) override;
  Json whole() const override { return response_; }

 private:
  void event(std::string_view type, std::string_view fields);
  void response_event(std::string_view type);
  std::string place(bool with_part) const;
  void take(const Piece& piece);
  void open(const Piece& piece);
  OutputItem new_item(const Piece& piece) const;
  void delta(const Piece& piece);
  void close(std::string_view status);
  void close_parts();
  bool is_whole() const { return finish_ == Finish::stop || finish_ == Finish::tool_calls; }
  std::string sent() { return std::exchange(out_, {}); }

  const ResponsesQuestion& question_;
  const ReplyFacts facts_;
  Json response_;  // as the next event shows it
  std::string out_;
  int sequence_ = 0;
  std::optional<OutputItem> item_;  // that is open; one at a time
  int message_ = -1;                // it is of
  Finish finish_ = Finish::cancelled;
  bool failed_ = false;  // nothing follows
};

/// fields: what follows the type and the number, from its first quote on.
void ResponsesWriter::event(std::string_view type, std::string_view fields) {
  if (!question_.question.stream) return;
  out_ += fmt::format("event: response.{0}\ndata: {{\"type\":\"response.{0}\",\"sequence_number\":{1},{2}}}\n\n", type,
                      sequence_++, fields);
}

void ResponsesWriter::response_event(std::string_view type) { event(type, "\"response\":" + one_line(response_)); }

/// Where an event belongs.
std::string ResponsesWriter::place(bool with_part) const {
  std::string fields =
      fmt::format("\"item_id\":{},\"output_index\":{}", json_text(item_->id()), response_["output"].size());
  if (with_part) fields += ",\"content_index\":0";
  return fields;
}

std::string ResponsesWriter::begin() {
  response_event("created");
  response_event("in_progress");
  return sent();
}

std::string ResponsesWriter::pieces(int, std::span<const Piece> pieces) {
  for (const Piece& piece : pieces) take(piece);
  return sent();
}

// A piece that ends its message does not close the item: only the end of the answer tells whether it was cut there.
void ResponsesWriter::take(const Piece& piece) {
  if (failed_ || (piece.kind == Piece::Kind::reasoning && !question_.question.show_reasoning)) return;
  if (item_ && piece.message != message_) close("completed");
  // Reasoning begins with its first text, so that an empty one is no item.
  const bool empty = piece.text.empty() && piece.kind == Piece::Kind::reasoning;
  if (!item_ && !empty) open(piece);
  if (!item_) return;
  if (piece.kind != Piece::Kind::call) delta(piece);
}

OutputItem ResponsesWriter::new_item(const Piece& piece) const {
  using Kind = OutputItem::Kind;
  const auto id = [this](Kind kind) { return std::string(id_prefix(kind)) + facts_.new_id(); };
  switch (piece.kind) {
    case Piece::Kind::reasoning: return OutputItem::reasoning(id(Kind::reasoning));
    case Piece::Kind::preamble: return OutputItem::message(id(Kind::message), "commentary");
    case Piece::Kind::text: return OutputItem::message(id(Kind::message), "final_answer");
    case Piece::Kind::call:
    case Piece::Kind::arguments: break;
  }
  const std::string_view name = piece.kind == Piece::Kind::call ? std::string_view(piece.text) : std::string_view();
  const Function* function = find_function(question_.question.functions, name);
  const Kind kind = function && function->custom ? Kind::custom_tool_call : Kind::function_call;
  std::string item_id = id(kind);
  return OutputItem::call(std::move(item_id), "call_" + facts_.new_id(), name, function);
}

void ResponsesWriter::open(const Piece& piece) {
  item_.emplace(new_item(piece));
  message_ = piece.message;
  event("output_item.added",
        fmt::format("\"output_index\":{},\"item\":{}", response_["output"].size(), one_line(item_->begun())));
  if (item_->has_parts()) event("content_part.added", place(true) + ",\"part\":" + one_line(item_->part()));
}

void ResponsesWriter::delta(const Piece& piece) {
  if (piece.text.empty() && piece.logprobs.empty()) return;
  const Json logprobs = logprobs_json(piece.logprobs, question_.question.top.value_or(0));
  item_->add(piece.text, logprobs);
  std::string fields = place(item_->has_parts()) + ",\"delta\":" + json_text(piece.text);
  if (item_->kind() == OutputItem::Kind::message) fields += ",\"logprobs\":" + one_line(logprobs);
  event(fmt::format("{}.delta", item_->text_name()), fields);
}

/// status: "completed" or "incomplete".
void ResponsesWriter::close(std::string_view status) {
  if (!item_) return;
  if (item_->has_parts()) {
    close_parts();
  } else {
    event(fmt::format("{}.done", item_->text_name()),
          fmt::format("{},\"{}\":{}", place(false), item_->text_field(), json_text(item_->text())));
  }
  Json item = item_->finished(status);
  event("output_item.done", fmt::format("\"output_index\":{},\"item\":{}", response_["output"].size(), one_line(item)));
  response_["output"].push_back(std::move(item));
  item_.reset();
}

void ResponsesWriter::close_parts() {
  std::string fields = place(true) + ",\"text\":" + json_text(item_->text());
  if (item_->kind() == OutputItem::Kind::message) fields += ",\"logprobs\":" + one_line(item_->logprobs());
  event(fmt::format("{}.done", item_->text_name()), fields);
  event("content_part.done", place(true) + ",\"part\":" + one_line(item_->part()));
}

std::string ResponsesWriter::end(int, const AnswerEnd& end) {
  if (end.finish == Finish::error)
    return fail(end.error.value_or(ApiError{.status = 500, .message = "the answer failed"}));
  finish_ = end.finish;
  close(is_whole() ? "completed" : "incomplete");
  return sent();
}

std::string ResponsesWriter::finish(const ReplyEnd& end) {
  if (failed_) return {};
  response_["usage"] = response_usage(end);
  if (!end.report.is_null()) response_["mxpath"] = report_json(end.report, question_.question.warnings);
  response_["status"] = is_whole() ? "completed" : finish_ == Finish::length ? "incomplete" : "cancelled";
  if (finish_ == Finish::length) response_["incomplete_details"] = {{"reason", "max_output_tokens"}};
  if (is_whole()) {
    const double seconds = end.queue_seconds + end.prompt_seconds + end.answer_seconds;
    response_["completed_at"] = facts_.created + static_cast<int64_t>(std::ceil(seconds));
  }
  // OpenAI's clients know no event for a response that was cancelled.
  response_event(is_whole() ? "completed" : "incomplete");
  return sent();
}

std::string ResponsesWriter::fail(const ApiError& error) {
  if (std::exchange(failed_, true)) return {};
  close("incomplete");
  response_["status"] = "failed";
  // Clients know a fixed list of codes.
  response_["error"] = {{"code", error.status == 429 ? "rate_limit_exceeded" : "server_error"},
                        {"message", error.message}};
  response_event("failed");
  return sent();
}

}  // namespace

std::unique_ptr<ReplyWriter> responses_writer(const ResponsesQuestion& question, ReplyFacts facts) {
  return std::make_unique<ResponsesWriter>(question, std::move(facts));
}

}  // namespace mxpath::openai
