// What the step loop keeps of a request and of each of its answers.
#pragma once
#include <memory>
#include <vector>

#include "engine/request.h"

namespace mxpath {

struct RunningRequest;

/// One answer to a prompt. Text, draws and events outlive its sequence: where that is taken away, it is read again.
struct Choice {
  enum class State : uint8_t {
    unborn,   ///< waits until the prompt is read, to be forked
    waiting,  ///< for a place
    running,  ///< has a sequence
    ended,
  };

  RunningRequest* of = nullptr;
  int number = 0;
  State state = State::unborn;
  std::vector<int32_t> text;  ///< prompt and answer; the last token of it is read in a step that samples
  int64_t read = 0;           ///< tokens of the text that the sequence holds
  int64_t kept = 0;           ///< of them, what the prefix cache was given
  int64_t limit = 0;          ///< length that pages are put by for
  int sequence = -1;
  double begun = -1, answered = -1;  ///< time of the first place and of the first token; -1: not yet

  int64_t unread() const { return std::ssize(text) - read; }
  std::span<const int32_t> read_text() const { return std::span(text).first(static_cast<size_t>(read)); }
  std::span<const int32_t> answer() const;
};

struct RunningRequest {
  RequestId id = 0;
  Request request;
  double submitted = 0;         ///< time
  std::vector<Choice> choices;  ///< never resized: others point at them
  int not_ended = 0;
  int64_t reused = 0;
  bool forked = false;    ///< the choices are on their own
  int unborn_places = 0;  ///< places and pages that the unborn are promised, while the prompt is read for all
  int64_t unborn_pages = 0;
};

inline std::span<const int32_t> Choice::answer() const { return std::span(text).subspan(of->request.prompt.size()); }

/// Whether `a` came before `b`: the order of requests, then of their answers.
inline bool came_before(const Choice& a, const Choice& b) {
  return a.of->id != b.of->id ? a.of->id < b.of->id : a.number < b.number;
}

}  // namespace mxpath
