// The public C++ API: load a gpt-oss model, ask it from as many threads as you like, continue tokens, score them. Needs
// nothing but the standard library.
//
//   auto engine = mxpath::api::Engine::load("demo");
//   if (!engine) return report(engine.error());
//   auto answer = engine->ask("Solve 7x + 12 = 61.", {}, [](auto channel, auto text) { std::cout << text; });
//
// Nothing here throws, prints or ends the program. Units: bytes, seconds, tokens; log-probabilities are natural.
#pragma once
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mxpath {
class Cancellation;
}

namespace mxpath::api {

/// An option that an error speaks of, and the value that it had or should have: {"context", "4096"}; no value where
/// only the option is meant.
struct Hint {
  std::string option;
  std::string value;
};

/// Why something could not be done, as one sentence for a person: what, where, what to do.
struct Error {
  enum class Kind {
    failed,     ///< the input or the machine does not allow it
    wrong_use,  ///< invalid argument: a value out of range, a path that does not exist
    refused,    ///< Options::strict does not accept what would have to be done
  };
  Kind kind = Kind::failed;
  std::string message;
  std::vector<Hint> hints = {};  ///< the options in the message, in its order; `context=4096` there
};

/// Holds a T or an Error. Accessing the inactive alternative is undefined (asserts in debug).
template <class T>
class [[nodiscard]] Outcome {
 public:
  Outcome(T value) : value_(std::move(value)) {}
  Outcome(Error error) : error_(std::move(error)) {}
  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  T& operator*() { return assert(ok()), *value_; }
  const T& operator*() const { return assert(ok()), *value_; }
  T* operator->() { return assert(ok()), &*value_; }
  const T* operator->() const { return assert(ok()), &*value_; }
  const Error& error() const { return assert(!ok()), error_; }

 private:
  std::optional<T> value_;
  Error error_;
};

/// How a model is to run; the same words as on the command line.
struct Options {
  std::string device = "auto";        ///< auto, cpu, cuda, cuda:N, a GPU's UUID, or several: "cuda:0,cuda:1"
  std::string split = {};             ///< layers on each GPU, as in "20,16"; empty: by their free memory
  std::string weights = "as-stored";  ///< format of the experts: as-stored, mxfp4, fp32, fp16, bf16, fp8-e4m3,
                                      ///< fp8-e5m2, int8, int4 (groups of 32), int4-g64, nf4 (blocks of 64), nf4-g32
  /// Format of the attention projections and the head: as-stored, bf16, fp8-e4m3, int8.
  std::string dense_weights = "as-stored";
  std::vector<std::string> only = {};     ///< globs of path names: where an operation has such a path, no other is used
  std::vector<std::string> exclude = {};  ///< globs of path names that are never used
  bool fast_numerics = false;             ///< true: paths that quantise activations may be chosen
  bool strict = false;                    ///< an error instead of a fallback or a change of precision
  /// An answer has the same bits whatever is asked at the same time: paths that the batch does not change, one for all
  /// token counts. On a CPU alone; GPUs have no such paths yet.
  bool deterministic = false;
  int threads = 0;                     ///< 0: all cores this process may use
  int context = 0;                     ///< tokens; 0: 8192, or what the model allows
  std::optional<int> gpu_layers = {};  ///< number of trailing layers to place on the GPU; none: as many as fit
  /// Among those, how many keep their experts on the CPU; none: the fewest that fit.
  std::optional<int> cpu_experts = {};
  uint64_t memory_budget = 0;  ///< bytes the model may take; 0: what is free
  int sequences = 8;           ///< answers that are written at once, at most 1024; what comes beyond waits for its turn
  std::string kv = "bf16";     ///< format of keys and values: bf16, fp16, fp32, fp8-e4m3, int8
  /// Bytes for keys and values on each device; 0: a whole context for each sequence, as far as it fits. Answers share
  /// them by need: where they run out, the youngest waits.
  uint64_t kv_memory = 0;
  /// Seconds that a step may take while answers wait for it, so that a long prompt does not hold them up; 0: a few
  /// times what a step without prompts takes.
  double step_target = 0;
  /// Called while the model loads.
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> progress = {};
  std::function<void(const std::string&)> notice = {};  ///< called with one sentence for each fallback
};

/// What a loaded model is.
struct ModelInfo {
  int layers = 0, experts = 0, experts_per_token = 0, hidden = 0;
  int vocabulary = 0;
  int context = 0;            ///< tokens that a conversation may have
  uint64_t weight_bytes = 0;  ///< as packed in memory, the GPU's included
  double load_seconds = 0;
};

struct Message {
  std::string role = {};  ///< system, developer, user, assistant, tool
  std::string content = {};
  std::string channel = {};    ///< the assistant's channel: analysis, commentary, final
  std::string recipient = {};  ///< "" or a tool such as functions.get_weather
  std::string name = {};       ///< the name of the tool that answers
};

/// A wish to stop. Copies are one wish; all calls from any thread. Give one to the calls that shall end together.
class CancelToken {
 public:
  CancelToken();
  CancelToken(const CancelToken&) = default;  // and no move: a token is never empty
  CancelToken& operator=(const CancelToken&) = default;
  /// For good: the answers that have it, now or later, end with the stop reason "cancelled" and what they had, within a
  /// step of the model.
  void cancel() const;
  bool cancelled() const;

