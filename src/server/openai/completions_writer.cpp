// Replies of Completions, the API that is older than messages.
#include <algorithm>
#include <numeric>
#include <utility>

#include "chat/utf8.h"
#include "server/openai/reply_parts.h"

namespace mxpath::openai {
namespace {

int64_t characters(std::string_view utf8) {
  return std::ranges::count_if(utf8, [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; });
}

/// Likelihoods in the old shape: lists beside each other.
struct OldLogprobs {
  Json tokens = Json::array();
  Json token_logprobs = Json::array();
  Json top_logprobs = Json::array();
  Json text_offset = Json::array();

  void add(const TextLogprob& token, int top, int64_t offset);
  Json json() const {
    return {{"tokens", tokens},
            {"token_logprobs", token_logprobs},
            {"top_logprobs", top_logprobs},
            {"text_offset", text_offset}};
  }
};

void OldLogprobs::add(const TextLogprob& token, int top, int64_t offset) {
  const std::string name = to_valid_utf8(token.bytes);
  Json likeliest = Json::object();
  for (size_t i = 0; i < token.top.size() && i < static_cast<size_t>(top); ++i) {
    const std::string other = to_valid_utf8(token.top[i].first);
    if (!likeliest.contains(other)) likeliest[other] = likelihood(token.top[i].second);
  }
  likeliest[name] = likelihood(token.logprob);  // the one that was chosen is always there
  tokens.push_back(name);
  token_logprobs.push_back(likelihood(token.logprob));
  top_logprobs.push_back(std::move(likeliest));
  text_offset.push_back(offset);
}

struct Choice {
  std::string text;
  OldLogprobs logprobs;
  int64_t offset = 0;  // characters of its tokens, and of what was echoed
  double sum = 0;      // of the log-probabilities
  int64_t count = 0;
  std::string finish;

  double mean() const { return count > 0 ? sum / static_cast<double>(count) : 0; }
};

class CompletionsWriter : public ReplyWriter {
 public:
  CompletionsWriter(const Question& question, ReplyFacts facts);
  std::string begin() override;
  std::string pieces(int choice, std::span<const Piece> pieces) override;
  std::string end(int choice, const AnswerEnd& end) override;
  std::string finish(const ReplyEnd& end) override;
  std::string fail(const ApiError& error) override;
  Json whole() const override;

 private:
  std::string piece(int choice, const Piece& piece);
  Json chunk_of(Json choices) const;
  std::string chunk(int choice, std::string_view text, const Json& logprobs, std::string_view finish) const;
  std::vector<size_t> kept() const;

