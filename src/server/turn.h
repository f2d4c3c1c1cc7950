// One request on its way: from the model's tokens to the client's bytes.
#pragma once
#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "base/hint.h"
#include "engine/scheduler.h"
#include "grammar/answer_rules.h"
#include "server/clock.h"
#include "server/http/http.h"
#include "server/metrics.h"
#include "server/openai/reply_writer.h"
#include "server/outbox.h"

namespace mxpath::server {

/// What turns share. Outlives them.
struct TurnContext {
  Scheduler& scheduler;
  Outbox& outbox;
  Metrics& metrics;
  const Tokenizer& tokenizer;
  std::shared_ptr<grammar::Grammars> grammars;  ///< may be null where no answer has rules
  Wording wording = plain_wording;              ///< of options in errors
};

/// What a turn is made of.
struct TurnParts {
  std::shared_ptr<http::Exchange> exchange;
  std::shared_ptr<const openai::Question> question;
  std::unique_ptr<openai::ReplyWriter> writer;
  std::vector<std::vector<Token>> prompts = {};            ///< one, or those of /v1/completions
  std::shared_ptr<const grammar::AnswerRules> rules = {};  ///< null: everything may come
  std::vector<Token> stop_tokens = {};
  Token largest_token = -1;
  int max_new_tokens = 0;       ///< as was asked; 0: not said
  int most_new_tokens = 0;      ///< of the server, whatever was asked; 0: no limit
  int context = 0;              ///< tokens that prompt and answer may have together
  std::string key = {};         ///< of the caller, for turns among callers
  uint64_t salt = 0;            ///< of the prefix cache
  http::Headers headers = {};   ///< of the reply; those of its warnings come to them
  double arrived = 0;           ///< seconds of the steady clock
  double seconds_limit = 0;     ///< after which the answer ends as one that is too long; 0: none
  bool waits_to_begin = false;  ///< a stream begins with its first token: until then the status is open
  /// Makes the object of X-Mxpath-Report; empty: it was not asked for.
  std::function<Json(const openai::ReplyEnd&)> report = {};
  /// Called on the thread of the loop when the turn is over, whatever the end; the writer has the whole of one that
  /// went well.
  std::function<void(Turn&)> on_over = {};
};

class Turn : public std::enable_shared_from_this<Turn> {
 public:
  Turn(TurnContext context, TurnParts parts);
  ~Turn();

  /// From any thread, once: asks the model. Error: none of the prompts will be answered.
  Result<void, openai::ApiError> submit();

  // On the thread of the loop.
  void begin();
  void hear(const TurnEvent& event);
  /// The same; what it throws, as where no memory is left, ends this turn alone.
  void hear_safely(const TurnEvent& event) noexcept;
  void flush();  ///< sends what was heard
  /// Ends what takes too long. max_wait: seconds in the queue, after which it is refused; 0: any time.
  void look_at_clock(double now, double max_wait);
  /// The server ends.
  void cut(const openai::ApiError& why);

  /// From any thread: stops the answer, which nobody reads.
  void cancel();

  bool over() const { return over_; }
  /// Answers to each prompt: those that are told, or more where the best are picked among them.
  int choices() const { return std::max(parts_.question->choices, parts_.question->best_of); }
  int status() const { return status_; }  ///< of the reply
  const TurnParts& parts() const { return parts_; }
  const openai::ReplyEnd& figures() const { return end_; }
  /// The reasoning of an answer.
  const std::string& reasoning_of(size_t answer) const { return answers_[answer].reasoning; }
  bool went_well() const { return went_well_; }

 private:
  struct Answer {
    std::unique_ptr<openai::AnswerReader> reader;
    std::string reasoning = {};
    bool ended = false;
    double last_token = -1;
  };
  Request request_for(size_t prompt);
  void put(int prompt, const Event* event) noexcept;
  const uint32_t* mask(size_t prompt, int choice, std::span<const int32_t> answer);
  void hear_token(Answer& answer, int index, const TurnEvent& event, const ToldToken& token);
  void hear_end(Answer& answer, int index, const Ended& end);
  void tell(Answer& answer, int index, std::span<const openai::Piece> pieces);
  void finish();
  std::string why_cut(EndReason reason) const;
  http::Headers headers() const;
  void fail(const openai::ApiError& error);
  void reply_error(const openai::ApiError& error);
  void set_over(std::string_view reason);
  std::string_view phase() const;

  const TurnContext context_;
  TurnParts parts_;
  std::vector<Answer> answers_;                                             // [prompts × choices]
  std::vector<std::vector<std::unique_ptr<grammar::AnswerGuide>>> guides_;  // [prompts][choices]; thread of the steps
  std::vector<uint32_t> nothing_;  // a mask that allows nothing, for an answer whose rules were lost
  std::mutex submitting_;          // while ids_ are written
  std::vector<RequestId> ids_;     // [prompts]
  std::atomic<bool> cancelled_ = false, submitted_ = false, refused_ = false, broken_ = false;
  openai::ReplyEnd end_;
  std::string pending_;  // bytes to send
  double first_token_ = -1;
  size_t open_ = 0;  // answers that have not ended
  int status_ = 0;
  bool begun_ = false, over_ = false, went_well_ = false, reading_ = false, time_is_up_ = false;
};

}  // namespace mxpath::server
