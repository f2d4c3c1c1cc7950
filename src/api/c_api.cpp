// The C API over the C++ one: arguments are checked, exceptions end here.
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include "mxpath/mxpath.h"
#include "mxpath/mxpath_c.h"

struct mxpath_engine {
  mxpath::api::Engine engine;
};

struct mxpath_answer {
  mxpath::api::Answer answer;
};

namespace mxpath::api {
namespace {

/// No struct of this header will ever be as large; a size above is memory that was never initialised.
constexpr size_t most_struct_bytes = 4096;
/// What version 0.1 had of each struct: up to its last field of then. Fields are only ever added behind.
constexpr size_t first_options_bytes = offsetof(mxpath_options, user) + sizeof(void*);
constexpr size_t first_generate_options_bytes = offsetof(mxpath_generate_options, user) + sizeof(void*);
constexpr size_t first_model_info_bytes = offsetof(mxpath_model_info, load_seconds) + sizeof(double);

std::string text_or_empty(const char* text) { return text ? text : ""; }

/// Copies a text to the heap of C, so that mxpath_free fits all. Null when there is no memory left.
char* copied(std::string_view text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (!copy) return nullptr;
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

mxpath_status status_of(Error::Kind kind) {
  switch (kind) {
    case Error::Kind::failed: return MXPATH_FAILED;
    case Error::Kind::wrong_use: return MXPATH_WRONG_USE;
    case Error::Kind::refused: return MXPATH_REFUSED;
  }
  return MXPATH_FAILED;
}

mxpath_status told(char** error, mxpath_status status, std::string_view sentence) {
  if (error) *error = copied(sentence);
  return status;
}

/// Why a call ends early: nothing, or an error of the C++ API.
using Verdict = std::optional<Error>;

Verdict wrong_use(std::string sentence) { return Error{Error::Kind::wrong_use, std::move(sentence), {}}; }

/// Runs the body of a function; whatever it throws becomes a status.
template <class Body>
mxpath_status guarded(char** error, Body body) noexcept {
  if (error) *error = nullptr;
  try {
    const Verdict verdict = body();
    return verdict ? told(error, status_of(verdict->kind), verdict->message) : MXPATH_OK;
  } catch (const std::bad_alloc&) {
    return told(error, MXPATH_FAILED, "no memory is left for what was asked");
  } catch (const std::exception& thrown) {
    return told(error, MXPATH_FAILED, thrown.what());
  } catch (...) {
    return told(error, MXPATH_FAILED, "a callback threw something that is no std::exception");
  }
}

/// The caller's struct as the one of this library: what an older one lacks has its default, what a newer one has more
/// must be zero.
template <class Struct>
Verdict read_struct(const Struct* given, Struct& out, const char* name, size_t first_size) {
  if (!given) return {};
  if (given->size < first_size || given->size > most_struct_bytes)
    return wrong_use(std::string(name) + ": its size is " + std::to_string(given->size) + "; fill it with " + name +
                     "_init first");
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(Struct); i < given->size; ++i)
    if (bytes[i] != 0)
      return wrong_use(std::string(name) + ": it sets something that this version of the library does not know");
  const size_t own = std::min(given->size, sizeof(Struct));
  std::memcpy(&out, given, own);
  out.size = sizeof(Struct);
  return {};
}

/// what: "glob", as sentences call one of them.
Verdict read_texts(const char* const* texts, size_t count, const char* name, const std::string& what,
                   std::vector<std::string>& out) {
  if (count > 0 && !texts)
    return wrong_use(std::string(name) + ": null, but " + std::to_string(count) + " " + what + "s are promised");
  for (size_t i = 0; i < count; ++i) {
    if (!texts[i]) return wrong_use(std::string(name) + ": " + what + " " + std::to_string(i) + " is null");
    out.emplace_back(texts[i]);
  }
  return {};
}

/// -1: none.
std::optional<int> layers_or_none(int layers) { return layers == -1 ? std::nullopt : std::optional<int>(layers); }

Verdict to_options(const mxpath_options* given, Options& out) {
  mxpath_options c;
  mxpath_options_init(&c);
  if (auto wrong = read_struct(given, c, "mxpath_options", first_options_bytes)) return wrong;
  if (c.device) out.device = c.device;
  if (c.split) out.split = c.split;
  if (c.weights) out.weights = c.weights;
  if (c.dense_weights) out.dense_weights = c.dense_weights;
  if (auto wrong = read_texts(c.only, c.only_count, "only", "glob", out.only)) return wrong;
  if (auto wrong = read_texts(c.exclude, c.exclude_count, "exclude", "glob", out.exclude)) return wrong;
  out.fast_numerics = c.fast_numerics != 0;
  out.strict = c.strict != 0;
  out.threads = c.threads;
  out.context = c.context;
  out.gpu_layers = layers_or_none(c.gpu_layers);
  out.cpu_experts = layers_or_none(c.cpu_experts);
  out.memory_budget = c.memory_budget;
  if (c.sequences != 0) out.sequences = c.sequences;
  if (c.kv) out.kv = c.kv;
  out.kv_memory = c.kv_memory;
  out.step_target = c.step_target;
  out.deterministic = c.deterministic != 0;
  if (c.progress)
    out.progress = [c](std::string_view what, uint64_t done, uint64_t total) {
      c.progress(c.user, std::string(what).c_str(), done, total);
    };
  if (c.notice) out.notice = [c](const std::string& sentence) { c.notice(c.user, sentence.c_str()); };
  return {};
}

std::optional<float> number_or_none(float number) { return number == -1 ? std::nullopt : std::optional<float>(number); }

/// The options of a call, and what its callbacks need while it lasts.
struct Call {
  mxpath_generate_options c;
  bool stopped = false;
  GenerateOptions options;
  OnText on_text;
};

Verdict to_call(const mxpath_generate_options* given, Call& call) {
  mxpath_generate_options& c = call.c;
  mxpath_generate_options_init(&c);
  if (auto wrong = read_struct(given, c, "mxpath_generate_options", first_generate_options_bytes)) return wrong;
  GenerateOptions& out = call.options;
  out.max_new_tokens = c.max_new_tokens;
  out.temperature = number_or_none(c.temperature);
  out.top_p = number_or_none(c.top_p);
  out.min_p = number_or_none(c.min_p);
  if (c.top_k != -1) out.top_k = c.top_k;
  out.seed = c.seed;
  out.use_cache = c.use_cache != 0;
  if (c.repetition_penalty != 0) out.repetition_penalty = c.repetition_penalty;
  out.presence_penalty = c.presence_penalty;
  out.frequency_penalty = c.frequency_penalty;
  out.priority = c.priority;
  if (auto wrong = read_texts(c.stop, c.stop_count, "stop", "text", out.stop)) return wrong;
  if (c.reasoning_effort) out.reasoning_effort = c.reasoning_effort;
  if (c.identity) out.identity = c.identity;
  out.developer = text_or_empty(c.developer);
  out.date = text_or_empty(c.date);
  out.go_on = [&call] { return !call.stopped && !(call.c.cancelled && call.c.cancelled(call.c.user) != 0); };
  if (c.on_text)
    call.on_text = [&call](std::string_view channel, std::string_view text) {
      if (call.stopped) return;
      call.stopped =
          call.c.on_text(call.c.user, std::string(channel).c_str(), std::string(text).c_str(), text.size()) != 0;
    };
  return {};
}

Message to_message(const mxpath_message& message) {
  return {.role = text_or_empty(message.role),
          .content = text_or_empty(message.content),
          .channel = text_or_empty(message.channel),
          .recipient = text_or_empty(message.recipient),
          .name = text_or_empty(message.name)};
}

Verdict hand_out(std::string_view text, char** out) {
  *out = copied(text);
  return *out ? Verdict() : Verdict(Error{Error::Kind::failed, "no memory is left for the result", {}});
}

Verdict hand_out(Outcome<Answer> answer, mxpath_answer** out) {
  if (!answer) return answer.error();
  *out = new mxpath_answer{std::move(*answer)};
  return {};
}

/// Null for no tokens is as good as any address.
Verdict check_tokens(const mxpath_engine* engine, const int32_t* tokens, size_t count) {
  if (!engine) return wrong_use("engine: null");
  if (!tokens && count > 0) return wrong_use("tokens: null, but " + std::to_string(count) + " are promised");
  return {};
}

}  // namespace
}  // namespace mxpath::api