  const Question& question_;
  const ReplyFacts facts_;
  const size_t prompts_, answers_;  // answers to each prompt
  const bool tells_logprobs_;       // not only to choose the best
  std::vector<Choice> choices_;
  std::optional<ReplyEnd> end_;
  bool failed_ = false;
};

CompletionsWriter::CompletionsWriter(const Question& question, ReplyFacts facts)
    : question_(question),
      facts_(std::move(facts)),
      prompts_(std::max({question.prompt_texts.size(), question.prompts.size(), size_t{1}})),
      answers_(static_cast<size_t>(std::max({question.best_of, question.choices, 1}))),
      tells_logprobs_(question.top && question.asked.value("logprobs", true)),
      choices_(prompts_ * answers_) {
  if (!question.echo) return;
  for (size_t i = 0; i < choices_.size() && i / answers_ < question.prompt_texts.size(); ++i) {
    choices_[i].text = question.prompt_texts[i / answers_];
    choices_[i].offset = characters(choices_[i].text);
  }
}

Json CompletionsWriter::chunk_of(Json choices) const {
  Json out = reply_head(facts_, "cmpl-", "text_completion");
  out["choices"] = std::move(choices);
  return out;
}

std::string CompletionsWriter::chunk(int choice, std::string_view text, const Json& logprobs,
                                     std::string_view finish) const {
  if (!question_.stream || failed_) return "";
  Json out = chunk_of(Json::array({{{"index", choice},
                                    {"text", text},
                                    {"logprobs", logprobs},
                                    {"finish_reason", finish.empty() ? Json() : Json(finish)}}}));
  if (question_.include_usage) out["usage"] = nullptr;
  return event_of(one_line(out));
}

std::string CompletionsWriter::begin() {
  std::string out;
  for (size_t i = 0; i < choices_.size(); ++i)
    if (!choices_[i].text.empty()) out += chunk(static_cast<int>(i), choices_[i].text, nullptr, "");
  return out;
}

std::string CompletionsWriter::pieces(int choice, std::span<const Piece> pieces) {
  std::string out;
  for (const Piece& one : pieces) out += piece(choice, one);
  return out;
}

std::string CompletionsWriter::piece(int choice, const Piece& piece) {
  Choice& c = choices_[static_cast<size_t>(choice)];
  OldLogprobs logprobs;
  for (const TextLogprob& token : piece.logprobs) {
    for (OldLogprobs* list : {&logprobs, &c.logprobs}) list->add(token, question_.top.value_or(0), c.offset);
    c.offset += characters(token.bytes);
    c.sum += likelihood(token.logprob);
    ++c.count;
  }
  c.text += piece.text;
  if (piece.text.empty() && piece.logprobs.empty()) return "";
  return chunk(choice, piece.text, tells_logprobs_ ? logprobs.json() : Json(), "");
}

std::string CompletionsWriter::end(int choice, const AnswerEnd& end) {
  if (end.error) return fail(*end.error);
  std::string& finish = choices_[static_cast<size_t>(choice)].finish;
  finish = end.finish == Finish::length ? "length" : "stop";
  return chunk(choice, "", nullptr, finish);
}

std::string CompletionsWriter::finish(const ReplyEnd& end) {
  end_ = end;
  if (failed_ || !question_.stream) return "";
  if (!question_.include_usage && end.report.is_null()) return std::string(done_event);
  Json last = chunk_of(Json::array());
  add_figures(last, end, question_.warnings, question_.include_usage);
  return event_of(one_line(last)) + std::string(done_event);
}

std::string CompletionsWriter::fail(const ApiError& error) {
  if (std::exchange(failed_, true) || !question_.stream) return "";
  return error_event(error);
}

/// The choices to tell: of each prompt the likeliest, by the mean of their tokens, in the order in which they came.
std::vector<size_t> CompletionsWriter::kept() const {
  const size_t wanted = std::min(answers_, static_cast<size_t>(std::max(question_.choices, 1)));
  std::vector<size_t> all;
  for (size_t prompt = 0; prompt < prompts_; ++prompt) {
    std::vector<size_t> of_prompt(answers_);
    std::iota(of_prompt.begin(), of_prompt.end(), prompt * answers_);
    if (wanted < answers_)
      std::ranges::stable_sort(of_prompt, [&](size_t a, size_t b) { return choices_[a].mean() > choices_[b].mean(); });
    all.insert(all.end(), of_prompt.begin(), of_prompt.begin() + static_cast<std::ptrdiff_t>(wanted));
  }
  return all;
}

Json CompletionsWriter::whole() const {
  Json choices = Json::array();
  for (const size_t index : kept()) {
    const Choice& c = choices_[index];
    choices.push_back({{"index", choices.size()},
                       {"text", c.text},
                       {"logprobs", tells_logprobs_ ? c.logprobs.json() : Json()},
                       {"finish_reason", c.finish.empty() ? Json() : Json(c.finish)}});
  }
  Json out = chunk_of(std::move(choices));
  add_figures(out, end_.value_or(ReplyEnd()), question_.warnings, true);
  return out;
}

}  // namespace

std::unique_ptr<ReplyWriter> completions_writer(const Question& question, ReplyFacts facts) {
  return std::make_unique<CompletionsWriter>(question, std::move(facts));
}

}  // namespace mxpath::openai
