// The installed C++ API: plans, loads, asks. Its arguments: a model, and the version that must have been installed.
#include <cstdio>
#include <string>

#include "mxpath/mxpath.h"

int main(int argc, char** argv) {
  if (argc != 3 || mxpath::api::version() != argv[2]) return std::fprintf(stderr, "another version\n"), 1;
  const auto plan = mxpath::api::plan(argv[1], {}, "haswell");
  if (!plan) return std::fprintf(stderr, "plan: %s\n", plan.error().message.c_str()), 1;
  auto engine = mxpath::api::Engine::load(argv[1], {.device = "cpu"});
  if (!engine) return std::fprintf(stderr, "load: %s\n", engine.error().message.c_str()), 1;
  std::string streamed;
  const auto answer = engine->ask("Solve 7x + 12 = 61.", {.max_new_tokens = 200, .temperature = 0.0f},
                                  [&](std::string_view, std::string_view text) { streamed += text; });
  if (!answer) return std::fprintf(stderr, "ask: %s\n", answer.error().message.c_str()), 1;
  if (answer->text.find("x = 7") == std::string::npos || streamed.find(answer->text) == std::string::npos)
    return std::fprintf(stderr, "answered: %s\n", answer->text.c_str()), 1;
  return std::puts("C++ ok"), 0;
}
