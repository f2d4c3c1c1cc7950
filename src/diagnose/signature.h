// The row type of the signature table: what a log must say, and what that means.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "diagnose/failure_class.h"

namespace mxpath::diagnose {

/// What else the log talks about. Found by the rows of kind `context`, asked for by the others.
enum class Context : uint8_t {
  gpt_oss,  // the model, by name
  mxfp4,
  triton,       // Triton or triton_kernels in the trace
  kernel_code,  // frames or files of a GPU kernel library
  dequantize,   // the weights were (or are being) expanded to bf16
  hub_kernels,  // the kernels package or kernels-community
  offload,      // device_map, CPU or disk placement
  training,     // trainer, LoRA, PEFT, backward
  transformers,
  unsloth,
  vllm,
  sglang,
  trtllm,
  llama_cpp,
  ollama,
  flashinfer,
  amd,      // ROCm, gfx, HIP
  no_bf16,  // "doesn't support torch.bfloat16"
  batch_invariant,
  moe_backend_flag,
  tensor_parallel,
  ptxas_detail,
  image_model,  // stable diffusion and the like: another world
  failure,      // some error was printed at all
  progress,     // the server came up: "Application startup complete", token rates
  lm_studio,
};

/// A set of Context.
struct Contexts {
  uint32_t bits = 0;
  constexpr Contexts() = default;
  constexpr Contexts(std::initializer_list<Context> list) {
    for (Context c : list) bits |= 1u << static_cast<int>(c);
  }
  constexpr bool empty() const { return bits == 0; }
  constexpr bool has(Context c) const { return bits >> static_cast<int>(c) & 1; }
  constexpr bool overlaps(Contexts other) const { return (bits & other.bits) != 0; }
};

/// A set of compute capabilities (90 for 9.0). Never a range: 12.0 is not "more" than 10.0. Empty: any.
struct Capabilities {
  int values[12] = {};
  constexpr Capabilities() = default;
  constexpr Capabilities(std::initializer_list<int> list) {
    int i = 0;
    for (int v : list) values[i++] = v;
  }
  constexpr bool empty() const { return values[0] == 0; }
  constexpr bool contains(int capability) const {
    for (int v : values)
      if (v == capability && v != 0) return true;
    return false;
  }
};

enum class Kind : uint8_t {
  finding,  // a cause
  wrapper,  // repeats an error that happened elsewhere: never a cause
  noise,    // a warning that is harmless
  context,  // sets a Context
};

enum class Confidence : uint8_t { low, medium, high };
std::string_view name_of(Confidence confidence);

/// What may be asked of the user when the text cannot decide.
enum class Need : uint8_t { checkpoint = 1, machine = 2, versions = 4, full_log = 8 };
struct Needs {
  uint8_t bits = 0;
  constexpr Needs() = default;
  constexpr Needs(std::initializer_list<Need> list) {
    for (Need n : list) bits |= static_cast<uint8_t>(n);
  }
  constexpr bool has(Need n) const { return bits & static_cast<uint8_t>(n); }
};

/// How strong a statement a row is. In one region of the log the stronger wins; then the first in the log.
enum Priority : int {
  exact = 100,    // the words of one cause
  likely = 150,   // the words of one cause in nearly all reports
  generic = 200,  // an error that often has a more exact one beside it
  weak = 300,     // only when nothing else is there
  hint = 400,     // a remark about behaviour, not an error
};

/// One row. Matching ignores case, white space, quotes, backslashes and box-drawing characters, so wrapped and decorated lines match.
struct Signature {
  std::string_view id;
  Kind kind = Kind::finding;
  FailureClass cls = FailureClass::cannot_tell;
  std::string_view phrases;  ///< any of these, separated by " || "; the row is looked at only where one occurs
  std::string_view pattern =
      {};  ///< PCRE2 on the lines around it (case-insensitive, a space matches any or no white space); empty: the phrase suffices
  int priority = exact;
  Confidence confidence = Confidence::high;
  bool elsewhere = false;           ///< this cause is not the kernel path's, though others of its class are
  Contexts all = {};                ///< every one must be in the log
  Contexts any = {};                ///< at least one
  Contexts none = {};               ///< none of them
  std::string_view versions = {};   ///< "triton<3.5 torch>=2.8": must hold where the version is known
  Capabilities caps = {};           ///< the GPUs on which this is the cause; must hold where the capability is known
  Needs must_know = {};             ///< facts without which the row is not used
  bool mxfp4_checkpoint = false;    ///< with must_know checkpoint: it must be MXFP4 (otherwise: it must not be)
  bool any_level = false;           ///< may also stand in a line of level INFO or DEBUG
  Context sets = Context::failure;  ///< kind context only
  Phrase summary = {};              ///< replaces the class's; {1} is the first group of the pattern
  Phrase why = {};
  Needs needs = {};        ///< class cannot_tell: what to ask for
  bool own_fixes = false;  ///< the class's remedies do not fit this cause: the answers, and the class's rows for every stack, are all
  std::string_view link = {};
};

/// All rows, in the order of the files. Built once.
const std::vector<const Signature*>& signatures();
/// The tables that signatures() concatenates.
std::span<const Signature> kernel_signatures();
std::span<const Signature> package_signatures();
std::span<const Signature> gate_signatures();
std::span<const Signature> other_signatures();
std::span<const Signature> chat_signatures();
std::span<const Signature> transformers5_signatures();
std::span<const Signature> context_signatures();
std::span<const Signature> noise_signatures();

/// A way out that the log's own lines name (a package, a version, a number, a flag, a file), or that belongs to one signature.
/// Answers come before the remedies of the class. Text of the log enters them only through a shape (answer_shape.h).
struct AnswerRow {
  std::string_view kind;             ///< as FixRow
  std::string_view text;             ///< what to type: {1} is the first group, {1/2} its share of the second, {1%2} its greatest divisor
                                     ///< that is not above the second, {1h} half of it; may be empty for an action
  Phrase note;                       ///< when and why, with the same braces
  std::string_view signatures = {};  ///< ids of the rows that it answers, separated by spaces; empty: every finding
  std::string_view pattern = {};     ///< PCRE2 on the lines of the finding, quotes kept; empty: the signature alone decides
  std::string_view shapes = {};      ///< one for each group of the pattern, separated by spaces
  Contexts stacks = {};              ///< only when the log shows one of these; empty: always
  Contexts none = {};                ///< not when the log shows one of these
  bool as_printed = false;           ///< such answers stand behind the others, in the order of the log
};
std::span<const AnswerRow> answer_rows();

/// One remedy. Which are shown is decided by class and by the stack that the log shows.
struct FixRow {
  FailureClass cls;
  Contexts stacks;         ///< shown when the log shows one of these; empty: always
  std::string_view kind;   ///< "command", "flag", "version" or "action"
  std::string_view text;   ///< what to type, the same in both languages; may be empty for an action
  Phrase note;             ///< when and why
  Capabilities caps = {};  ///< only for these GPUs, where the capability is known
};
std::span<const FixRow> fix_rows();

}  // namespace mxpath::diagnose
