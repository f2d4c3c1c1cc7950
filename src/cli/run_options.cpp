#include "cli/run_options.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <limits>
#include <random>

#include "app/stop_text.h"
#include "base/text.h"
#include "cli/choice.h"

namespace mxpath::cli {
namespace {

constexpr const char* chatting = "Conversation";
constexpr const char* sampling = "Sampling";
constexpr const char* batches = "Many questions";

void add_conversation(CLI::App& command, RunOptions& o) {
  const auto set_effort = [&o](const std::string& text) {
    auto effort = harmony::parse_effort(text);
    if (!effort.ok()) throw CLI::ValidationError("--reasoning-effort: " + effort.error().message);
    o.conversation.effort = *effort;
  };
  command
      .add_option_function<std::string>("--reasoning-effort", set_effort, "how much the model reasons; default medium")
      ->type_name("low|medium|high")
      ->group(chatting);
  command.add_option("--system", o.conversation.identity, "first line of the system message instead of OpenAI's")
      ->type_name("TEXT")
      ->group(chatting);
  command.add_option("--developer", o.conversation.developer, "instructions for the model")
      ->type_name("TEXT")
      ->group(chatting);
  const auto set_date = [&o](const std::string& date) { or_throw(check_date(date)), o.conversation.date = date; };
  auto* date =
      command
          .add_option_function<std::string>("--date", set_date, "current date in the system message; default: today")
          ->type_name("YYYY-MM-DD")
          ->group(chatting);
  command.add_flag("--no-date", o.no_date, "no date in the system message")->excludes(date)->group(chatting);
  add_choice<Show>(command, "--show", o.show, {{"final", Show::final}, {"all", Show::all}},
                   "the answer alone, or its analysis too; default: all on a terminal, final otherwise")
      ->group(chatting);
}

void add_sampling(CLI::App& command, RunOptions& o) {
  command.add_option("--max-new-tokens", o.max_new_tokens, "stop after N tokens; default: when the context is full")
      ->check(whole_number(1, std::numeric_limits<int>::max()))
      ->type_name("N")
      ->group(sampling);
  // One text each time it is given: a greedy list would swallow PROMPT.
  command.add_option("--stop", o.stops, "end the answer before this text; may be given several times")
      ->type_name("TEXT")
      ->type_size(1)
      ->allow_extra_args(false)
      ->group(sampling);
  command.add_option("--temperature", o.temperature, "0: always the most likely token; default: the model's, else 1")
      ->check(decimal_number())
      ->type_name("T")
      ->group(sampling);
  command.add_option("--top-p", o.top_p, "sample among the most likely tokens whose probability sums to P")
      ->check(decimal_number())
      ->type_name("P")
      ->group(sampling);
  command.add_option("--top-k", o.top_k, "sample among the K most likely tokens; 0: all")
      ->check(whole_number(0, std::numeric_limits<int>::max()))
      ->type_name("K")
      ->group(sampling);
  command.add_option("--min-p", o.min_p, "leave out tokens below P times the largest probability")
      ->check(decimal_number())
      ->type_name("P")
      ->group(sampling);
  command.add_option("--seed", o.seed, "the same seed gives the same answer; default: random")
      ->check(whole_number(0, std::numeric_limits<uint64_t>::max()))
      ->type_name("N")
      ->group(sampling);
  command.add_flag("--no-kv-cache", o.no_cache, "read the whole text again for every token (slow; for comparison)")
      ->group(sampling);
}

void add_batch(CLI::App& command, RunOptions& o) {
  auto* batch =
      command
          .add_option("--batch", o.batch,
                      "answer each line of a file: {\"prompt\": TEXT}, {\"messages\": [...]} or {\"tokens\": [...]}, "
                      "with max_new_tokens, temperature, seed and so on of its own; - is standard input")
          ->transform(expanded_path())
          ->check(not_empty())
          ->type_name("FILE")
          ->group(batches);
  command
      .add_option("--step-target", o.step_target,
                  "seconds that a step may take while answers wait for it; default: two steps without prompts, or 0.1 "
                  "where that is longer")
      ->check(decimal_number())
      ->needs(batch)
      ->type_name("SECONDS")
      ->group(batches);
  command
      .add_option("--out", o.out,
                  "append the answers to this file instead of printing them; the same command goes on where it stopped")
      ->transform(expanded_path())
      ->check(not_empty())
      ->needs(batch)
      ->type_name("FILE")
      ->group(batches);
}

void add_prompt_cache(CLI::App& command, RunOptions& o) {
  command
      .add_option("--prompt-cache", o.prompt_cache,
                  "keep in this file what was read, so that the next run with the same model, formats and paths does "
                  "not read the same beginning again; it is made where it is missing, and is as large as the keys and "
                  "values that --kv-memory and --ctx leave room for at most")
      ->transform(expanded_path())
      ->check(not_empty())
      ->type_name("FILE");
}

SamplingOptions overridden(const RunOptions& o, SamplingOptions s) {
  s.temperature = o.temperature.value_or(s.temperature), s.top_p = o.top_p.value_or(s.top_p);
  s.top_k = o.top_k.value_or(s.top_k), s.min_p = o.min_p.value_or(s.min_p);
  return s;
}

Status check_batch(const RunOptions& o, bool json) {
  if (o.prompt || !o.tokens.empty() || o.raw)
    return wrong_use("--batch takes the place of PROMPT, --tokens and --raw; give one of them");
  if (json) return wrong_use("--json is for one answer; --batch writes lines of JSON by itself");
  if (o.show != Show::automatic)
    return wrong_use("--show is for text; --batch holds the analysis and the answer apart");
  if (o.no_cache) return wrong_use("--no-kv-cache is for one answer, and --batch is for many");
  if (o.step_target && !(*o.step_target > 0 && *o.step_target <= 3600))
    return wrong_use("--step-target {}: give seconds above 0, and 3600 at most", *o.step_target);
  return {};
}

/// Whether two paths lead to the same file, which need not be there yet.
bool same_file(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty() || a == "-" || b == "-") return false;
  std::error_code none, other;
  const auto one = std::filesystem::weakly_canonical(a, none), two = std::filesystem::weakly_canonical(b, other);
  return a == b || (!none && !other && one == two) || std::filesystem::equivalent(a, b, none);
}

/// Nothing is written where something else is read or written.
Status check_files(const RunOptions& o) {
  const std::pair<const char*, const std::string*> files[] = {
      {"--batch", &o.batch}, {"--out", &o.out}, {"--prompt-cache", &o.prompt_cache}, {"--tokens", &o.tokens}};
  for (size_t i = 0; i < std::size(files); ++i)
    for (size_t j = i + 1; j < std::size(files); ++j)
      if (same_file(*files[i].second, *files[j].second))
        return wrong_use("{} and {} are the same file, {}; give each its own", files[i].first, files[j].first,
                         printable(*files[i].second));
  return {};
}

uint64_t random_seed() {
  std::random_device device;
  // 53 bits: any JSON reader takes the number back unchanged.
  return ((uint64_t{device()} << 32) | device()) >> 11;
}

}  // namespace

