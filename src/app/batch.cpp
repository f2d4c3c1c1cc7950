#include "app/batch.h"

#include <chrono>
#include <deque>
#include <optional>

#include "app/batch_answer.h"
#include "app/batch_file.h"
#include "base/text.h"
#include "engine/scheduler.h"

namespace mxpath {
namespace {

/// Lines that are begun before the first of them is written: answers wait in memory for those before them.
constexpr size_t most_ahead = 1024;
/// A step that fails takes lines down that have no fault. One more than after which the scheduler gives up.
constexpr int most_attempts = 4;

struct Line {
  uint64_t index = 0;
  std::optional<BatchQuestion> question = {};  // none: it has an error
  std::unique_ptr<BatchAnswer> answer = {};
  std::optional<Ended> end = {};
  std::optional<Json> result = {};
  int attempts = 0;
};

class BatchRun {
 public:
  BatchRun(Executor& executor, const ModelFiles& files, std::span<const BatchInput> input, const BatchOptions& options)
      : files_(files),
        input_(input),
        settings_(batch_settings(options.model, options.defaults)),
        options_(options),
        scheduler_(executor, {.most_queued = 2 * most_ahead, .steps = {.step_target = options.step_target}}) {}

  Result<BatchReport> run();

 private:
  Status begin_lines();
  Status submit(Line& line);
  void hear(Line& line, const Event& event);
  Status settle(bool step_failed);
  Status write_ready();
  Json front_of(const Line& line) const;
  void fail_line(Line& line, const Error& error);
  void note_progress();

  const ModelFiles& files_;
  std::span<const BatchInput> input_;
  const std::string settings_;
  const BatchOptions& options_;
  std::optional<BatchFile> file_;
  BatchReport report_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  uint64_t next_ = 0;
  std::deque<std::unique_ptr<Line>> open_;  // begun and not written, in order
  Scheduler scheduler_;                     // last: its end is heard by lines
};

Json BatchRun::front_of(const Line& line) const {
  const std::string_view text = input_[line.index].text;
  return {{"index", line.index}, {"id", id_of_line(text)}, {"input", input_hash(text)}, {"settings", settings_}};
}

void BatchRun::fail_line(Line& line, const Error& error) {
  line.result = front_of(line);
  (*line.result)["error"] = in_words(error.message, options_.wording);
}

Status BatchRun::submit(Line& line) {
  line.end.reset(), ++line.attempts;
  const BatchQuestion& question = *line.question;
  AnswerFormat format = question.harmony ? harmony_format(*files_.tokenizer) : raw_format(raw_stop_tokens(files_));
  format.stops = question.stop;
  Request request;
  request.prompt = question.tokens, request.max_new_tokens = question.max_new_tokens;
  request.sampling = question.sampling;
  request.stop_tokens = format.stop_tokens, request.largest_token = format.largest_token;
  line.answer = std::make_unique<BatchAnswer>(question, *files_.tokenizer, std::move(format));
  request.on_event = [this, &line](const Event& event) { hear(line, event); };
  NotTaken why = NotTaken::wrong;
  const auto id = scheduler_.submit(std::move(request), &why);
  if (!id.ok() && why == NotTaken::ended) return id.error();
  if (!id.ok()) fail_line(line, id.error());
  return {};
}

Status BatchRun::begin_lines() {
  for (; next_ < input_.size() && open_.size() < most_ahead; ++next_) {
    auto line = std::make_unique<Line>(Line{next_});
    const auto where = fmt::format("line {}", input_[next_].number);
    auto question = parse_batch_line(input_[next_].text, where, next_, files_, options_.defaults);
    open_.push_back(std::move(line));
    Line& added = *open_.back();
    if (!question.ok()) {
      fail_line(added, question.error());
      continue;
    }
    added.question = std::move(question).value();
    MXPATH_CHECK(submit(added));
  }
  return {};
}

void BatchRun::hear(Line& line, const Event& event) {
  if (const auto* end = std::get_if<Ended>(&event.what)) {
    line.end = *end;
    return;
  }
  ++report_.new_tokens;
  if (line.answer->hear(std::get<NewToken>(event.what).token)) scheduler_.cancel(event.request);
}

/// Makes results of what has ended; what a failed step took down is asked again.
Status BatchRun::settle(bool step_failed) {
  for (const auto& line : open_) {
    if (line->result || !line->end) continue;
    const Ended end = *line->end;
    if (end.reason == EndReason::error && step_failed && line->attempts < most_attempts) {
      MXPATH_CHECK(submit(*line));
      continue;
    }
    if (end.reason == EndReason::error) {
      fail_line(*line, end.error);
    } else {
      line->result = front_of(*line);
      line->result->update(line->answer->result(end));
    }
    report_.prompt_tokens += end.prompt_tokens, report_.reused_tokens += end.reused_tokens;
    line->answer.reset(), line->question.reset();
  }
  return {};
}

Status BatchRun::write_ready() {
  for (; !open_.empty() && open_.front()->result; open_.pop_front()) {
    const Json& result = *open_.front()->result;
    const std::string text = result.dump(-1, ' ', false, Json::error_handler_t::replace);
    MXPATH_CHECK(file_ ? file_->append(text) : options_.write(text));
    ++(result.contains("error") ? report_.failed : report_.answered);
  }
  return {};
}

void BatchRun::note_progress() {
  report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  if (options_.progress) options_.progress(report_);
}

Result<BatchReport> BatchRun::run() {
  report_.lines = input_.size();
  if (!options_.out.empty()) {
    MXPATH_TRY(file_, BatchFile::open(options_.out, input_, settings_));
    report_.before = next_ = file_->done();
    report_.failed_before = file_->failed();
  }
  while (next_ < input_.size() || !open_.empty()) {
    report_.interrupted = options_.go_on && !options_.go_on();
    if (report_.interrupted) break;
    MXPATH_CHECK(begin_lines());
    const uint64_t failures = scheduler_.counts().steps.failed_steps;
    scheduler_.run_step();
    MXPATH_CHECK(settle(scheduler_.counts().steps.failed_steps != failures));
    MXPATH_CHECK(write_ready());
    note_progress();
  }
  note_progress();
  return report_;
}

}  // namespace

std::vector<BatchInput> batch_lines(std::string_view text) {
  std::vector<BatchInput> lines;
  for (uint64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t\r") != line.npos) lines.push_back({line, number});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string batch_settings(uint64_t model, const BatchDefaults& defaults) {
  const SamplingOptions& s = defaults.sampling;
  const ConversationOptions& talk = defaults.conversation;
  Json all = {{"model", model},
              {"sampling", {s.temperature, s.top_p, s.min_p, s.top_k}},
              {"seed", defaults.seed_is_drawn ? Json() : Json(s.seed)},
              {"max_new_tokens", defaults.max_new_tokens},
              {"date", defaults.date_is_today ? Json(true) : Json(talk.date.value_or(""))},
              {"effort", harmony::name_of(talk.effort)},
              {"identity", talk.identity ? Json(*talk.identity) : Json()},
              {"developer", talk.developer}};
  // Files that were begun before there were stops go on.
  if (!defaults.stop.empty()) all["stop"] = defaults.stop;
  return input_hash(all.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Result<BatchReport> run_batch(Executor& executor, const ModelFiles& files, std::span<const BatchInput> lines,
                              const BatchOptions& options) {
  return BatchRun(executor, files, lines, options).run();
}

}  // namespace mxpath
