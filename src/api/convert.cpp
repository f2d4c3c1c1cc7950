#include "api/convert.h"

#include "api/knob_names.h"
#include "app/pretty_json.h"
#include "base/hint.h"
#include "base/json.h"
#include "base/one_line.h"
#include "base/text.h"
#include "plan/explain.h"

namespace mxpath::api {
namespace {

Message to_api(const harmony::Message& m) {
  return {.role = std::string(name_of(m.role)),
          .content = m.content,
          .channel = m.channel,
          .recipient = m.recipient,
          .name = m.author_name};
}

/// More layers than the model has are all of them, as on the command line.
Status check_layers(const char* name, const std::optional<int>& layers) {
  if (!layers || (*layers >= 0 && *layers <= most_layers)) return {};
  return wrong_use("{} {}: must be between 0 and {}", name, *layers, most_layers);
}

Status set_penalties(SamplingOptions& out, const GenerateOptions& options) {
  if (!(options.repetition_penalty > 0 && options.repetition_penalty <= 100))
    return wrong_use("repetition_penalty {}: must be above 0 and at most 100", options.repetition_penalty);
  for (const auto& [name, value] : {std::pair("presence_penalty", options.presence_penalty),
                                    std::pair("frequency_penalty", options.frequency_penalty)})
    if (!(value >= -100 && value <= 100)) return wrong_use("{} {}: must be between -100 and 100", name, value);
  out.repetition_penalty = options.repetition_penalty, out.presence_penalty = options.presence_penalty;
  out.frequency_penalty = options.frequency_penalty;
  return {};
}

Error::Kind kind_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::failed: return Error::Kind::failed;
    case ErrorKind::wrong_use: return Error::Kind::wrong_use;
    case ErrorKind::refused: return Error::Kind::refused;
  }
  return Error::Kind::failed;
}

}  // namespace

Error to_api(const mxpath::Error& error) {
  // One line: names in it come from files and callers.
  return {kind_of(error.kind), one_line(in_option_names(error.message)), option_hints(error.message)};
}

Answer to_api(ScheduledAnswer scheduled) {
  mxpath::Answer& answer = scheduled.answer;
  Answer out;
  out.queue_seconds = scheduled.queue_seconds;
  for (const auto& [token, logprob, top] : scheduled.logprobs)
    out.token_logprobs.push_back({token, static_cast<double>(logprob), {top.begin(), top.end()}});
  out.stop_reason = stop_reason(answer);
  const Generation& g = answer.generation;
  out.prompt_tokens = g.prompt_tokens, out.reused_tokens = g.reused_tokens;
  out.prompt_seconds = g.prompt_seconds, out.answer_seconds = g.answer_seconds;
  out.tokens = std::move(answer.generation.tokens);
  out.reasoning_tokens = answer.reasoning_tokens;
  out.text = std::move(answer.text), out.analysis = std::move(answer.analysis);
  for (const auto& message : answer.messages) out.messages.push_back(to_api(message));
  return out;
}

Score to_api(mxpath::Score score) { return {std::move(score.logprobs), std::move(score.top)}; }

std::string plan_json(const Plan& plan) { return pretty(report_in_words(plan_to_json(plan), option_wording)); }

Result<Policy> to_policy(const Options& options) {
  Policy policy;
  MXPATH_CHECK(set_device(policy, options.device));
  if (!options.split.empty()) MXPATH_CHECK(set_split(policy, options.split));
  MXPATH_CHECK(set_weights(policy, options.weights));
  MXPATH_CHECK(set_dense_weights(policy, options.dense_weights));
  if (options.threads < 0 || options.threads > 1024)
    return wrong_use("{} threads: must be between 0 (all cores) and 1024", options.threads);
  if (options.context < 0) return wrong_use("a context of {} tokens: must be 0 (the default) or more", options.context);
  MXPATH_CHECK(check_layers("gpu_layers", options.gpu_layers));
  MXPATH_CHECK(check_layers("cpu_experts", options.cpu_experts));
  policy.gpu_layers = options.gpu_layers, policy.cpu_experts = options.cpu_experts;
  policy.only = options.only, policy.exclude = options.exclude, policy.strict = options.strict;
  policy.deterministic = options.deterministic;
  policy.numerics = options.fast_numerics ? Numerics::fast : Numerics::checkpoint;
  MXPATH_CHECK(set_kv(policy, options.kv));
  if (options.sequences < 1 || options.sequences > most_sequences)
    return wrong_use("{}: must be between 1 and {}", mention(Knob::sequences, options.sequences), most_sequences);
  policy.sequences = options.sequences, policy.kv_memory = options.kv_memory;
  policy.threads = options.threads, policy.context = options.context, policy.memory_budget = options.memory_budget;
  return policy;
}

Result<ScheduledOptions> to_scheduled_options(const GenerateOptions& options, const SamplingOptions& defaults,
                                              int choices, const OnChoiceText& on_text) {
  if (options.max_new_tokens < 0)
    return wrong_use("max_new_tokens {}: must be 0 (until the context is full) or more", options.max_new_tokens);
  if (options.logprobs && (*options.logprobs < 0 || *options.logprobs > most_top))
    return wrong_use("logprobs {}: must be between 0 and {}", *options.logprobs, most_top);
  ScheduledOptions out;
  out.sampling = defaults;
  out.sampling.temperature = options.temperature.value_or(defaults.temperature),
  out.sampling.top_p = options.top_p.value_or(defaults.top_p);
  out.sampling.min_p = options.min_p.value_or(defaults.min_p),
  out.sampling.top_k = options.top_k.value_or(defaults.top_k);
  out.sampling.seed = options.seed;
  MXPATH_CHECK(check_sampling(out.sampling));
  MXPATH_CHECK(set_penalties(out.sampling, options));
  out.max_new_tokens = options.max_new_tokens, out.choices = choices, out.priority = options.priority;
  out.use_cache = options.use_cache, out.go_on = options.go_on, out.top = options.logprobs;
  if (on_text)
    out.on_delta = [&on_text](int choice, const Delta& delta) {
      if (!delta.text.empty()) on_text(choice, delta.channel, delta.text);
    };
  return out;
}

OnChoiceText of_one(const OnText& on_text) {
  if (!on_text) return {};
  return [&on_text](int, std::string_view channel, std::string_view text) { on_text(channel, text); };
}

Result<ConversationOptions> to_conversation_options(const GenerateOptions& options) {
  ConversationOptions out;
  MXPATH_TRY(out.effort, harmony::parse_effort(options.reasoning_effort));
  out.identity = options.identity, out.developer = options.developer;
  if (options.date.empty()) return out;
  MXPATH_CHECK(check_date(options.date));
  out.date = options.date;
  return out;
}

Result<harmony::Message> to_message(const Message& message) {
  const auto role = harmony::parse_role(message.role);
  if (!role)
    return wrong_use("a message has the role \"{}\"; choose system, developer, user, assistant or tool",
                     printable(message.role));
  harmony::Message out;
  out.role = *role, out.author_name = message.name, out.content = message.content;
  out.channel = message.channel, out.recipient = message.recipient;
  return out;
}

}  // namespace mxpath::api
