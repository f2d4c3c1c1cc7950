#include "checkpoint/summary.h"

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "checkpoint/roles.h"

namespace mxpath {
namespace {

uint64_t parameters_of(const TensorRecord& record) {
  return static_cast<uint64_t>(record.experts) * static_cast<uint64_t>(record.rows) *
         static_cast<uint64_t>(record.columns);
}

/// The bytes of a tensor; a part of a fused tensor counts with its own rows only.
uint64_t bytes_of(const TensorRecord& record) {
  const uint64_t row = record.data.bytes / static_cast<uint64_t>(record.stored_rows);
  return (record.stored_rows == record.rows ? record.data.bytes : row * static_cast<uint64_t>(record.rows)) +
         record.scales.bytes;
}

std::vector<int64_t> shape_of(const TensorRecord& record) {
  std::vector<int64_t> shape = {record.rows};
  if (row_of(record.role).per_expert) shape.insert(shape.begin(), record.experts);
  if (row_of(record.role).columns != Extent::one) shape.push_back(record.columns);
  return shape;
}

uint64_t active_parameters_of(const TensorRecord& record, const ModelConfig& config) {
  if (record.role == Role::embedding && !config.tied_embeddings)
    return 0;  // one row of it is looked up; the head is read whole
  const uint64_t all = parameters_of(record);
  return row_of(record.role).per_expert
             ? all / static_cast<uint64_t>(config.experts) * static_cast<uint64_t>(config.experts_per_token)
             : all;
}

void add(std::vector<RoleSummary>& roles, const TensorRecord& record) {
  auto found = std::find_if(roles.begin(), roles.end(), [&](const RoleSummary& r) {
    return r.role == record.role && r.encoding == record.encoding;
  });
  if (found == roles.end()) {
    RoleSummary fresh{};
    fresh.role = record.role, fresh.encoding = record.encoding, fresh.shape = shape_of(record);
    found = roles.insert(roles.end(), std::move(fresh));
  }
  ++found->count;
  found->bytes += bytes_of(record);
  found->parameters += parameters_of(record);
}

/// 20914757184 → "20.91 B"
std::string short_count(uint64_t count) {
  const auto c = static_cast<double>(count);
  if (c >= 1e9) return fmt::format("{:.2f} B", c / 1e9);
  if (c >= 1e6) return fmt::format("{:.2f} M", c / 1e6);
  if (c >= 1e3) return fmt::format("{:.1f} K", c / 1e3);
  return std::to_string(count);
}

std::string shape_label(const std::vector<int64_t>& shape) { return fmt::format("{}", fmt::join(shape, " × ")); }

std::string config_text(const ModelConfig& c) {
  const auto sliding = std::count(c.sliding.begin(), c.sliding.end(), true);
  std::string text;
  text += fmt::format("  layers      {} ({} sliding, window {}; {} full)\n", c.layers, sliding, c.sliding_window,
                      c.layers - sliding);
  text += fmt::format("  experts     {} per layer, {} active, intermediate {}\n", c.experts, c.experts_per_token,
                      c.intermediate);
  text += fmt::format("  hidden      {}, {} query heads and {} key/value heads of {}\n", c.hidden, c.heads, c.kv_heads,
                      c.head_dim);
  text += fmt::format("  vocabulary  {}{}\n", c.vocab, c.tied_embeddings ? ", head tied to the embedding" : "");
  text += c.rope.yarn ? fmt::format("  positions   {}, YaRN × {} from {}, theta {}\n", c.max_positions, c.rope.factor,
                                    c.rope.original_context, c.rope.theta)
                      : fmt::format("  positions   {}, theta {}\n", c.max_positions, c.rope.theta);
  return text;
}

Json config_json(const ModelConfig& c) {
  Json types = Json::array();
  for (const bool sliding : c.sliding) types.push_back(sliding ? "sliding" : "full");
  return Json{{"layers", c.layers},
              {"experts", c.experts},
              {"experts_per_token", c.experts_per_token},
              {"hidden", c.hidden},
              {"intermediate", c.intermediate},
              {"heads", c.heads},
              {"kv_heads", c.kv_heads},
              {"head_dim", c.head_dim},
              {"vocab", c.vocab},
              {"max_positions", c.max_positions},
              {"sliding_window", c.sliding_window},
              {"layer_types", types},
              {"norm_eps", c.norm_eps},
              {"swiglu_limit", c.swiglu_limit},
              {"swiglu_alpha", c.swiglu_alpha},
              {"tied_embeddings", c.tied_embeddings},
              {"eos", c.eos},
              {"rope",
               {{"type", c.rope.yarn ? "yarn" : "default"},
                {"theta", c.rope.theta},
                {"factor", c.rope.factor},
                {"beta_fast", c.rope.beta_fast},
                {"beta_slow", c.rope.beta_slow},
                {"original_context", c.rope.original_context},
                {"truncate", c.rope.truncate}}}};
}

Json role_json(const RoleSummary& role) {
  return Json{{"role", name_of(role.role)}, {"encoding", name_of(role.encoding)},
              {"count", role.count},        {"shape", role.shape},
              {"bytes", role.bytes},        {"parameters", role.parameters}};
}

}  // namespace

CheckpointSummary summarise(const Manifest& manifest) {
  CheckpointSummary summary;
  summary.path = manifest.path;
  summary.config = manifest.config;
  summary.layout = manifest.layout;
  summary.header_only = manifest.header_only;
  for (const auto& path : manifest.files) summary.files.push_back({path});
  for (const auto& record : manifest.tensors) {
    add(summary.roles, record);
    summary.active_parameters += active_parameters_of(record, manifest.config);
    if (record.data.file >= 0)
      summary.files[static_cast<size_t>(record.data.file)].bytes += bytes_of(record) - record.scales.bytes;
    if (record.scales.file >= 0) summary.files[static_cast<size_t>(record.scales.file)].bytes += record.scales.bytes;
  }
  for (const auto& role : summary.roles) summary.bytes += role.bytes, summary.parameters += role.parameters;
  summary.remarks = manifest.config.remarks;
  summary.remarks.insert(summary.remarks.end(), manifest.decisions.begin(), manifest.decisions.end());
  summary.remarks.insert(summary.remarks.end(), manifest.remarks.begin(), manifest.remarks.end());
  return summary;
}

std::string to_text(const CheckpointSummary& s) {
  std::string text = fmt::format("{}\n  layout      {}{}\n", s.path, name_of(s.layout),
                                 s.header_only ? " (from config.json alone, no weights)" : "");
  text += fmt::format("  parameters  {} ({}), {} ({}) active for a token\n", s.parameters, short_count(s.parameters),
                      s.active_parameters, short_count(s.active_parameters));
  text += fmt::format("  tensors     {} bytes ({})\n", s.bytes, human_bytes(static_cast<double>(s.bytes)));
  text += config_text(s.config);
  if (!s.files.empty()) text += "\nfiles\n";
  for (const auto& file : s.files)
    text += fmt::format("  {:>10}  {}\n", human_bytes(static_cast<double>(file.bytes)), file.path);
  text += fmt::format("\n{:<15} {:>5}  {:<8} {:<20} {:>12} {:>10}\n", "role", "count", "format", "shape of one",
                      "parameters", "bytes");
  for (const auto& role : s.roles)
    text += fmt::format("{:<15} {:>5}  {:<8} {:<20} {:>12} {:>10}\n", name_of(role.role), role.count,
                        name_of(role.encoding), shape_label(role.shape), short_count(role.parameters),
                        human_bytes(static_cast<double>(role.bytes)));
  if (!s.remarks.empty()) text += "\nremarks\n";
  for (const auto& remark : s.remarks) text += fmt::format("  {}\n", remark);
  return text;
}

Json to_json(const CheckpointSummary& s) {
  Json files = Json::array(), roles = Json::array();
  for (const auto& file : s.files) files.push_back({{"path", file.path}, {"tensor_bytes", file.bytes}});
  for (const auto& role : s.roles) roles.push_back(role_json(role));
  return Json{{"path", s.path},
              {"layout", name_of(s.layout)},
              {"header_only", s.header_only},
              {"parameters", s.parameters},
              {"active_parameters", s.active_parameters},
              {"bytes", s.bytes},
              {"config", config_json(s.config)},
              {"files", files},
              {"roles", roles},
              {"remarks", s.remarks}};
}

}  // namespace mxpath
