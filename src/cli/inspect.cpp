// `mxpath inspect`: what a checkpoint's files say.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/dirs.h"
#include "app/manifest_of.h"
#include "base/json.h"
#include "base/one_line.h"
#include "base/text.h"
#include "checkpoint/summary.h"
#include "cli/options.h"

namespace mxpath::cli {
namespace {

struct InspectOptions {
  std::string model = "demo";
  bool tensors = false, verbose = false;
};

std::string shape_of(const TensorRecord& t) {
  std::string shape = t.experts > 1 ? fmt::format("{} x ", t.experts) : "";
  shape += std::to_string(t.rows);
  return t.columns > 1 ? fmt::format("{} x {}", shape, t.columns) : shape;
}

std::string tensor_lines(const Manifest& manifest) {
  std::string out = fmt::format("\n{:<16} {:>5}  {:<13} {:<22} {:>10}  {}\n", "role", "layer", "format", "shape",
                                "bytes", "name in the file");
  for (const TensorRecord& t : manifest.tensors)
    out += fmt::format("{:<16} {:>5}  {:<13} {:<22} {:>10}  {}{}\n", name_of(t.role),
                       t.layer < 0 ? "" : std::to_string(t.layer), name_of(t.encoding), shape_of(t),
                       human_bytes(double(t.data.bytes + t.scales.bytes)), visible(t.name),
                       t.transposed ? " (transposed)" : "");
  return out;
}

Json part_json(const FilePart& part) { return {{"file", part.file}, {"offset", part.offset}, {"bytes", part.bytes}}; }

Json tensors_json(const Manifest& manifest) {
  Json out = Json::array();
  for (const TensorRecord& t : manifest.tensors) {
    Json entry = {{"role", name_of(t.role)},
                  {"layer", t.layer < 0 ? Json() : Json(t.layer)},
                  {"name", t.name},
                  {"encoding", name_of(t.encoding)},
                  {"transposed", t.transposed},
                  {"experts", t.experts},
                  {"rows", t.rows},
                  {"columns", t.columns},
                  {"first_row", t.first_row},
                  {"data", part_json(t.data)}};
    if (t.encoding == Encoding::mxfp4_blocks) entry["scales"] = part_json(t.scales);
    out.push_back(std::move(entry));
  }
  return out;
}

Status run(const InspectOptions& options, const Program& program) {
  MXPATH_TRY(const Manifest manifest, manifest_of(options.model, model_places()));
  const CheckpointSummary summary = summarise(manifest);
  const bool tensors = options.tensors || options.verbose;
  if (!program.json) {
    print(to_text(summary));
    if (tensors) print(tensor_lines(manifest));
    return {};
  }
  Json json = to_json(summary);
  if (tensors) json["tensors"] = tensors_json(manifest);
  print_json(json);
  return {};
}

}  // namespace

void add_inspect(CLI::App& app, Program& program) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App* command = app.add_subcommand(
      "inspect", "Show what a checkpoint holds: config, tensors by role, formats, bytes, and anything unusual");
  add_model(*command, options->model, false);
  command->add_flag("--tensors", options->tensors, "list every tensor");
  add_output_options(*command, options->verbose, program);
  command->callback([options, &program] { program.action = [options, &program] { return run(*options, program); }; });
}

}  // namespace mxpath::cli
