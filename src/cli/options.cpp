#include "cli/options.h"

#include <CLI/CLI.hpp>
#include <limits>

#include "base/text.h"
#include "cli/choice.h"
#include "cli/size.h"

namespace mxpath::cli {
namespace {

constexpr const char* planning = "Planning";
constexpr int most_threads = 1024;

void add_globs(CLI::App& command, const std::string& name, std::vector<std::string>& globs, const std::string& text,
               const std::string& group) {
  // One glob each time it is given: a greedy list would swallow MODEL.
  command.add_option(name, globs, text)
      ->type_name("GLOB")
      ->type_size(1)
      ->allow_extra_args(false)
      ->delimiter(',')
      ->group(group);
}

void add_paths(CLI::App& command, Policy& policy) {
  add_globs(command, "--only", policy.only, "use only paths that match, where an operation has any", planning);
  add_globs(command, "--exclude", policy.exclude, "never use paths that match", planning);
  add_globs(command, "--inject-failure", policy.inject_failure,
            "let the self-check of these paths fail: GLOB or GLOB:image, :exact, :random, :packing, :device", "");
  command
      .add_flag("--deterministic", policy.deterministic,
                "an answer has the same bits whatever is asked beside it: one path, which the batch does not change, "
                "for all token counts")
      ->group(planning);
  command.add_flag("--strict", policy.strict, "an error instead of a fallback or a change of precision (exit 3)")
      ->group(planning);
}

void add_precision(CLI::App& command, Policy& policy) {
  command
      .add_option_function<std::string>(
          "--weights", [&policy](const std::string& text) { or_throw(set_weights(policy, text)); },
          "format of the experts: as-stored (default), mxfp4, fp32, fp16, bf16, fp8-e4m3, fp8-e5m2, int8, int4, "
          "int4-g64, nf4 or nf4-g32")
      ->type_name("FORMAT")
      ->group(planning);
  command
      .add_option_function<std::string>(
          "--dense-weights", [&policy](const std::string& text) { or_throw(set_dense_weights(policy, text)); },
          "format of the attention projections and the head: as-stored (default), bf16, fp8-e4m3 or int8")
      ->type_name("FORMAT")
      ->group(planning);
  add_choice<Numerics>(command, "--numerics", policy.numerics,
                       {{"checkpoint", Numerics::checkpoint}, {"fast", Numerics::fast}},
                       "checkpoint (default), or fast: paths that quantise activations may be chosen too")
      ->group(planning);
  add_choice<Goal>(command, "--for", policy.goal,
                   {{"decode", Goal::decode}, {"balanced", Goal::balanced}, {"prefill", Goal::prefill}},
                   "which token counts weigh most in the choice of a weight layout")
      ->group(planning);
}

void add_sequences(CLI::App& command, Policy& policy) {
  command
      .add_option("--sequences", policy.sequences,
                  "most sequences at once; default 1, and up to 16 with serve, --batch and for scoring many texts")
      ->check(whole_number(1, most_sequences))
      ->type_name("N")
      ->group(planning);
}

void add_cache(CLI::App& command, Policy& policy) {
  command
      .add_option_function<std::string>(
          "--kv", [&policy](const std::string& text) { or_throw(set_kv(policy, text)); },
          "format of keys and values: bf16 (default), fp16, fp32, fp8-e4m3 or int8")
      ->type_name("FORMAT")
      ->group(planning);
  const auto set_memory = [&policy](const std::string& text) {
    const auto bytes = parse_size(text);
    if (!bytes || *bytes == 0)
      throw CLI::ValidationError(fmt::format("--kv-memory {}: give a size such as 4GiB or 800MB", printable(text)));
    policy.kv_memory = *bytes;
  };
  command
      .add_option_function<std::string>(
          "--kv-memory", set_memory,
          "memory for keys and values on each device; default: a whole context for each sequence, as far as it fits")
      ->type_name("SIZE")
      ->group(planning);
}

void add_resources(CLI::App& command, Policy& policy) {
  command
      .add_option_function<std::string>(
          "--device", [&policy](const std::string& text) { or_throw(set_device(policy, text)); },
          "auto (default), cpu, cuda (as many GPUs as the model needs), cuda:N or a GPU's UUID; several as in "
          "cuda:0,cuda:1")
      ->type_name("DEVICE")
      ->group(planning);
  command.add_option("--threads", policy.threads, "threads; default: all cores this process may use")
      ->check(whole_number(1, most_threads))
      ->type_name("N")
      ->group(planning);
  command.add_option("--ctx", policy.context, "tokens of context; default 8192, or what the model allows")
      ->check(whole_number(1, std::numeric_limits<int>::max()))
      ->type_name("N")
      ->group(planning);
  const auto layer_count = [&command](const std::string& name, std::optional<int>& target, const std::string& text) {
    command
        .add_option_function<int>(
            name, [&target](int count) { target = count; }, text)
        ->check(whole_number(0, most_layers))
        ->type_name("N")
        ->group(planning);
  };
  command
      .add_option_function<std::string>(
          "--split", [&policy](const std::string& text) { or_throw(set_split(policy, text)); },
          "layers on each GPU, in the order of the GPUs; default: by their free memory")
      ->type_name("N,N")
      ->group(planning);
  layer_count("--gpu-layers", policy.gpu_layers, "number of trailing layers to place on GPUs; default: as many as fit");
  layer_count("--cpu-experts", policy.cpu_experts,
              "among those, how many keep their experts on the CPU; default: the fewest that fit");
  const auto set_memory = [&policy](double gib) {
    if (!(gib > 0 && gib <= 1 << 20)) throw CLI::ValidationError("--memory: must be above 0 and at most 1048576 GiB");
    policy.memory_budget = static_cast<uint64_t>(gib * double(uint64_t{1} << 30));
  };
  command.add_option_function<double>("--memory", set_memory, "GiB that the model may take; default: what is free")
      ->check(decimal_number())
      ->type_name("GIB")
      ->group(planning);
}

}  // namespace

void or_throw(const Status& status) {
  if (!status.ok()) throw CLI::ValidationError(status.error().message);
}

void add_model(CLI::App& command, std::string& model, bool required) {
  command.add_option("MODEL", model, "a folder, a name in the Hugging Face cache such as openai/gpt-oss-20b, or demo")
      ->required(required);
}

void add_output_options(CLI::App& command, bool& verbose, Program& program) {
  command.add_flag("--json", program.json, "JSON on standard output, errors too");
  command.add_flag("-v,--verbose", verbose, "print more detail");
}

void add_common_options(CLI::App& command, CommonOptions& options, Program& program, Sequences sequences) {
  add_output_options(command, options.verbose, program);
  add_resources(command, options.policy);
  add_cache(command, options.policy);
  if (sequences == Sequences::of_policy) add_sequences(command, options.policy);
  add_precision(command, options.policy);
  add_paths(command, options.policy);
}

}  // namespace mxpath::cli
