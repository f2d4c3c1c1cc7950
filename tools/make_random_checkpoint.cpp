// Writes a gpt-oss checkpoint of any shape with random weights, in any of the three layouts: for tests and
// measurements.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>

#include "base/mapped_file.h"
#include "base/text.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/summary.h"

namespace mxpath {
namespace {

struct Options {
  std::string folder, shape, config;
  RandomCheckpoint what;
  std::map<std::string, int> sizes;  // --layers and the like; only those given
};

struct SizeOption {
  const char *name, *text;
  int ModelConfig::*target;
};
constexpr SizeOption size_options[] = {
    {"layers", "layers", &ModelConfig::layers},
    {"experts", "experts in a layer", &ModelConfig::experts},
    {"experts-per-token", "experts that a token uses", &ModelConfig::experts_per_token},
    {"hidden", "hidden size", &ModelConfig::hidden},
    {"intermediate", "intermediate size of an expert", &ModelConfig::intermediate},
    {"heads", "query heads", &ModelConfig::heads},
    {"kv-heads", "key/value heads", &ModelConfig::kv_heads},
    {"head-dim", "size of a head", &ModelConfig::head_dim},
    {"vocab", "vocabulary", &ModelConfig::vocab},
    {"window", "keys that a sliding layer sees", &ModelConfig::sliding_window},
};

void describe(CLI::App& app, Options& options) {
  const std::map<std::string, CheckpointLayout> layouts = {{"hf-mxfp4", CheckpointLayout::hugging_face_mxfp4},
                                                           {"hf-bf16", CheckpointLayout::hugging_face_bf16},
                                                           {"original", CheckpointLayout::openai_original}};
  app.add_option("folder", options.folder, "where to write; created if need be")->required();
  auto* shape =
      app.add_option("--shape", options.shape, "20b, 120b or tiny")->check(CLI::IsMember({"20b", "120b", "tiny"}));
  app.add_option("--config", options.config, "take the shape from this config.json")
      ->check(CLI::ExistingFile)
      ->excludes(shape);
  app.add_option("--layout", options.what.layout, "hf-mxfp4, hf-bf16 or original")
      ->transform(CLI::CheckedTransformer(layouts))
      ->default_str("hf-mxfp4");
  app.add_option("--seed", options.what.seed, "the same seed gives the same model, in every layout")
      ->capture_default_str();
  app.add_option("--shard-bytes", options.what.shard_bytes, "start a new file beyond this size")
      ->transform(CLI::AsSizeValue(false))
      ->capture_default_str();
  app.add_flag("--headers-only", options.what.headers_only, "sparse files of the right size, without weights");
  app.add_flag("--tied", options.what.config.tied_embeddings, "the head is the embedding");
  for (const auto& option : size_options)
    app.add_option(fmt::format("--{}", option.name), options.sizes[option.name], option.text)
        ->check(CLI::PositiveNumber);
}

Result<ModelConfig> chosen_config(const Options& options) {
  if (!options.config.empty()) {
    MXPATH_TRY(const std::string text, read_text_file(options.config, 256 << 10));
    return parse_config(text, options.config);
  }
  return options.shape == "20b"    ? gpt_oss_20b_config()
         : options.shape == "120b" ? gpt_oss_120b_config()
                                   : tiny_config();
}

Status complete(Options& options) {
  const bool tied = options.what.config.tied_embeddings;
  MXPATH_TRY(options.what.config, chosen_config(options));
  ModelConfig& config = options.what.config;
  config.tied_embeddings |= tied;
  for (const auto& option : size_options)
    if (const int size = options.sizes[option.name]; size > 0) config.*option.target = size;
  const auto given = static_cast<int>(config.sliding.size());
  for (int layer = given; layer < config.layers; ++layer) config.sliding.push_back(layer % 2 == 0);
  config.sliding.resize(static_cast<size_t>(config.layers));
  return {};
}

void show_progress(std::string_view what, uint64_t done, uint64_t total) {
  fmt::print(stderr, "\r{} {:3.0f} %  {} of {}   {}", what,
             100.0 * static_cast<double>(done) / static_cast<double>(total), human_bytes(static_cast<double>(done)),
             human_bytes(static_cast<double>(total)), done == total ? "\n" : "");
}

Status run(Options& options) {
  MXPATH_CHECK(complete(options));
  if (::isatty(STDERR_FILENO)) options.what.progress = show_progress;
  const auto start = std::chrono::steady_clock::now();
  MXPATH_CHECK(write_random_checkpoint(options.folder, options.what));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  MXPATH_TRY(const Manifest manifest, open_manifest(options.folder));
  const auto summary = summarise(manifest);
  const auto bytes = static_cast<double>(summary.bytes);
  fmt::print("{}: {} parameters, {}{}\n", options.folder, summary.parameters, human_bytes(bytes),
             options.what.headers_only ? ", headers only" : fmt::format(" at {:.0f} MB/s", bytes / time.count() / 1e6));
  return {};
}

}  // namespace
}  // namespace mxpath

int main(int argc, char** argv) {
  CLI::App app("Write a gpt-oss checkpoint with random weights");
  mxpath::Options options;
  mxpath::describe(app, options);
  CLI11_PARSE(app, argc, argv);
  const auto status = mxpath::run(options);
  if (status.ok()) return 0;
  fmt::print(stderr, "make_random_checkpoint: {}\n", status.error().message);
  return status.error().kind == mxpath::ErrorKind::wrong_use ? 2 : 1;
}
