// Machine ↔ JSON. Reading is strict: a misspelt field must not turn into a silent default.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "machine/machine.h"

namespace mxpath {
namespace {

constexpr double gib = 1073741824.0, kilo = 1e3, mega = 1e6;
constexpr Unit cpu_units[] = {Unit::scalar, Unit::avx2, Unit::avx512, Unit::avx512_bf16, Unit::amx};

/// Names reach the terminal as they are: no escape sequences, C1 ones (U+0080 to U+009F) included.
bool has_control(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]),
               next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) return true;
  }
  return false;
}

/// One JSON object whose every field has to be asked for. The first thing that is wrong is kept in `error`, shared by
/// all objects of a document, and everything after it reads as a default.
class Fields {
 public:
  /// `path` leads from the document to this object; empty for the document itself.
  Fields(const Json& value, std::string_view file, std::string path, std::optional<Error>& error)
      : value_(value), file_(file), path_(std::move(path)), error_(error) {
    if (!value.is_object()) complain(fail("{}: must be an object", where()));
  }

  /// null when the field is absent.
  const Json* find(const char* key) {
    if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
    if (!value_.is_object()) return nullptr;
    const auto it = value_.find(key);
    return it == value_.end() ? nullptr : &*it;
  }
  bool has(const char* key) { return find(key) != nullptr; }
  const Json* require(const char* key) {
    const Json* found = find(key);
    if (!found) complain(fail("{}: \"{}\" is missing", where(), key));
    return found;
  }

  double number(const char* key, double low, double high) {
    const Json* found = require(key);
    if (!found) return low;
    const double n = found->is_number() ? found->get<double>() : NAN;
    if (!found->is_number()) complain(fail("{}: must be a number", where(key)));
    else if (!(n >= low && n <= high))
      complain(fail("{}: {} is out of range; {} to {} is possible", where(key), n, low, high));
    return n >= low && n <= high ? n : low;
  }
  uint64_t integer(const char* key, uint64_t low, uint64_t high) {
    const double n = number(key, static_cast<double>(low), static_cast<double>(high));
    if (n != std::floor(n)) complain(fail("{}: {} is not a whole number", where(key), n));
    return static_cast<uint64_t>(n);
  }
  /// Memory in GiB, to the byte.
  uint64_t bytes(const char* key, double least = 1.0 / 1024) {
    return static_cast<uint64_t>(std::llround(number(key, least, 1 << 20) * gib));
  }
  /// What is free of `all` by an optional field; all of it without. Nothing may be free: another program has it.
  uint64_t free_bytes(const char* key, uint64_t all) {
    if (!has(key)) return all;
    const uint64_t left = bytes(key, 0);
    if (left > all) complain(fail("{}: more is free than memory_gib has", where(key)));
    return std::min(left, all);
  }
  bool boolean(const char* key, bool otherwise) {
    const Json* found = find(key);
    if (found && !found->is_boolean()) complain(fail("{}: must be true or false", where(key)));
    return found && found->is_boolean() ? found->get<bool>() : otherwise;
  }
  std::string text(const char* key) {
    const Json* found = require(key);
    const std::string value = found ? string_of(*found, key) : "";
    if (found && value.empty()) complain(fail("{}: must not be empty", where(key)));
    return value;
  }
  std::string optional_text(const char* key) {
    const Json* found = find(key);
    return found ? string_of(*found, key) : "";
  }
  const Json& array(const char* key) {
    static const Json none = Json::array();
    const Json* found = find(key);
    if (found && !found->is_array()) complain(fail("{}: must be an array", where(key)));
    return found && found->is_array() ? *found : none;
  }

  /// After the last field: what has not been asked for is unknown.
  void done() {
    if (!value_.is_object()) return;
    for (const auto& [key, unused] : value_.items())
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        complain(fail("{}: unknown field \"{}\"; the fields are {}", where(), printable(key), fmt::join(known_, ", ")));
  }
  void complain(Error error) {
    if (!error_) error_ = std::move(error);
  }
  /// "file: cpu.cores", for the start of an error.
  std::string where(std::string_view key = {}) const {
    std::string text(file_);
    if (!path_.empty() || !key.empty()) text += ": ";
    text += path_;
    if (!path_.empty() && !key.empty()) text += '.';
    return text.append(key);
  }
  std::string_view file() const { return file_; }
  std::optional<Error>& error() { return error_; }

 private:
  std::string string_of(const Json& found, const char* key) {
    if (!found.is_string()) return complain(fail("{}: must be a string", where(key))), "";
    std::string value = found.get<std::string>();
    if (has_control(value))
      return complain(fail("{}: \"{}\" has control characters; leave them out", where(key), printable(value))), "";
    return value;
  }
  const Json& value_;
  std::string_view file_;
  std::string path_;
  std::optional<Error>& error_;
  std::vector<std::string> known_;
};

