#include "diagnose/doctor.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "diagnose/sentences.h"

namespace mxpath::diagnose {
namespace {

struct Words {
  std::string_view machine, cpu, features, cores, memory, huge, gpu, none, binary, system, stacks, packages, nothing,
      outcome[4], would, prints, needs, change, source, plan, no_fit, remark, unfit, asks, limit, assumed, driver,
      shared, free, unsteady, at_load;
};
constexpr Words english = {"machine",
                           "CPU",
                           "features granted by the system",
                           "cores",
                           "memory",
                           "huge pages",
                           "GPU",
                           "none",
                           "this binary",
                           "system",
                           "stacks",
                           "packages",
                           "no stack that mxpath knows was found",
                           {"works", "FAILS", "SILENTLY BECOMES BF16", "not known"},
                           "path",
                           "prints",
                           "weights",
                           "smallest change",
                           "source",
                           "mxpath's own plan",
                           "more than is free",
                           "note",
                           "does not fit",
                           "{} {} asks for {}{}, and {} is installed: pip install \"{}{}\"",
                           "cgroup limit",
                           "assumed",
                           "driver",
                           "{} bytes of shared memory per block",
                           "free",
                           "unsteady",
                           "measured at load {:.1f}"};
constexpr Words korean = {"컴퓨터",
                          "CPU",
                          "운영체제가 허용한 기능",
                          "코어",
                          "메모리",
                          "huge page",
                          "GPU",
                          "없음",
                          "이 바이너리",
                          "시스템",
                          "설치된 스택",
                          "패키지",
                          "mxpath가 아는 스택을 찾지 못했습니다",
                          {"동작함", "실패함", "조용히 BF16이 됨", "알 수 없음"},
                          "경로",
                          "출력",
                          "가중치",
                          "가장 작은 변경",
                          "출처",
                          "mxpath의 계획",
                          "비어 있는 것보다 많음",
                          "참고",
                          "맞지 않음",
                          "{} {}은(는) {}{}을(를) 요구하는데 {}이(가) 설치되어 있습니다. pip install \"{}{}\" 실행",
                          "cgroup 한도",
                          "추정",
                          "드라이버",
                          "블록당 공유 메모리 {}바이트",
                          "비어 있음",
                          "값이 고르지 않음",
                          "부하 {:.1f}일 때 측정"};

const Words& words(Language language) { return language == Language::ko ? korean : english; }

std::string bandwidth_text(double bandwidth) {
  return bandwidth > 0 ? fmt::format("{:.0f} GB/s", bandwidth / 1e9) : std::string();
}

std::string gpu_text(const Gpu& gpu, const Words& w) {
  std::string text =
      fmt::format("{}, sm_{} ({}.{})", gpu.name, gpu.arch.number, gpu.arch.number / 10, gpu.arch.number % 10);
  if (gpu.driver > 0) text += fmt::format(", {} CUDA {}.{}", w.driver, gpu.driver / 1000, gpu.driver % 1000 / 10);
  if (gpu.shared_memory > 0) text += ", " + fmt::format(fmt::runtime(w.shared), gpu.shared_memory);
  if (gpu.memory > 0) text += ", " + human_bytes(static_cast<double>(gpu.memory));
  if (gpu.free_memory < gpu.memory)
    text += fmt::format(", {} {}", human_bytes(static_cast<double>(gpu.free_memory)), w.free);
  if (gpu.bandwidth > 0)
    text += ", " + bandwidth_text(gpu.bandwidth) + (gpu.bandwidth_assumed ? fmt::format(" ({})", w.assumed) : "");
  return text;
}

std::string prediction_text(const Prediction& p, const Words& w) {
  std::string text = fmt::format("  {} {}: {}\n    {}: {}\n", p.stack, p.version,
                                 w.outcome[static_cast<size_t>(p.outcome)], w.would, p.path);
  if (!p.error.empty()) text += fmt::format("    {}: {}\n", w.prints, p.error);
  if (p.memory > 0)
    text += fmt::format("    {}: {}{}\n", w.needs, human_bytes(static_cast<double>(p.memory)),
                        p.fits ? std::string() : fmt::format(" ({})", w.no_fit));
  if (!p.change.empty()) text += fmt::format("    {}: {}\n", w.change, p.change);
  if (!p.source.empty()) text += fmt::format("    {}: {}\n", w.source, p.source);
  return text;
}

Json json_of(const Prediction& p) {
  return {{"stack", p.stack}, {"version", p.version}, {"outcome", name_of(p.outcome)},
          {"path", p.path},   {"error", p.error},     {"memory", p.memory},
          {"fits", p.fits},   {"change", p.change},   {"source", p.source}};
}

Json json_of(const SystemReport& s) {
  return {{"system", s.system},
          {"physical_memory", s.physical_memory},
          {"cgroup_limit", s.cgroup_limit},
          {"cpus_online", s.cpus_online},
          {"huge_pages", s.huge_pages},
          {"huge_page_size", s.huge_page_size},
          {"transparent_huge_pages", s.transparent_mode},
          {"built_for", s.built_for}};
}

Json json_of(const StackReport& s) {
  Json json = {{"environment", s.environment},
               {"folders", s.folders},
               {"packages", Json::object()},
               {"programs", Json::array()},
               {"remarks", s.remarks}};
  for (const auto& [name, version] : s.packages) json["packages"][name] = version;
  json["conflicts"] = Json::array();
  for (const Conflict& c : conflicts_in(s.requirements, s.packages))
    json["conflicts"].push_back({{"package", c.requirement.package},
                                 {"version", c.requirement.version},
                                 {"asks", c.requirement.name + c.requirement.clauses},
                                 {"found", c.found}});
  for (const Program& p : s.programs)
    json["programs"].push_back({{"name", p.name}, {"path", p.path}, {"version", p.version}});
  return json;
}

/// The packages that decide; a report lists these, the JSON all.
constexpr std::string_view listed[] = {"torch",         "triton",       "triton-kernels",   "kernels",
                                       "transformers",  "accelerate",   "unsloth",          "unsloth-zoo",
                                       "vllm",          "sglang",       "sgl-kernel",       "flashinfer",
                                       "bitsandbytes",  "tensorrt-llm", "llama-cpp-python", "gpt-oss",
                                       "openai-harmony"};

std::string conflict_text(const Conflict& c, const Words& w) {
  const Requirement& r = c.requirement;
  return fmt::format(
      "{}: {}\n", w.unfit,
      fmt::format(fmt::runtime(w.asks), r.package, r.version, r.name, r.clauses, c.found, r.name, r.clauses));
}

std::string stacks_text(const Doctor& doctor, Language language) {
  const Words& w = words(language);
  std::string text;
  for (std::string_view name : listed)
    if (const auto found = doctor.stacks.packages.find(std::string(name)); found != doctor.stacks.packages.end())
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, found->second);
  if (!text.empty()) text = fmt::format("{} ({}): {}\n", w.packages, doctor.stacks.environment, text);
  for (const Program& p : doctor.stacks.programs) text += fmt::format("{} {}: {}\n", p.name, p.version, p.path);
  for (const Conflict& c : conflicts_in(doctor.stacks.requirements, doctor.stacks.packages))
    text += conflict_text(c, w);
  for (const std::string& remark : doctor.stacks.remarks)
    text += fmt::format("{}: {}\n", w.remark, in_language(remark, language));
  text += fmt::format("{} ({}):\n", w.stacks, doctor.model_name);
  if (doctor.predictions.empty()) text += fmt::format("  {}\n", w.nothing);
  for (const Prediction& p : doctor.predictions) text += prediction_text(p, w);
  return text;
}

/// How far the figure can be believed; "" for one that was measured in quiet.
std::string bandwidth_note(const Cpu& cpu, const Words& w) {
  if (!cpu.bandwidth_measured) return fmt::format(" ({})", w.assumed);
  std::string note = measured_while_busy(cpu) ? fmt::format(fmt::runtime(w.at_load), cpu.bandwidth_load) : "";
  if (cpu.bandwidth_spread > unsteady_spread)
    note += fmt::format("{}{}: ±{:.0f} %", note.empty() ? "" : ", ", w.unsteady, 50 * cpu.bandwidth_spread);
  return note.empty() ? "" : fmt::format(" ({})", note);
}

}  // namespace