 private:
  friend struct EngineState;
  std::shared_ptr<Cancellation> shared_;
};

struct GenerateOptions {
  int max_new_tokens = 0;  ///< 0: until prompt and answer fill the context
  /// Texts before which an answer ends, with the stop reason "stop"; at most 16. They are looked for in the text that a
  /// user is meant to read, within one message, wherever tokens and characters end. Neither they nor what may become
  /// one is streamed; Answer::tokens holds their tokens.
  std::vector<std::string> stop = {};
  std::optional<float> temperature = {};        ///< 0 (greedy) to 100; none: the model's default, else 1
  std::optional<float> top_p = {}, min_p = {};  ///< in (0, 1], [0, 1]
  std::optional<int> top_k = {};                ///< 0: all
  /// Of tokens that the answer holds already: their logits are divided by it where they are positive, multiplied
  /// where negative; above 0 to 100; 1: none.
  float repetition_penalty = 1;
  /// Subtracted from their logits: once, and for each time; -100 to 100.
  float presence_penalty = 0, frequency_penalty = 0;
  uint64_t seed = 0;                         ///< the same seed gives the same answer, whatever the number of threads
  bool use_cache = true;                     ///< false: read the whole text again for every token
  std::string reasoning_effort = "medium";   ///< low, medium, high; ask() only
  std::optional<std::string> identity = {};  ///< first line of the system message; ask() only
  std::string developer = {};                ///< instructions; ask() only
  std::string date = {};                     ///< "2025-06-28"; "": no date in the system message; ask() only
  /// Asked before each chunk of the prompt and after each token, and once a second while neither comes; false: stop.
  std::function<bool()> go_on = {};
  std::optional<CancelToken> cancel = {};  ///< for other threads
  /// Report the log-probability of each token, and so many of the most likely ones with it, at most 20; none: nothing.
  std::optional<int> logprobs = {};
  int priority = 0;  ///< higher goes first where more is asked than Options::sequences
};

/// Called with every piece of text as it comes, whole UTF-8 characters. channel: analysis, commentary, final; ""
/// without harmony.
using OnText = std::function<void(std::string_view channel, std::string_view text)>;
/// The same of one of several answers, from 0.
using OnChoiceText = std::function<void(int choice, std::string_view channel, std::string_view text)>;

struct TokenLogprob {
  int32_t token = 0;
  double logprob = 0;                           ///< among all of the vocabulary, before penalties and temperature
  std::vector<std::pair<int32_t, double>> top;  ///< the most likely (id, logprob) there, best first
};

struct Answer {
  std::vector<int32_t> tokens;  ///< the new tokens, the stop token included
  std::string text;  ///< final messages (and preambles); everything new in continue_tokens; "": the turn had none
  std::string analysis;
  int reasoning_tokens = 0;       ///< tokens of the analysis
  std::vector<Message> messages;  ///< the assistant's, each on a channel that is known; empty in continue_tokens
  std::string stop_reason;        ///< stop, tool_call, length, context, cancelled
  int prompt_tokens = 0, reused_tokens = 0;  ///< reused: still in the cache from the call before
  double queue_seconds = 0;                  ///< until the prompt was begun
  double prompt_seconds = 0, answer_seconds = 0;
  std::vector<TokenLogprob> token_logprobs;  ///< of each of `tokens`, where GenerateOptions::logprobs asks for them
};

struct Score {
  std::vector<double> logprobs;  ///< [n - 1]: of token i + 1 after tokens 0..i
  std::vector<std::vector<std::pair<int32_t, double>>>
      top;  ///< [n] the most likely (id, logprob) after token i, best first; empty without `top`
};

/// Returns the plan for a model and a machine, from headers only, as `mxpath plan` prints it. machine: "" for this one,
/// a file, or the name of a machine that mxpath knows. json: the same as JSON instead of text.
Outcome<std::string> plan(std::string_view model, const Options& options = {}, std::string_view machine = "",
                          bool json = false);

struct EngineState;
class Sequence;

/// A loaded model. All calls may come from several threads at once: their answers are written side by side, and none
/// depends on what else is asked but by the rounding of paths whose results depend on the batch (plan_text(true) says
/// which). Callbacks are called on the thread that asks, may ask the engine themselves, and may throw: what they throw
/// comes out of the call. Moving or destroying an engine is for one thread, when no call runs.
class Engine {
 public:
  /// model: a folder, a name in the Hugging Face cache, or "demo". Errors: no such model, every defect of its files,
  /// too little memory, a refused or impossible option. Blocks until the weights are packed and the paths have passed
  /// their self-check.
  static Outcome<Engine> load(std::string_view model, const Options& options = {});
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;
  ~Engine();

