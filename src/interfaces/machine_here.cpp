#include "interfaces/machine_here.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/expand_path.h"
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

/// Bytes a second, and how many programs wanted each core when they were measured.
struct Bandwidth {
  double bytes = 0, load = 0;
};

Bandwidth remembered(const Json& cache, const std::string& key) {
  const auto entry = cache.find(key);
  const auto number = [&](const char* field) {
    const bool there = entry != cache.end() && entry->is_object() && entry->contains(field) && (*entry)[field].is_number();
    return there ? (*entry)[field].get<double>() : 0;
  };
  return {number("gb_per_second") * 1e9, number("load_per_core")};
}

double load_per_core(const Machine& machine) {
  double minute = 0;
  return ::getloadavg(&minute, 1) == 1 ? minute / std::max(machine.cpu.cores, 1) : 0;
}

/// A figure from a busy machine is too low, and would stay: it is measured again on one that is quieter by this much.
constexpr double much_quieter = 0.25;

}  // namespace

Machine machine_here(Measure measure, const std::string& cache_file) {
  Machine machine = probe_machine();
  Json cache = read_cache(cache_file);
  const std::string key = key_of(machine);
  Bandwidth known = remembered(cache, key);
  const double load = load_per_core(machine);
  const bool doubtful = known.bytes <= 0 || known.load > load + much_quieter;
  if (measure == Measure::again || (doubtful && measure == Measure::if_unknown)) {
    if (const double measured = measure_bandwidth(machine.cpu.cores); measured > 0) {
      known = {measure == Measure::again ? measured : std::max(measured, known.bytes), load};
      cache[key] = {{"gb_per_second", known.bytes / 1e9}, {"load_per_core", load}};
      write_cache(cache_file, cache);
    }
  }
  if (known.bytes > 0) machine.cpu.bandwidth = known.bytes, machine.cpu.bandwidth_measured = true;
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
  const std::string path = expanded_unless_there(typed);
  if (!path.empty() && std::filesystem::is_regular_file(path, ignored)) return machine_from_file(path);
  auto known = known_machine(typed);
  if (!known.ok()) return fail("--machine {}", known.error().message);
  return known;
}

}  // namespace mxpath
