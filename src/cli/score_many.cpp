#include "cli/score_many.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "app/dirs.h"
#include "app/reports/texts_report.h"
#include "app/score_input.h"
#include "base/text.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/start.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

/// Windows side by side where the user names no number: enough that steps of short texts are full.
constexpr size_t usual_sequences = 16;

/// What there is to score, and its names.
struct Texts {
  std::vector<std::string> names;
  std::vector<std::vector<Token>> tokens;
};

Result<Texts> read_texts(const ScoreManyOptions& options, const ModelFiles& files) {
  std::vector<ScoreInput> inputs;
  for (const std::string& path : options.files) {
    MXPATH_TRY(ScoreInput input, read_score_file(path, files));
    inputs.push_back(std::move(input));
  }
  for (const std::string& path : options.lines) {
    MXPATH_TRY(auto of_file, read_score_lines(path, files));
    std::ranges::move(of_file, std::back_inserter(inputs));
  }
  Texts texts;
  for (ScoreInput& input : inputs) {
    const Status right = check_prompt(input.tokens, std::numeric_limits<int>::max(), files.manifest.config);
    if (!right.ok()) return fail("{}: {}", input.name, right.error().message);
    texts.names.push_back(std::move(input.name)), texts.tokens.push_back(std::move(input.tokens));
  }
  return texts;
}

/// Before a model is loaded; the places that the texts can use.
Result<Policy> policy_of(const ScoreManyOptions& options, const Texts& texts, const ModelFiles& files) {
  Policy policy = options.common.policy;
  const int context = std::min(policy.context ? policy.context : default_context, files.manifest.config.max_positions);
  if (options.stride >= context)
    return wrong_use("--stride {}: must be less than the context of {}", options.stride, plural(context, "token"));
  const auto stride = static_cast<size_t>(options.stride ? options.stride : std::max(context / 2, 1));
  size_t windows = 0;
  for (size_t i = 0; i < texts.tokens.size(); ++i)
    windows += score_windows(i, texts.tokens[i].size(), static_cast<size_t>(context), stride).size();
  if (policy.sequences == 0) policy.sequences = static_cast<int>(std::min(windows, usual_sequences));
  return policy;
}

class Run {
 public:
  Run(const ScoreManyOptions& options, const Texts& texts, bool json) : options_(options), texts_(texts), json_(json) {}

  Status score(ModelExecutor& executor) {
    const int context = executor.context(), stride = options_.stride ? options_.stride : std::max(context / 2, 1);
    if (!json_) print(texts_title());
    ScoreTextsOptions how{.stride = stride};
    how.go_on = [] { return !interrupted() && output_error() == 0; };
    how.on_text = [this](size_t text, const TextScore& one) { add(text, one); };
    how.progress = [this](int64_t read, int64_t total) { draw(read, total); };
    CatchInterrupt catching;
    const auto whole = score_texts(executor, texts_.tokens, how);
    bar_.clear();
    if (!whole.ok()) return whole.error();
    total_.seconds = seconds();
    end(*whole, context, stride);
    return {};
  }

 private:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }

  void add(size_t text, const TextScore& one) {
    ++total_.texts, total_.scored += std::ssize(one.logprobs), total_.sum += one.sum;
    total_.windows += one.windows;
    if (json_) return list_.push_back(text_json(texts_.names[text], one));
    bar_.clear();
    print(text_line(printable(texts_.names[text]), one));
  }
  void draw(int64_t read, int64_t total) {
    total_.read = read;
    const double rate = static_cast<double>(read) / std::max(seconds(), 1e-9);
    bar_.draw(fmt::format("{} of {}, {:.0f} tok/s", total_.texts, plural(texts_.names.size(), "text"), rate),
              static_cast<uint64_t>(read), static_cast<uint64_t>(total), seconds());
  }
  void end(bool whole, int context, int stride) {
    if (!whole && interrupted())
      tell(fmt::format("stopped by Ctrl-C after {} of {}", total_.texts, plural(texts_.names.size(), "text")));
    if (json_) {
      print_json({{"texts", std::move(list_)},
                  {"total", total_json(total_)},
                  {"context", context},
                  {"stride", stride},
                  {"whole", whole}});
      return;
    }
    print(total_text(total_, context, stride));
    write_stderr(fmt::format("{} read in {:.1f} s, {:.0f} tok/s\n", plural(total_.read, "token"), total_.seconds,
                             static_cast<double>(total_.read) / std::max(total_.seconds, 1e-9)));
  }

  const ScoreManyOptions& options_;
  const Texts& texts_;
  bool json_;
  FiguresBar bar_;
  TextsTotal total_;
  Json list_ = Json::array();
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace

Status score_many(const ScoreManyOptions& options, Program& program) {
  MXPATH_TRY(ModelFiles files, open_model_files(options.common.model, model_places()));
  MXPATH_TRY(const Texts texts, read_texts(options, files));
  CommonOptions common = options.common;
  MXPATH_TRY(common.policy, policy_of(options, texts, files));
  MXPATH_TRY(const auto runtime, start_visibly(std::move(files), common, {}, 0, program.json || !common.verbose));
  return Run(options, texts, program.json).score(runtime->session.executor());
}

}  // namespace mxpath::cli
