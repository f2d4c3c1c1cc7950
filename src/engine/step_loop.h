// The scheduler's work, on one thread: who gets a place, what the next step reads, who hears what.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/running_request.h"
#include "engine/step_plan.h"
#include "engine/waiting_line.h"

namespace mxpath {

struct StepLoopOptions {
  double step_target = 0;     ///< seconds that a step may take while answers wait for it; 0: usual_step_target
  int answer_reserve = 1024;  ///< tokens that an answer without max_new_tokens is expected to need, again and again
  std::function<double()> now = {};  ///< seconds; empty: the steady clock
  /// Called on the thread of the steps after each that went well, with its tokens and the time it took.
  std::function<void(int decoding, int reading, double seconds)> on_step = {};
};

/// What the loop asks and tells outside; both on its thread.
struct StepLoopHooks {
  std::function<bool(RequestId)> is_cancelled;
  std::function<void(RequestId)> ended;  ///< nothing of the request is left
};

struct StepCounts {
  uint64_t steps = 0, failed_steps = 0, preemptions = 0, forks = 0;
  int running = 0;                ///< sequences
  int begun_requests = 0;         ///< requests that have at least one
  double predicted = 0;           ///< seconds that the last step was to take, corrected by what steps took
  double target = 0;              ///< seconds that it had; 0: nobody waited for it
  int decoding = 0, reading = 0;  ///< tokens of the last step
};

/// Every step reads the last token of each answer, and of prompts what fits a budget of time. Admission is by worst
/// case; where pages run out all the same, the youngest of the lowest priority gives its own back and is read again
/// later.
class StepLoop {
 public:
  /// The executor must outlive the loop.
  StepLoop(Executor& executor, StepLoopOptions options, StepLoopHooks hooks);
  ~StepLoop();
  StepLoop(const StepLoop&) = delete;
  StepLoop& operator=(const StepLoop&) = delete;

  /// A request that check_request found right.
  void add(RequestId id, Request request);
  /// Nothing happens where it has ended.
  void cancel(RequestId id);
  /// One of its answers. Nothing happens where it has ended or not begun.
  void cancel(RequestId id, int choice);
  /// Takes places and pages from the youngest until a text of so many tokens can be opened beside those that run.
  void make_room(int64_t tokens);
  /// False: nothing was left to do.
  bool step();
  /// Ends what there is.
  void end_all(EndReason reason, const Error& error = {});

  double now() const { return options_.now(); }
  /// Why no step can run any more: several failed in a row.
  const std::optional<Error>& dead() const { return dead_; }
  const StepCounts& counts() const { return counts_; }

 private:
  struct Step {
    std::vector<Choice*> choices;  // [parts]
    std::vector<StepPart> parts;
    int decoding = 0, reading = 0;
  };

  // Places (step_loop.cpp).
  void admit();
  void open(Choice& choice);
  void fork_where_due();
  void fork(RunningRequest& request, Choice& reader);
  bool may_begin(Choice& choice);
  int64_t spare_pages() const;
  int spare_places() const;
  int64_t pages_of_fork(const Choice& choice, int64_t read) const;
  void take_place(Choice& choice, int sequence);
  void keep(Choice& choice);
  void leave_place(Choice& choice, bool keep);
  void preempt(Choice& choice);
  void wait_again(Choice& choice, bool keep);
  Choice& youngest();
  void give_way();
  // The step (step_loop_run.cpp).
  Step form();
  void add_chunks(Step& step);
  int reading_tokens(int decoding);
  void fit_chunks(Step& step);
  void add_part(Step& step, Choice& choice, int64_t tokens);
  void run(const Step& step);
  Result<std::vector<Sampled>> compute(const Step& step);
  void fail_step(const Step& step, const Error& error);
  void hand_out(const Step& step, std::span<const Sampled> sampled);
  void hear(Choice& choice, const Sampled& sampled);
  std::optional<EndReason> end_of(const Choice& choice, int32_t token) const;
  // Ends (step_loop.cpp).
  void end_choice(Choice& choice, EndReason reason, const Error& error = {});
  void end_request(RunningRequest& request, EndReason reason, const Error& error = {});
  void count();

  Executor& executor_;
  StepLoopOptions options_;
  StepLoopHooks hooks_;
  int places_ = 0;
  std::unordered_map<RequestId, std::unique_ptr<RunningRequest>> requests_;
  std::vector<std::unique_ptr<RunningRequest>> ended_;  // in this step: others may still point at them
  WaitingLine waiting_;
  std::vector<Choice*> running_;  // in the order in which they got their places
  std::string last_reader_;       // key of the caller whose prompt was served first
  Correction of_decoding_, of_reading_;
  StepCounts counts_;
  int failed_in_a_row_ = 0;
  std::optional<Error> dead_;
};

}  // namespace mxpath
