#include "interfaces/machine_here.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "interfaces/places.h"
#include "machine/known_machines.h"

namespace mxpath {
namespace {

constexpr size_t file_limit = 1 << 20;

/// What the bandwidth depends on, as far as a program can see.
std::string key_of(const Machine& machine) {
  utsname system{};
  ::uname(&system);
  return fmt::format("{}, {} cores, Linux {}", machine.cpu.name, machine.cpu.cores, system.release);
}

Json read_cache(const std::string& file) {
  const auto text = file.empty() ? Result<std::string>(Error{}) : read_text_file(file, file_limit);
  if (!text.ok()) return Json::object();
  auto parsed = parse_json(*text, file);
  return parsed.ok() && parsed->is_object() ? std::move(parsed).value() : Json::object();
}

/// Renamed into place, so that two programs at once leave a whole file.
void write_cache(const std::string& file, const Json& content) {
  if (file.empty() || !make_folder(std::filesystem::path(file).parent_path().string()).ok()) return;
  const std::string fresh = fmt::format("{}.{}", file, ::getpid());
  std::ofstream out(fresh);
  out << content.dump(2) << '\n';
  out.close();
  if (!out || std::rename(fresh.c_str(), file.c_str()) != 0) std::remove(fresh.c_str());
}

double known_bandwidth(const Json& cache, const std::string& key) {
  const auto entry = cache.find(key);
  if (entry == cache.end() || !entry->is_object() || !entry->contains("gb_per_second") || !(*entry)["gb_per_second"].is_number()) return 0;
  return (*entry)["gb_per_second"].get<double>() * 1e9;
}

}  // namespace

Machine machine_here(Measure measure, const std::string& cache_file) {
  Machine machine = probe_machine();
  Json cache = read_cache(cache_file);
  const std::string key = key_of(machine);
  double bandwidth = known_bandwidth(cache, key);
  if (measure == Measure::again || (bandwidth <= 0 && measure == Measure::if_unknown)) {
    if (const double measured = measure_bandwidth(machine.cpu.cores); measured > 0) {
      bandwidth = measured;
      cache[key] = {{"gb_per_second", bandwidth / 1e9}};
      write_cache(cache_file, cache);
    }
  }
  if (bandwidth > 0) machine.cpu.bandwidth = bandwidth, machine.cpu.bandwidth_measured = true;
  return machine;
}

Machine machine_here(Measure measure) {
  const std::string folder = cache_folder();
  return machine_here(measure, folder.empty() ? "" : folder + "/bandwidth.json");
}

Result<Machine> machine_from_file(const std::string& path) {
  MXPATH_TRY(std::string text, read_text_file(path, file_limit));
  MXPATH_TRY(const Json json, parse_json(text, path));
  if (json.is_object() && json.contains("machine") && json["machine"].is_object()) text = json["machine"].dump();
  return machine_from_json(text, path);
}

Result<Machine> machine_named(std::string_view typed) {
  std::error_code ignored;
  if (!typed.empty() && std::filesystem::is_regular_file(std::filesystem::path(typed), ignored)) return machine_from_file(std::string(typed));
  auto known = known_machine(typed);
  if (!known.ok()) return fail("--machine {}", known.error().message);
  return known;
}

}  // namespace mxpath