std::vector<Prediction> predict_all(const StackReport& stacks, const Machine& machine, const ModelBytes& model,
                                    Language language) {
  Versions versions = stacks.packages;
  for (const Program& p : stacks.programs) versions.try_emplace(p.name == "ollama" ? "ollama" : "llama.cpp", p.version);
  if (versions.count("llama-cpp"))
    versions.try_emplace("llama.cpp", versions.at("llama-cpp"));  // --versions llama.cpp=b6123, canonical
  std::vector<Prediction> list;
  for (std::string_view stack : known_stacks())
    if (const auto found = versions.find(std::string(stack)); found != versions.end() && found->second != "absent")
      list.push_back(predict(stack, versions, machine, model, language));
  return list;
}

std::string machine_text(const Machine& machine, const SystemReport& system, Language language) {
  const Words& w = words(language);
  std::string text = fmt::format("{}: {}\n", w.machine, in_language(machine.name, language));
  text += fmt::format("  {}: {}, {} {}, {}: {}\n", w.cpu, machine.cpu.name, machine.cpu.cores, w.cores, w.features,
                      machine.cpu.features.to_string());
  text += fmt::format("  {}: {}", w.memory, human_bytes(static_cast<double>(machine.memory)));
  if (machine.held_memory > 0)
    text += fmt::format(", {} {}", human_bytes(static_cast<double>(machine.free_memory())), w.free);
  if (system.cgroup_limit > 0)
    text += fmt::format(" ({} {})", w.limit, human_bytes(static_cast<double>(system.cgroup_limit)));
  if (machine.cpu.bandwidth > 0)
    text += fmt::format(", {}{}", bandwidth_text(machine.cpu.bandwidth), bandwidth_note(machine.cpu, w));
  text += "\n";
  if (system.huge_page_size > 0)
    text += fmt::format("  {}: {} × {}, transparent: {}\n", w.huge, system.huge_pages,
                        human_bytes(static_cast<double>(system.huge_page_size)),
                        system.transparent_mode.empty() ? "?" : system.transparent_mode);
  for (const Gpu& gpu : machine.gpus) text += fmt::format("  {}: {}\n", w.gpu, gpu_text(gpu, w));
  if (machine.gpus.empty())
    text +=
        fmt::format("  {}: {}{}\n", w.gpu, w.none,
                    machine.no_gpu_reason.empty() ? std::string()
                                                  : fmt::format(" ({})", in_language(machine.no_gpu_reason, language)));
  if (!system.system.empty()) text += fmt::format("  {}: {}\n", w.system, system.system);
  if (!system.built_for.empty()) text += fmt::format("  {}: {}\n", w.binary, in_language(system.built_for, language));
  return text;
}

std::string to_text(const Doctor& doctor, Language language) {
  const Words& w = words(language);
  std::string text = machine_text(doctor.machine, doctor.other_machine ? SystemReport{} : doctor.system, language);
  text += stacks_text(doctor, language);
  if (!doctor.plan.empty()) text += fmt::format("{}:\n", w.plan);
  for (const std::string& line : doctor.plan) text += fmt::format("  {}\n", line);
  return text;
}

Json to_json(const Doctor& doctor) {
  Json json = {{"machine", machine_to_json(doctor.machine)},
               {"system", doctor.other_machine ? Json::object() : json_of(doctor.system)},
               {"stacks", json_of(doctor.stacks)}};
  json["model"] = {{"name", doctor.model_name}, {"mxfp4_bytes", doctor.model.mxfp4}, {"bf16_bytes", doctor.model.bf16}};
  json["predictions"] = Json::array();
  for (const Prediction& p : doctor.predictions) json["predictions"].push_back(json_of(p));
  json["plan"] = doctor.plan;
  return json;
}

}  // namespace mxpath::diagnose
