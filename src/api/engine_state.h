// What an engine and its sequences stand on.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "app/runtime.h"
#include "app/scheduled_answer.h"
#include "engine/scheduler.h"
#include "mxpath/mxpath.h"

namespace mxpath::api {

/// All calls from any thread.
struct EngineState {
  /// Errors: those of Engine::load.
  static Result<std::shared_ptr<EngineState>> load(std::string_view model, const Options& options);

  std::unique_ptr<Runtime> runtime;
  ModelInfo info;
  std::unique_ptr<Scheduler> scheduler;  // last: its thread runs on all above

  AnswerFormat harmony() const;
  AnswerFormat raw() const;
  /// Errors: those of Engine::render.
  Result<std::vector<Token>> render(std::span<const Message> messages, const GenerateOptions& options) const;
  /// Errors: those of Engine::continue_several.
  Result<std::vector<ScheduledAnswer>> answer(std::span<const Token> prompt, AnswerFormat format, int choices,
                                              const GenerateOptions& options, const OnChoiceText& on_text) const;
  /// What needs the model alone: runs between two steps, with room for the text. Errors: those of check_prompt, and the
  /// job's.
  template <class T>
  Result<T> alone(std::span<const Token> text, const std::function<Result<T>(Session&)>& job) const;
};

template <class T>
Result<T> EngineState::alone(std::span<const Token> text, const std::function<Result<T>(Session&)>& job) const {
  MXPATH_CHECK(check_prompt(text, runtime->plan().context, runtime->loaded->model.config));
  Result<T> out = mxpath::Error{};
  const auto run = [&] {
    const std::shared_ptr<Session> session(&runtime->session, [](Session* used) { used->forget(); });
    out = job(*session);
  };
  MXPATH_CHECK(scheduler->call(run, std::ssize(text)));
  return out;
}

}  // namespace mxpath::api
