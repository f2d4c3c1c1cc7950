#include "engine/step_loop.h"

#include <algorithm>
#include <chrono>

#include "base/hint.h"
#include "base/text.h"

namespace mxpath {
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// A fork writes into a page that both hold, and so does the first: these are copied.
constexpr int64_t pages_copied_at_fork = 2;
/// Nothing is ever kept under it, so nothing is found.
constexpr uint64_t salt_of_nobody = 0x6e6f626f6479;

}  // namespace

StepLoop::StepLoop(Executor& executor, StepLoopOptions options, StepLoopHooks hooks)
    : executor_(executor), options_(std::move(options)), hooks_(std::move(hooks)) {
  if (!options_.now) options_.now = steady_seconds;
  places_ = std::max(1, std::min(executor.most_sequences(), executor.most_tokens()));
}

StepLoop::~StepLoop() { end_all(EndReason::cancelled); }

void StepLoop::add(RequestId id, Request request) {
  auto added = std::make_unique<RunningRequest>();
  added->id = id, added->submitted = now(), added->request = std::move(request);
  const Request& r = added->request;
  added->not_ended = r.choices;
  added->choices.resize(static_cast<size_t>(r.choices));
  for (int i = 0; i < r.choices; ++i) {
    Choice& choice = added->choices[static_cast<size_t>(i)];
    choice.of = added.get(), choice.number = i;
    choice.limit = reserved_length(r, executor_.context(), options_.answer_reserve);
  }
  Choice& first = added->choices.front();
  first.text = r.prompt, first.state = Choice::State::waiting;
  waiting_.push(first);
  requests_.emplace(id, std::move(added));
}

void StepLoop::cancel(RequestId id) {
  if (const auto found = requests_.find(id); found != requests_.end())
    end_request(*found->second, EndReason::cancelled);
}

void StepLoop::cancel(RequestId id, int choice) {
  const auto found = requests_.find(id);
  if (found == requests_.end()) return;
  Choice& one = found->second->choices[static_cast<size_t>(choice)];
  // One that has not begun may be reading the prompt for the others.
  if (one.answered >= 0) end_choice(one, EndReason::cancelled);
}

bool StepLoop::step() {
  ended_.clear();
  if (dead_) end_all(EndReason::error, *dead_);
  admit();
  fork_where_due();
  if (const Step step = form(); !step.parts.empty()) run(step);
  ended_.clear();
  count();
  return !requests_.empty();
}

void StepLoop::count() {
  counts_.running = static_cast<int>(running_.size());
  std::vector<const RunningRequest*> begun;
  for (const Choice* choice : running_) begun.push_back(choice->of);
  std::ranges::sort(begun);
  counts_.begun_requests = static_cast<int>(std::unique(begun.begin(), begun.end()) - begun.begin());
}

int64_t StepLoop::spare_pages() const {
  int64_t promised = 0;
  for (const Choice* c : running_) {
    promised += std::max<int64_t>(0, executor_.pages_for(c->limit) - executor_.pages_for(c->read));
    if (!c->of->forked) promised += c->of->unborn_pages;
  }
  return executor_.pages_free() - promised;
}

int StepLoop::spare_places() const {
  int taken = static_cast<int>(running_.size());
  for (const Choice* c : running_)
    if (!c->of->forked) taken += c->of->unborn_places;
  return places_ - taken;
}

int64_t StepLoop::pages_of_fork(const Choice& choice, int64_t read) const {
  return executor_.pages_for(choice.limit) - executor_.pages_for(read) + pages_copied_at_fork;
}

/// Whether there is room for a choice and for those that will be forked from it: for as many as fit a quarter of all,
/// so that a request for many answers need not wait until everything else has ended. The others wait on their own.
bool StepLoop::may_begin(Choice& choice) {
  RunningRequest& request = *choice.of;
  const int unborn = request.forked ? 0 : request.request.choices - 1;
  const int64_t pages = executor_.pages_for(choice.limit);
  const int64_t of_fork = pages_of_fork(choice, std::ssize(request.request.prompt));
  const auto forks =
      std::min<int64_t>({unborn, places_ - 1, std::max(1, places_ / 4), executor_.pages() / 4 / of_fork});
  request.unborn_places = static_cast<int>(forks), request.unborn_pages = forks * of_fork;
  // Where nothing runs nothing will be given back: then the step itself finds out whether there is room.
  return running_.empty() || (request.unborn_places < spare_places() && pages + request.unborn_pages <= spare_pages());
}

void StepLoop::admit() {
  while (Choice* next = waiting_.front()) {
    if (!may_begin(*next)) return;
    waiting_.remove(*next, true);
    open(*next);
  }
}

void StepLoop::open(Choice& choice) {
  const Request& request = choice.of->request;
  const auto opened = executor_.open(choice.text, request.reread ? salt_of_nobody : request.salt);
  if (!opened.ok()) return end_request(*choice.of, EndReason::error, opened.error());
  choice.read = choice.kept = opened->reused;
  if (choice.begun < 0 && choice.number == 0) choice.of->reused = opened->reused;
  take_place(choice, opened->sequence);
}