/// A rate in some unit, rounded so that writing and reading give the same number.
double rate_from(double value, double unit, double step) { return std::round(value * (unit / step)) * step; }

Isa isa_from(Fields& fields) {
  const std::string typed = fields.optional_text("isa");
  if (!fields.has("isa")) return Isa::x86_64;
  for (int i = 0; i < isa_count; ++i)
    if (typed == name_of(static_cast<Isa>(i))) return static_cast<Isa>(i);
  fields.complain(fail("{}: \"{}\" is not known; write x86-64 or aarch64", fields.where("isa"), printable(typed)));
  return Isa::x86_64;
}

CpuFeatures features_from(Fields& fields) {
  CpuFeatures features;
  for (const Json& name : fields.array("features")) {
    int i = 0;
    while (i < cpu_feature_count && !(name.is_string() && name == name_of(static_cast<CpuFeature>(i)))) ++i;
    if (i < cpu_feature_count) {
      features.add(static_cast<CpuFeature>(i));
      continue;
    }
    CpuFeatures all;
    for (int f = 0; f < cpu_feature_count; ++f) all.add(static_cast<CpuFeature>(f));
    fields.complain(fail("{}: {} is not a feature; the features are {}", fields.where("features"),
                         printable(name.dump(-1, ' ', true)), all.to_string()));
  }
  return features;
}

/// No CPU has the first without the second; a path that asks for one would otherwise count on it.
void check_features(Fields& fields, CpuFeatures features) {
  using enum CpuFeature;
  constexpr CpuFeature builds_on[][2] = {
      {fma, avx2},           {f16c, avx2},          {avx512, avx2},   {avx512, fma},        {avx512, f16c},
      {avx512_bf16, avx512}, {avx512_vnni, avx512}, {avx_vnni, avx2}, {amx_bf16, amx_tile}, {amx_int8, amx_tile}};
  for (const auto& [feature, base] : builds_on)
    if (features.has(feature) && !features.has(base))
      fields.complain(fail("{}: {} needs {}", fields.where("features"), name_of(feature), name_of(base)));
}

void read_flops(Fields& cpu_fields, const Json& value, Cpu& cpu) {
  Fields fields(value, cpu_fields.file(), "cpu.gflops", cpu_fields.error());
  for (Unit unit : cpu_units) {
    const std::string name(name_of(unit));
    const CpuFeatures missing = features_of(unit).without(cpu.features);
    if (missing.empty())
      cpu.flops[static_cast<int>(unit)] = rate_from(fields.number(name.c_str(), 1e-3, 1e9), 1e9, mega);
    else if (fields.find(name.c_str()))
      fields.complain(
          fail("{}: this CPU has no such unit; it needs the feature {}", fields.where(name), missing.to_string()));
  }
  fields.done();
}

Cpu cpu_from(const Json& value, std::string_view file, std::optional<Error>& error) {
  Fields fields(value, file, "cpu", error);
  Cpu cpu;
  cpu.name = fields.text("name");
  cpu.isa = isa_from(fields);
  fields.require("features");
  cpu.features = features_from(fields);
  check_features(fields, cpu.features);
  if (cpu.isa != Isa::x86_64 && !cpu.features.empty())
    fields.complain(fail("{}: {} are features of x86-64, and isa is {}", fields.where("features"),
                         cpu.features.to_string(), name_of(cpu.isa)));
  cpu.cores = static_cast<int>(fields.integer("cores", 1, 4096));
  if (fields.has("bandwidth_gb_s")) cpu.bandwidth = rate_from(fields.number("bandwidth_gb_s", 1e-3, 1e6), 1e9, kilo);
  else assume_cpu_bandwidth(cpu);
  cpu.bandwidth_measured = fields.boolean("bandwidth_measured", false);
  if (cpu.bandwidth_measured && !fields.has("bandwidth_gb_s"))
    fields.complain(fail("{}: bandwidth_measured without bandwidth_gb_s", fields.where()));
  if (fields.has("bandwidth_threads"))
    cpu.bandwidth_threads = static_cast<int>(fields.integer("bandwidth_threads", 1, 4096));
  if (fields.has("bandwidth_spread")) cpu.bandwidth_spread = fields.number("bandwidth_spread", 0, 1e6);
  if (fields.has("bandwidth_load")) cpu.bandwidth_load = fields.number("bandwidth_load", 0, 1e6);
  if (const Json* flops = fields.find("gflops")) read_flops(fields, *flops, cpu);
  else assume_cpu_flops(cpu);
  fields.done();
  return cpu;
}

