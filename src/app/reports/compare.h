// What a format of weights, or of keys and values, costs and gives: bytes, distance to the FP32 forward, speed, right
// answers.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "app/model_files.h"
#include "base/json_fwd.h"
#include "base/progress.h"
#include "base/result.h"
#include "machine/machine.h"
#include "plan/policy.h"

namespace mxpath {

/// A text to measure along.
struct ComparePrompt {
  std::string text;
  bool plain = false;  ///< read as it stands; otherwise it is a user's message, and the answer of the FP32 forward is
                       ///< what is measured along
};

/// A problem with one right answer.
struct CompareProblem {
  std::string kind, prompt;
  std::string pattern;  ///< regular expression (PCRE2) that the final channel must match
};

struct CompareOptions {
  std::vector<std::string> weights;  ///< as set_weights takes them; empty: all that this checkpoint can be held in,
                                     ///< none twice, or where KV formats are compared, as stored alone
  /// Of keys and values, as set_kv takes them: each with each of the weights. Empty: the policy's, and nothing is said.
  std::vector<std::string> kv;
  std::vector<ComparePrompt> prompts;                       ///< empty: default_prompts()
  std::vector<CompareProblem> problems;                     ///< asked of every format, greedily; may be empty
  int positions = 256;                                      ///< next-token distributions that are compared, at most
  int speed_tokens = 64;                                    ///< decoded to measure tok/s
  std::function<void(const std::string&)> notice;           ///< fallbacks while loading, one sentence each
  std::function<Progress(std::string_view what)> progress;  ///< a bar for each step
};

struct ComparedFormat {
  std::string weights;  ///< as typed; the first of a report is the yardstick, "fp32 forward"
  std::string kv;       ///< of keys and values, as typed; empty where these are not compared
  std::string problem;  ///< why it could not be measured; empty: it was
  ErrorKind problem_kind = ErrorKind::failed;
  uint64_t bytes = 0;            ///< all weights in memory
  uint64_t kv_bytes = 0;         ///< the pages of keys and values of one context
  double kl = 0;                 ///< mean KL(fp32 ‖ format), nats
  double delta = 0;              ///< mean |Δ log-prob| of the given next tokens
  double top1 = 0;               ///< share of positions with the same most likely token
  double tokens_per_second = 0;  ///< one conversation, answering
  int right = 0;                 ///< problems, of CompareReport::problems
  std::string path;              ///< the path that the experts take for one token
};

/// "int8", "as-stored, kv fp16".
std::string name_of(const ComparedFormat& format);

struct CompareReport {
  std::string model, machine;
  int positions = 0, texts = 0, problems = 0;
  std::vector<ComparedFormat> formats;
};

/// Loads the model once for each format, one after another. The yardstick holds the weights as stored and computes in
/// FP32 throughout, and where KV formats are compared, keys and values are FP32 too: the same numbers as an FP32
/// forward over the dequantised weights, in less memory. The other formats run as `mxpath run` would run them, with the
/// paths that `policy` leaves. A format that cannot be held here becomes a line that says why. Errors, all before
/// anything is loaded: a vocabulary without the tokens of a conversation, a format that does not exist, no format that
/// could be held here (the first one's), a context in which answers would be cut off, an ill-formed pattern. Later
/// ones: a yardstick that cannot be loaded, no text.
Result<CompareReport> compare(const ModelFiles& files, const Machine& machine, const Policy& policy,
                              const CompareOptions& options);

/// The verdict on a report. Errors: a format that was asked for by name and that is refused by `strict`; the first
/// format's if none could be measured.
Status check_compare(const CompareReport& report, const CompareOptions& options);

/// One prompt per line; a line that begins with { is an object with "prompt" (a user's message) or "text" (read as it
/// stands). Empty lines are skipped. Errors: JSON that is none, another object, no prompt at all; each with its line.
Result<std::vector<ComparePrompt>> parse_prompts(std::string_view text, std::string_view where);
/// problems.jsonl beside a model: {"kind", "prompt", "pattern"} a line. No such file: none.
Result<std::vector<CompareProblem>> read_problems(const std::string& folder);
/// `count` of each kind.
std::vector<CompareProblem> some_of_each_kind(const std::vector<CompareProblem>& problems, int count);
/// A few questions of general interest.
std::vector<ComparePrompt> default_prompts();

std::string compare_text(const CompareReport& report);
Json compare_json(const CompareReport& report);
/// Size against KL, for a web page: readable on a light and on a dark ground.
std::string compare_svg(const CompareReport& report);

}  // namespace mxpath
