// Several answers to one question, weighed by how sure the model was of them; then a fork where it was least sure: what
// would it have said had it taken the second most likely token there?
//
//   best_of_n [MODEL [QUESTION]]        MODEL: a folder, a name in the Hugging Face cache, or demo
#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mxpath/mxpath.h"

namespace {

namespace api = mxpath::api;

int fail(const api::Error& error) { return std::fprintf(stderr, "%s\n", error.message.c_str()), 1; }

/// Mean log-probability of its tokens; near 0: the model was sure of them.
double mean_logprob(const api::Answer& answer) {
  double sum = 0;
  for (const api::TokenLogprob& token : answer.token_logprobs) sum += token.logprob;
  return answer.tokens.empty() ? -1e9 : sum / static_cast<double>(answer.tokens.size());
}

/// How close the second most likely token was to the most likely one.
double doubt(const api::TokenLogprob& token) {
  return token.top.size() < 2 ? -1e9 : token.top[1].second - token.top[0].second;
}

/// What stands behind the last header of a text in the harmony format.
std::string last_message(const std::string& text) {
  const std::string header = "<|message|>";
  const size_t begin = text.rfind(header);
  return begin == std::string::npos ? text : text.substr(begin + header.size());
}

}  // namespace

int main(int argc, char** argv) {
  auto engine = api::Engine::load(argc > 1 ? argv[1] : "demo");
  if (!engine) return fail(engine.error());
  const api::Message question{.role = "user", .content = argc > 2 ? argv[2] : "Solve 7x + 12 = 61."};

  // The prompt is read once for all of them.
  api::GenerateOptions options{.max_new_tokens = 400, .temperature = 1.5f, .seed = 1};
  options.logprobs = 2;
  const auto answers = engine->ask_several({&question, 1}, 6, options);
  if (!answers) return fail(answers.error());
  for (const api::Answer& answer : *answers)
    std::printf("%8.4f  %s\n", mean_logprob(answer), answer.text.empty() ? "(no answer)" : answer.text.c_str());
  const api::Answer& best = *std::ranges::max_element(*answers, {}, mean_logprob);
  std::printf("best: %s\n", best.text.c_str());

  // Up to the token that the model doubted most, both texts are one and lie in memory once.
  const auto prompt = engine->render({&question, 1}, options);
  if (!prompt) return fail(prompt.error());
  const auto doubted = std::ranges::max_element(best.token_logprobs, {}, doubt);
  if (doubted == best.token_logprobs.end()) return 0;
  const auto place = static_cast<size_t>(doubted - best.token_logprobs.begin());
  api::Sequence as_it_was = engine->sequence(*prompt);
  if (const auto held = as_it_was.append(std::span(best.tokens).first(place)); !held) return fail(held.error());
  api::Sequence otherwise = as_it_was.fork();
  for (const auto& [sequence, which] : {std::pair(&as_it_was, 0u), std::pair(&otherwise, 1u)}) {
    const int32_t token = doubted->top[which].first;
    if (const auto held = sequence->append({&token, 1}); !held) return fail(held.error());
    const auto rest = sequence->generate({.max_new_tokens = 400, .temperature = 0.0f});
    if (!rest) return fail(rest.error());
    std::printf("fork: token %zu is \"%s\" (%.3f): %s\n", place, engine->decode({&token, 1}).c_str(),
                doubted->top[which].second, last_message(rest->text).c_str());
  }
  return 0;
}