using namespace mxpath::api;

void mxpath_options_init(mxpath_options* options) {
  if (!options) return;
  *options = {};
  options->size = sizeof *options;
  options->gpu_layers = -1;
  options->cpu_experts = -1;
}

void mxpath_generate_options_init(mxpath_generate_options* options) {
  if (!options) return;
  *options = {};
  options->size = sizeof *options;
  options->top_k = -1;
  options->temperature = -1;
  options->top_p = -1;
  options->min_p = -1;
  options->use_cache = 1;
}

const char* mxpath_version(void) {
  static const std::string text(version());
  return text.c_str();
}

void mxpath_free(void* made) { std::free(made); }

mxpath_status mxpath_plan(const char* model, const mxpath_options* options, const char* machine, char** json,
                          char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!model) return wrong_use("model: null");
    if (!json) return wrong_use("json: null");
    Options how;
    if (auto wrong = to_options(options, how)) return wrong;
    const auto text = plan(model, how, text_or_empty(machine), true);
    return text ? hand_out(*text, json) : text.error();
  });
}

mxpath_status mxpath_load(const char* model, const mxpath_options* options, mxpath_engine** engine, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!model) return wrong_use("model: null");
    if (!engine) return wrong_use("engine: null");
    Options how;
    if (auto wrong = to_options(options, how)) return wrong;
    auto loaded = Engine::load(model, how);
    if (!loaded) return loaded.error();
    *engine = new mxpath_engine{std::move(*loaded)};
    return {};
  });
}

void mxpath_engine_free(mxpath_engine* engine) { delete engine; }