void add_run_options(CLI::App& command, RunOptions& o) {
  add_model(command, o.common.model, false);
  command.add_option(
      "PROMPT", o.prompt,
      "the question; - reads it from standard input, and so does leaving it out where that is not a terminal");
  auto* tokens =
      command
          .add_option("--tokens", o.tokens,
                      "continue these token ids as they are: [1, 2] or {\"tokens\": [1, 2]}; - is standard input")
          ->transform(expanded_path())
          ->type_name("FILE");
  command
      .add_flag("--raw", o.raw,
                "continue PROMPT as it is, without harmony; markers such as <|start|> are read as special tokens")
      ->excludes(tokens);
  add_prompt_cache(command, o);
  add_batch(command, o);
  add_conversation(command, o);
  add_sampling(command, o);
}

SamplingOptions sampling_of(const RunOptions& options, const SamplingOptions& defaults) {
  SamplingOptions s = overridden(options, defaults);
  s.seed = options.seed ? *options.seed : random_seed();
  return s;
}

Status check_run_options(const RunOptions& o, bool json) {
  if (!o.tokens.empty() && o.prompt) return wrong_use("--tokens takes the place of PROMPT; give one of them");
  MXPATH_CHECK(check_files(o));
  if (!o.batch.empty()) MXPATH_CHECK(check_batch(o, json));
  if (o.no_cache && !o.prompt_cache.empty())
    return wrong_use("--no-kv-cache keeps nothing that --prompt-cache could hold; give one of them");
  if (json && o.show != Show::automatic)
    return wrong_use("--show is for text; --json holds the analysis and the answer apart");
  if (const Status stops = check_stops(o.stops); !stops.ok()) return wrong_use("--stop: {}", stops.error().message);
  return check_sampling(overridden(o, {}));
}

}  // namespace mxpath::cli