void StepLoop::take_place(Choice& choice, int sequence) {
  choice.sequence = sequence, choice.state = Choice::State::running;
  if (choice.begun < 0) choice.begun = now();
  running_.push_back(&choice);
}

void StepLoop::keep(Choice& choice) {
  executor_.keep(choice.sequence, choice.read_text(), choice.of->request.salt);
  choice.kept = choice.read;
}

void StepLoop::leave_place(Choice& choice, bool keep) {
  if (keep && choice.read > 0 && !choice.of->request.reread) this->keep(choice);
  executor_.close(choice.sequence);
  choice.sequence = -1, choice.read = choice.kept = 0;
  std::erase(running_, &choice);
}

void StepLoop::fork_where_due() {
  for (size_t i = 0; i < running_.size(); ++i) {  // fork adds behind
    Choice& choice = *running_[i];
    if (choice.of->forked || choice.unread() > 1) continue;
    choice.of->forked = true;
    fork(*choice.of, choice);
  }
}

/// The last token of the prompt is read by each choice: each needs logits of its own.
void StepLoop::fork(RunningRequest& request, Choice& reader) {
  for (Choice& choice : request.choices) {
    if (choice.state != Choice::State::unborn) continue;
    choice.text = request.request.prompt;
    if (spare_places() > 0 && pages_of_fork(choice, reader.read) <= spare_pages()) {
      if (const auto sequence = executor_.fork(reader.sequence); sequence.ok()) {
        choice.read = choice.kept = reader.read;
        take_place(choice, *sequence);
        ++counts_.forks;
        continue;
      }
    }
    choice.state = Choice::State::waiting;
    waiting_.push(choice);
  }
}

void StepLoop::wait_again(Choice& choice, bool keep) {
  leave_place(choice, keep);
  choice.state = Choice::State::waiting;
  waiting_.push(choice);
}

void StepLoop::preempt(Choice& choice) {
  wait_again(choice, true);
  ++counts_.preemptions;
}

/// Of the lowest priority.
Choice& StepLoop::youngest() {
  return **std::ranges::max_element(running_, [](const Choice* a, const Choice* b) {
    const int pa = a->of->request.priority, pb = b->of->request.priority;
    return pa != pb ? pa > pb : came_before(*a, *b);
  });
}

void StepLoop::make_room(int64_t tokens) {
  const int64_t pages = executor_.pages_for(tokens);
  while (!running_.empty() && (std::ssize(running_) >= executor_.most_sequences() || executor_.pages_free() < pages))
    preempt(youngest());
}

void StepLoop::give_way() {
  Choice& last = youngest();
  if (running_.size() > 1) return preempt(last);
  if (!last.answer().empty()) return end_choice(last, EndReason::context);
  end_request(*last.of, EndReason::error,
              fail("{} of keys and values hold no more than {} of the prompt; give a shorter prompt, or allow more "
                   "memory with {}",
                   plural(executor_.pages(), "page"), plural(last.read, "token"), mention(Knob::kv_memory)));
}

void StepLoop::end_choice(Choice& choice, EndReason reason, const Error& error) {
  if (choice.state == Choice::State::ended) return;
  if (choice.state == Choice::State::running) leave_place(choice, reason != EndReason::error);
  if (choice.state == Choice::State::waiting) waiting_.remove(choice, false);
  choice.state = Choice::State::ended;
  RunningRequest& request = *choice.of;
  const double end = now(), begun = choice.begun < 0 ? end : choice.begun,
               answered = choice.answered < 0 ? end : choice.answered;
  Ended ended{.reason = reason, .error = error, .last = --request.not_ended == 0};
  ended.prompt_tokens = static_cast<int>(request.request.prompt.size());
  ended.reused_tokens = static_cast<int>(request.reused);
  ended.new_tokens = choice.text.empty() ? 0 : static_cast<int>(choice.answer().size());
  ended.queue_seconds = begun - request.submitted, ended.prompt_seconds = answered - begun;
  ended.answer_seconds = end - answered;
  choice.text = {};
  const bool last = ended.last;
  if (request.request.on_event) request.request.on_event({request.id, choice.number, std::move(ended)});
  if (!last) return;
  const RequestId id = request.id;
  if (const auto found = requests_.find(id); found != requests_.end()) {
    ended_.push_back(std::move(found->second));
    requests_.erase(found);
  }
  if (hooks_.ended) hooks_.ended(id);
}

void StepLoop::end_request(RunningRequest& request, EndReason reason, const Error& error) {
  for (Choice& choice : request.choices) end_choice(choice, reason, error);
}

void StepLoop::end_all(EndReason reason, const Error& error) {
  while (!requests_.empty()) end_request(*requests_.begin()->second, reason, error);
  ended_.clear();
}

}  // namespace mxpath