mxpath_status mxpath_engine_info(const mxpath_engine* engine, mxpath_model_info* info, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!engine) return wrong_use("engine: null");
    if (!info) return wrong_use("info: null");
    if (info->size < first_model_info_bytes || info->size > most_struct_bytes)
      return wrong_use("mxpath_model_info: its size is " + std::to_string(info->size) +
                       "; set it to sizeof(mxpath_model_info)");
    const ModelInfo& of = engine->engine.info();
    const mxpath_model_info full = {info->size,    of.layers,  of.experts,      of.experts_per_token, of.hidden,
                                    of.vocabulary, of.context, of.weight_bytes, of.load_seconds};
    std::memcpy(info, &full, std::min(info->size, sizeof full));
    return {};
  });
}

mxpath_status mxpath_engine_plan(const mxpath_engine* engine, char** json, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!engine) return wrong_use("engine: null");
    if (!json) return wrong_use("json: null");
    return hand_out(engine->engine.plan_json(), json);
  });
}

mxpath_status mxpath_tokenize(const mxpath_engine* engine, const char* text, size_t bytes, int32_t** tokens,
                              size_t* count, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!engine) return wrong_use("engine: null");
    if (!text && bytes > 0) return wrong_use("text: null, but " + std::to_string(bytes) + " bytes are promised");
    if (!tokens || !count) return wrong_use(std::string(tokens ? "count" : "tokens") + ": null");
    const auto ids = engine->engine.encode({text ? text : "", bytes});
    auto* out = static_cast<int32_t*>(std::malloc(std::max<size_t>(ids.size(), 1) * sizeof(int32_t)));
    if (!out) throw std::bad_alloc();
    std::copy(ids.begin(), ids.end(), out);
    *tokens = out;
    *count = ids.size();
    return {};
  });
}

mxpath_status mxpath_detokenize(const mxpath_engine* engine, const int32_t* tokens, size_t count, char** text,
                                size_t* bytes, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (auto wrong = check_tokens(engine, tokens, count)) return wrong;
    if (!text) return wrong_use("text: null");
    const std::string decoded = engine->engine.decode({tokens, count});
    if (auto wrong = hand_out(decoded, text)) return wrong;
    if (bytes) *bytes = decoded.size();
    return {};
  });
}

mxpath_status mxpath_ask(mxpath_engine* engine, const mxpath_message* messages, size_t count,
                         const mxpath_generate_options* options, mxpath_answer** answer, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (!engine) return wrong_use("engine: null");
    if (!messages && count > 0) return wrong_use("messages: null, but " + std::to_string(count) + " are promised");
    if (!answer) return wrong_use("answer: null");
    Call call;
    if (auto wrong = to_call(options, call)) return wrong;
    std::vector<Message> turns;
    for (size_t i = 0; i < count; ++i) turns.push_back(to_message(messages[i]));
    return hand_out(engine->engine.ask(turns, call.options, call.on_text), answer);
  });
}

mxpath_status mxpath_continue(mxpath_engine* engine, const int32_t* tokens, size_t count,
                              const mxpath_generate_options* options, mxpath_answer** answer, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (auto wrong = check_tokens(engine, tokens, count)) return wrong;
    if (!answer) return wrong_use("answer: null");
    Call call;
    if (auto wrong = to_call(options, call)) return wrong;
    return hand_out(engine->engine.continue_tokens({tokens, count}, call.options, call.on_text), answer);
  });
}

mxpath_status mxpath_score(mxpath_engine* engine, const int32_t* tokens, size_t count, double* logprobs, char** error) {
  return guarded(error, [&]() -> Verdict {
    if (auto wrong = check_tokens(engine, tokens, count)) return wrong;
    if (!logprobs && count > 1) return wrong_use("logprobs: null");
    const auto score = engine->engine.score({tokens, count});
    if (!score) return score.error();
    std::copy(score->logprobs.begin(), score->logprobs.end(), logprobs);
    return {};
  });
}

void mxpath_answer_free(mxpath_answer* answer) { delete answer; }
const char* mxpath_answer_text(const mxpath_answer* answer) { return answer ? answer->answer.text.c_str() : ""; }
const char* mxpath_answer_analysis(const mxpath_answer* answer) {
  return answer ? answer->answer.analysis.c_str() : "";
}
const char* mxpath_answer_stop_reason(const mxpath_answer* answer) {
  return answer ? answer->answer.stop_reason.c_str() : "";
}

const int32_t* mxpath_answer_tokens(const mxpath_answer* answer, size_t* count) {
  if (count) *count = answer ? answer->answer.tokens.size() : 0;
  return answer ? answer->answer.tokens.data() : nullptr;
}

size_t mxpath_answer_message_count(const mxpath_answer* answer) { return answer ? answer->answer.messages.size() : 0; }

int mxpath_answer_message(const mxpath_answer* answer, size_t index, mxpath_message* message) {
  if (!message || index >= mxpath_answer_message_count(answer)) return 0;
  const Message& m = answer->answer.messages[index];
  *message = {m.role.c_str(), m.content.c_str(), m.channel.c_str(), m.recipient.c_str(), m.name.c_str()};
  return 1;
}
