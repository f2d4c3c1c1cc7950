// Many conversations on one engine, each on a thread of its own as in a server: they are answered side by side, text
// comes as it is written, and one of them is cancelled by another thread.
//
//   chat_threads [MODEL]        MODEL: a folder, a name in the Hugging Face cache, or demo
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "mxpath/mxpath.h"

namespace {

namespace api = mxpath::api;

/// Lines of several speakers on one screen: whole ones, so that they do not mix.
class Screen {
 public:
  void line(const std::string& name, const std::string& text) {
    const std::lock_guard lock(mutex_);
    std::printf("%s: %s\n", name.c_str(), text.c_str());
    std::fflush(stdout);
  }

 private:
  std::mutex mutex_;
};

/// Pieces of text to lines of a readable length.
class Stream {
 public:
  Stream(Screen& screen, std::string name) : screen_(screen), name_(std::move(name)) {}
  ~Stream() { end_line(); }

  void add(std::string_view piece) {
    for (const char c : piece) {
      const bool full = line_.size() > 60 && c == ' ';
      if (full || c == '\n') end_line();
      else line_ += c;
    }
  }

 private:
  void end_line() {
    if (!line_.empty()) screen_.line(name_, line_);
    line_.clear();
  }

  Screen& screen_;
  std::string name_, line_;
};

struct Person {
  std::string name;
  std::vector<std::string> questions;
  api::CancelToken leaves = {};         // whoever closes the window has the same one
  std::atomic<bool> has_heard = false;  // a piece of an answer
};

/// One conversation: the engine is given all of it with each question, and finds in its cache what it has read already.
bool converse(api::Engine& engine, Person& person, Screen& screen) {
  std::vector<api::Message> messages;
  for (const std::string& question : person.questions) {
    screen.line(person.name, "> " + question);
    messages.push_back({.role = "user", .content = question});
    api::GenerateOptions options{.max_new_tokens = 400, .temperature = 0.0f};
    options.cancel = person.leaves;
    Stream stream(screen, person.name);
    const auto answer = engine.ask(messages, options, [&](std::string_view channel, std::string_view text) {
      if (channel == "final") stream.add(text);
      person.has_heard = true;
    });
    if (!answer) return screen.line(person.name, "error: " + answer.error().message), false;
    if (answer->stop_reason == "cancelled") return screen.line(person.name, "(left)"), true;
    messages.insert(messages.end(), answer->messages.begin(), answer->messages.end());
  }
  screen.line(person.name, "(done)");
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  auto engine = api::Engine::load(argc > 1 ? argv[1] : "demo", {.sequences = 4});
  if (!engine) return std::fprintf(stderr, "%s\n", engine.error().message.c_str()), 1;

  Person people[] = {{"ada", {"Solve 7x + 12 = 61.", "What is 348 + 276?"}},
                     {"ben", {"What is MXFP4?", "What is 34 × 57?"}},
                     {"cho", {"Solve x^2 - 5x + 6 = 0."}},
                     {"dee", {"What is 12 × 12?", "What is 999 - 1?", "Solve 3x - 5 = 16."}},
                     {"eve", std::vector<std::string>(1000, "Explain Hopper.")}};
  Screen screen;
  std::atomic<bool> well = true;
  std::vector<std::thread> threads;
  for (Person& person : people)
    threads.emplace_back([&] {
      if (!converse(*engine, person, screen)) well = false;
      person.has_heard = true;
    });

  // Eve closes her window in the middle of an answer.
  Person& eve = people[4];
  while (!eve.has_heard) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  eve.leaves.cancel();
  for (std::thread& thread : threads) thread.join();
  return well ? 0 : 1;
}