/// "9.0" → (9, 0); nothing for text of another form.
std::optional<std::pair<int, int>> version_from(const std::string& text) {
  const size_t dot = text.find('.');
  const auto digits = [](std::string_view s) {
    return !s.empty() && s.size() <= 2 && s.find_first_not_of("0123456789") == std::string_view::npos;
  };
  if (dot == std::string::npos || !digits(std::string_view(text).substr(0, dot)) ||
      !digits(std::string_view(text).substr(dot + 1)))
    return std::nullopt;
  return std::pair{std::atoi(text.c_str()), std::atoi(text.c_str() + dot + 1)};
}

Gpu gpu_from(const Json& value, std::string_view file, size_t index, std::optional<Error>& error) {
  Fields fields(value, file, fmt::format("gpus[{}]", index), error);
  Gpu gpu;
  gpu.name = fields.text("name");
  const std::string capability = fields.text("compute_capability");
  const auto arch = version_from(capability);
  if (arch && arch->first > 0 && arch->second < 10) gpu.arch.number = 10 * arch->first + arch->second;
  else
    fields.complain(
        fail("{}: \"{}\" is not of the form \"9.0\"", fields.where("compute_capability"), printable(capability)));
  if (const std::string driver = fields.optional_text("driver"); !driver.empty()) {
    const auto version = version_from(driver);
    if (version) gpu.driver = 1000 * version->first + 10 * version->second;
    else
      fields.complain(
          fail("{}: \"{}\" is not a CUDA version like \"12.8\"", fields.where("driver"), printable(driver)));
  }
  gpu.shared_memory = fields.integer("shared_memory_per_block", 16384, 1 << 24);
  gpu.memory = fields.bytes("memory_gib");
  gpu.free_memory = fields.free_bytes("free_memory_gib", gpu.memory);
  gpu.integrated = fields.boolean("integrated", false);
  gpu.problem = fields.optional_text("problem");
  gpu.uuid = fields.optional_text("uuid");
  gpu.bandwidth = rate_from(fields.number("bandwidth_gb_s", 1e-3, 1e6), 1e9, kilo);
  gpu.bandwidth_assumed = fields.boolean("bandwidth_assumed", false);
  gpu.cuda_flops = rate_from(fields.number("fp32_tflops", 1e-3, 1e6), 1e12, mega);
  gpu.tensor_flops = rate_from(fields.number("bf16_tensor_tflops", 0, 1e6), 1e12, mega);
  fields.done();
  return gpu;
}

/// "cpu", or "cuda:N" of a GPU that the machine has.
std::optional<DeviceId> device_from(std::string_view text, size_t gpus) {
  if (text == to_string(cpu_device)) return cpu_device;
  for (size_t i = 0; i < gpus; ++i)
    if (text == to_string(cuda_device(static_cast<int>(i)))) return cuda_device(static_cast<int>(i));
  return std::nullopt;
}

Link link_from(const Json& value, std::string_view file, size_t index, size_t gpus, std::optional<Error>& error) {
  Fields fields(value, file, fmt::format("links[{}]", index), error);
  Link link;
  for (const auto& [key, end] : {std::pair{"a", &link.a}, {"b", &link.b}}) {
    const std::string text = fields.text(key);
    const auto device = device_from(text, gpus);
    if (device) *end = *device;
    else
      fields.complain(fail("{}: \"{}\" is neither cpu nor one of the machine's GPUs, such as cuda:0", fields.where(key),
                           printable(text)));
  }
  if (link.a == link.b) fields.complain(fail("{}: a link has two different ends", fields.where()));
  link.bandwidth = rate_from(fields.number("bandwidth_gb_s", 1e-3, 1e6), 1e9, kilo);
  link.latency = std::round(fields.number("latency_us", 0, 1e6) * 1e3) / 1e9;
  link.peer = fields.boolean("peer", false);
  link.nvlink = fields.boolean("nvlink", false);
  link.measured = fields.boolean("measured", false);
  fields.done();
  return link;
}

Json link_to_json(const Link& link) {
  Json json = {{"a", to_string(link.a)},
               {"b", to_string(link.b)},
               {"bandwidth_gb_s", link.bandwidth / 1e9},
               {"latency_us", std::round(link.latency * 1e9) / 1e3}};
  if (link.peer) json["peer"] = true;
  if (link.nvlink) json["nvlink"] = true;
  if (link.measured) json["measured"] = true;
  return json;
}