  const ModelInfo& info() const;
  std::string plan_text(bool verbose = false) const;
  std::string plan_json() const;

  /// Converts ordinary text to ids; special tokens in it are read as text. decode never fails: a token without text
  /// becomes U+FFFD.
  std::vector<int32_t> encode(std::string_view text) const;
  std::string decode(std::span<const int32_t> tokens) const;

  /// Asks one question in the harmony format. Errors: an empty question, one longer than the context, an option out of
  /// range, a model whose vocabulary lacks the special tokens.
  Outcome<Answer> ask(std::string_view question, const GenerateOptions& options = {}, const OnText& on_text = {});
  /// Answers a conversation, whose last message is a user's or a tool's. A leading system message sets the identity
  /// line, developer messages the instructions. Analysis of finished turns is dropped. Errors: as above, and an unknown
  /// role.
  Outcome<Answer> ask(std::span<const Message> messages, const GenerateOptions& options = {},
                      const OnText& on_text = {});

  /// Continues token ids as they are; stops at <|return|>, <|endoftext|> or the config's eos. Errors: no tokens, an id
  /// outside the vocabulary, more tokens than the context holds.
  Outcome<Answer> continue_tokens(std::span<const int32_t> tokens, const GenerateOptions& options = {},
                                  const OnText& on_text = {});

  /// Several answers, 1 to 128, to one prompt, which is read once. The first is the one that ask() gives; each draws
  /// for itself, so without a temperature all are the same. go_on and cancel end all of them.
  Outcome<std::vector<Answer>> ask_several(std::span<const Message> messages, int choices,
                                           const GenerateOptions& options = {}, const OnChoiceText& on_text = {});
  Outcome<std::vector<Answer>> continue_several(std::span<const int32_t> tokens, int choices,
                                                const GenerateOptions& options = {}, const OnChoiceText& on_text = {});

  /// Scores the tokens by teacher forcing. top: how many of the most likely tokens to report at each place. Answers
  /// pause until it is done. Errors: as continue_tokens.
  Outcome<Score> score(std::span<const int32_t> tokens, int top = 0);
  /// The logits [vocabulary] after the tokens, as the model computes them. Answers pause until they are there. Errors:
  /// as continue_tokens.
  Outcome<std::vector<float>> logits(std::span<const int32_t> tokens);

  /// The tokens that ask() would read: the conversation in the harmony format, up to <|start|>assistant. Errors: as
  /// ask().
  Outcome<std::vector<int32_t>> render(std::span<const Message> messages, const GenerateOptions& options = {}) const;
  /// A text on this engine, which lives on as long as it does.
  Sequence sequence(std::span<const int32_t> tokens = {});

 private:
  explicit Engine(std::shared_ptr<EngineState> state);
  std::shared_ptr<EngineState> state_;
};

/// A text that grows: by what is appended, and by what the model answers. What was read of it stays in the engine's
/// cache until its room is needed, and is read again then; forks share it, and destroying one leaves nothing behind
/// that stands in anyone's way. A chat needs none: ask() with its messages so far finds in the cache what was read.
///
/// All calls from any thread. While one generates, append and a second generate are an error; fork and tokens give the
/// text without the answer that is on its way.
class Sequence {
 public:
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;
  ~Sequence();

  std::vector<int32_t> tokens() const;
  /// Another text that begins with this one.
  Sequence fork() const;
  /// How many tokens it has then. Errors: the model is answering; an id outside the vocabulary.
  Outcome<int> append(std::span<const int32_t> tokens);
  /// Continues the text as Engine::continue_tokens does, or as Engine::ask does where `harmony` says that it ends in
  /// <|start|>assistant, as Engine::render makes it. The new tokens become part of it, those of a cancelled answer too;
  /// after an error it is as before. Errors: as there, and the model is answering.
  Outcome<Answer> generate(const GenerateOptions& options = {}, const OnText& on_text = {}, bool harmony = false);

 private:
  friend class Engine;
  struct Text;
  explicit Sequence(std::unique_ptr<Text> text);
  std::unique_ptr<Text> text_;
};

/// "0.1.0"
std::string_view version();

}  // namespace mxpath::api
