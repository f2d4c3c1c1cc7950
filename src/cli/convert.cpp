// `mxpath convert`: a checkpoint in another layout or number format.
#include "convert/convert.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "app/dirs.h"
#include "base/text.h"
#include "checkpoint/locate.h"
#include "cli/choice.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/size.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

struct ConvertCommand {
  std::string source, target;
  convert::ConvertOptions options;
  bool verbose = false;
};

/// A file as it is (a GGUF file is no checkpoint to look up), else what locate finds.
Result<std::string> source_path(const std::string& typed) {
  std::error_code ignored;
  const std::string path = expanded_unless_there(typed);
  if (std::filesystem::is_regular_file(path, ignored) && !glob_match("*/manifests/*", path)) return path;
  MXPATH_TRY(LocatedModel located, locate(typed, model_places()));
  for (const std::string& decision : located.decisions) tell(decision);
  return std::move(located.folder);
}

/// One line on a terminal: files, bytes per second since this run began, time left.
class RateBar {
 public:
  ~RateBar() { clear(); }
  Progress callback() {
    if (!understands_codes(2)) return {};
    return [this](std::string_view what, uint64_t done, uint64_t total) {
      if (what.starts_with("checking ")) show(std::string(what));  // no progress of this run
      else draw(done, total);
    };
  }
  void clear() {
    if (std::exchange(drawn_, false)) write_stderr("\r\x1b[K");
  }

 private:
  using Clock = std::chrono::steady_clock;

  void draw(uint64_t done, uint64_t total) {
    const auto now = Clock::now();
    if (!first_) first_ = done, began_ = last_ = now;
    if (now - last_ < std::chrono::milliseconds(200)) return;
    last_ = now;
    const double time = std::chrono::duration<double>(now - began_).count();
    const std::string what = fmt::format("converting, {}/s", human_bytes(static_cast<double>(done - *first_) / time));
    show(progress_line(what, done - *first_, total - *first_, time));
  }

  void show(const std::string& line) {
    drawn_ = true;
    write_stderr(fmt::format("\r{}\x1b[K", terminal_visible(line)));  // the name of a file may be in it
  }

  std::optional<uint64_t> first_;  // a resumed run does not begin at 0
  Clock::time_point began_, last_;
  bool drawn_ = false;
};

Status run(const ConvertCommand& command, const Program& program) {
  RateBar bar;
  convert::ConvertOptions options = command.options;
  options.progress = bar.callback();
  MXPATH_TRY(const std::string source, source_path(command.source));
  MXPATH_TRY(const convert::ConvertReport report, convert::convert(source, command.target, options));
  bar.clear();
  if (program.json) print_json(to_json(report));
  else print(to_text(report));
  return {};
}

}  // namespace

void add_convert(CLI::App& app, Program& program) {
  auto options = std::make_shared<ConvertCommand>();
  CLI::App* command =
      app.add_subcommand("convert", "Write a checkpoint in another layout or number format; reads GGUF too");
  command
      ->add_option("SRC", options->source,
                   "a folder, a name in the Hugging Face cache, demo, or a GGUF file of llama.cpp or Ollama")
      ->required();
  command->add_option("DST", options->target, "the folder to write; must not exist yet, or be empty")
      ->transform(expanded_path())
      ->required();
  add_choice<CheckpointLayout>(*command, "--to", options->options.target,
                               {{"bf16", CheckpointLayout::hugging_face_bf16},
                                {"mxfp4", CheckpointLayout::hugging_face_mxfp4},
                                {"original", CheckpointLayout::openai_original}},
                               "bf16 and mxfp4 as on Hugging Face, or original: MXFP4 with OpenAI's names")
      ->required();
  add_choice<ScaleRule>(*command, "--scale-rule", options->options.scale_rule,
                        {{"ocp", ScaleRule::ocp}, {"ceil", ScaleRule::ceil}, {"nearest", ScaleRule::nearest}},
                        "how block scales are chosen when numbers become MXFP4; ceil (default) never saturates");
  const auto set_size = [options](const std::string& text) {
    const auto size = parse_size(text);
    if (!size)
      throw CLI::ValidationError("--shard-bytes " + printable(text) +
                                 ": give a number of bytes, or one with a unit such as 500MB, 1.5GB or 2GiB");
    options->options.shard_bytes = *size;
  };
  command
      ->add_option_function<std::string>("--shard-bytes", set_size,
                                         "start a new file beyond this size, such as 500MB or 2GiB; 5GB by default")
      ->type_name("SIZE");
  command->add_flag("--resume", options->options.resume, "go on with a conversion that was interrupted");
  command->add_option("--threads", options->options.threads, "threads; default: all cores this process may use")
      ->check(whole_number(1, 1024))
      ->type_name("N");
  add_output_options(*command, options->verbose, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