Json cpu_to_json(const Cpu& cpu) {
  Json features = Json::array(), flops = Json::object();
  for (int i = 0; i < cpu_feature_count; ++i)
    if (cpu.features.has(static_cast<CpuFeature>(i))) features.push_back(name_of(static_cast<CpuFeature>(i)));
  for (Unit unit : cpu_units)
    if (const double f = cpu.flops[static_cast<int>(unit)]; f > 0) flops[std::string(name_of(unit))] = f / 1e9;
  Json json = {{"name", cpu.name}};
  if (cpu.isa != Isa::x86_64) json["isa"] = name_of(cpu.isa);
  json["features"] = features;
  json["cores"] = cpu.cores;
  json["bandwidth_gb_s"] = cpu.bandwidth / 1e9;
  if (cpu.bandwidth_threads) json["bandwidth_threads"] = cpu.bandwidth_threads;
  json["bandwidth_measured"] = cpu.bandwidth_measured;
  if (cpu.bandwidth_spread > 0) json["bandwidth_spread"] = cpu.bandwidth_spread;
  if (measured_while_busy(cpu)) json["bandwidth_load"] = cpu.bandwidth_load;
  json["gflops"] = flops;
  return json;
}

std::string version_text(int major, int minor) { return fmt::format("{}.{}", major, minor); }

Json gpu_to_json(const Gpu& gpu) {
  Json json = {{"name", gpu.name}, {"compute_capability", version_text(gpu.arch.number / 10, gpu.arch.number % 10)}};
  if (gpu.driver != 0) json["driver"] = version_text(gpu.driver / 1000, gpu.driver % 1000 / 10);
  json["shared_memory_per_block"] = gpu.shared_memory;
  json["memory_gib"] = static_cast<double>(gpu.memory) / gib;
  if (gpu.free_memory != gpu.memory) json["free_memory_gib"] = static_cast<double>(gpu.free_memory) / gib;
  if (gpu.integrated) json["integrated"] = true;
  json["bandwidth_gb_s"] = gpu.bandwidth / 1e9;
  if (gpu.bandwidth_assumed) json["bandwidth_assumed"] = true;
  json["fp32_tflops"] = gpu.cuda_flops / 1e12;
  json["bf16_tensor_tflops"] = gpu.tensor_flops / 1e12;
  if (!gpu.problem.empty()) json["problem"] = gpu.problem;
  if (!gpu.uuid.empty()) json["uuid"] = gpu.uuid;
  return json;
}

}  // namespace

Json machine_to_json(const Machine& machine) {
  Json json = {{"name", machine.name}};
  if (!machine.source.empty()) json["source"] = machine.source;
  json["memory_gib"] = static_cast<double>(machine.memory) / gib;
  if (machine.held_memory > 0) json["free_memory_gib"] = static_cast<double>(machine.free_memory()) / gib;
  json["cpu"] = cpu_to_json(machine.cpu);
  json["gpus"] = Json::array();
  for (const Gpu& gpu : machine.gpus) json["gpus"].push_back(gpu_to_json(gpu));
  for (const Link& link : machine.links) json["links"].push_back(link_to_json(link));
  if (!machine.visible_gpus.empty()) json["visible_gpus"] = machine.visible_gpus;
  if (!machine.no_gpu_reason.empty()) json["no_gpu_reason"] = machine.no_gpu_reason;
  return json;
}

Result<Machine> machine_from_json(std::string_view json, std::string_view where) {
  MXPATH_TRY(const Json value, parse_json(json, where));
  std::optional<Error> error;
  Fields fields(value, where, "", error);
  Machine machine;
  machine.name = fields.text("name");
  machine.source = fields.optional_text("source");
  machine.memory = fields.bytes("memory_gib");
  machine.held_memory = machine.memory - fields.free_bytes("free_memory_gib", machine.memory);
  if (const Json* cpu = fields.require("cpu")) machine.cpu = cpu_from(*cpu, where, error);
  for (const Json& gpu : fields.array("gpus")) machine.gpus.push_back(gpu_from(gpu, where, machine.gpus.size(), error));
  if (machine.gpus.size() > most_gpus)
    fields.complain(fail("{}: {} GPUs; at most {} are possible", where, machine.gpus.size(), most_gpus));
  machine.no_gpu_reason = fields.optional_text("no_gpu_reason");
  for (const Json& link : fields.array("links"))
    machine.links.push_back(link_from(link, where, machine.links.size(), machine.gpus.size(), error));
  machine.visible_gpus = fields.optional_text("visible_gpus");
  if (!machine.gpus.empty() && !machine.no_gpu_reason.empty())
    fields.complain(fail("{}: no_gpu_reason beside a GPU; remove one of them", where));
  if (machine.gpus.empty() && machine.no_gpu_reason.empty()) machine.no_gpu_reason = "the machine file lists no GPU";
  fields.done();
  if (error) return std::move(*error);
  return machine;
}

}  // namespace mxpath
