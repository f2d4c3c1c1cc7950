#include "app/machine_here.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "app/fact_cache.h"
#include "base/expand_path.h"
#include "base/hint.h"
#include "base/json.h"
#include "base/system_file.h"
#include "base/text.h"
#include "machine/known_machines.h"

namespace mxpath {
namespace {

constexpr size_t file_limit = 1 << 20;

/// What the bandwidth depends on, as far as a program can see. threads: 0 for all cores.
std::string key_of(const Machine& machine, int threads) {
  utsname system{};
  ::uname(&system);
  return fmt::format("{}, {} cores, Linux {}{}", machine.cpu.name, machine.cpu.cores, system.release,
                     threads ? fmt::format(", {} threads", threads) : "");
}

/// One measurement, and how many programs wanted each core when it was made.
struct Sample {
  double gb = 0;  ///< 10⁹ bytes a second, as the file holds it, so that what is read again is the same to the last bit
  double spread = 0, load = 0;
};

constexpr size_t enough = 3, most = 7;
constexpr double seconds_each = 0.1, seconds_again = 0.2;
/// A figure from a busy machine is too low: it counts no longer when there is one from a machine that is quieter by
/// this much.
constexpr double much_quieter = busy_load_per_core;
constexpr double most_load = 1e6;

Sample sample_from(const Json& entry) {
  const auto number = [&](const char* field) {
    const bool there = entry.is_object() && entry.contains(field) && entry[field].is_number();
    return there ? std::max(entry[field].get<double>(), 0.0) : 0;
  };
  return {number("gb_per_second"), number("spread"), number("load_per_core")};
}

/// The samples of an entry; version 0.1 wrote one without a list.
std::vector<Sample> samples_in(const Json& cache, const std::string& key) {
  std::vector<Sample> samples;
  const auto entry = cache.find(key);
  if (entry == cache.end() || !entry->is_object()) return samples;
  const auto list = entry->find("readings");
  if (list == entry->end()) samples.push_back(sample_from(*entry));
  else if (list->is_array())
    for (const Json& reading : *list) samples.push_back(sample_from(reading));
  std::erase_if(samples, [](const Sample& s) { return !(s.gb > 0) || !std::isfinite(s.gb * 1e9); });
  if (samples.size() > most) samples.erase(samples.begin(), samples.end() - most);
  return samples;
}

Json to_json(const std::vector<Sample>& samples) {
  Json list = Json::array();
  for (const Sample& s : samples)
    list.push_back({{"gb_per_second", s.gb}, {"spread", s.spread}, {"load_per_core", s.load}});
  return {{"readings", std::move(list)}};
}

double quietest_load(const std::vector<Sample>& samples) {
  return samples.empty() ? 0 : std::ranges::min_element(samples, {}, &Sample::load)->load;
}

/// Without those that a much quieter machine has replaced; the slowest first.
std::vector<Sample> that_count(std::vector<Sample> samples) {
  const double quietest = quietest_load(samples);
  std::erase_if(samples, [&](const Sample& s) { return s.load > quietest + much_quieter; });
  std::ranges::sort(samples, {}, &Sample::gb);
  return samples;
}

/// How far apart the samples lie, or what each says of itself.
double spread_of(const std::vector<Sample>& sorted) {
  const double median = sorted[sorted.size() / 2].gb;
  double own = 0;
  for (const Sample& s : sorted) own += s.spread / static_cast<double>(sorted.size());
  // The middle of them: one outlier of five and more is none.
  const size_t cut = sorted.size() / 5;
  return std::max(own, (sorted[sorted.size() - 1 - cut].gb - sorted[cut].gb) / median);
}

bool wants_another(const std::vector<Sample>& samples, double load) {
  if (samples.empty() || quietest_load(samples) > load + much_quieter) return true;
  if (load > quietest_load(samples) + much_quieter) return false;  // it would not count
  const auto counted = that_count(samples);
  return counted.size() < enough || (counted.size() < most && spread_of(counted) > unsteady_spread);
}

double load_per_core(const Machine& machine) {
  double minute = 0;
  return ::getloadavg(&minute, 1) == 1 ? minute / std::max(machine.cpu.cores, 1) : 0;
}

/// Sets the figure of a machine; false where there is none.
bool take(Cpu& cpu, const std::vector<Sample>& samples, int threads) {
  const auto counted = that_count(samples);
  if (counted.empty()) return false;
  cpu.bandwidth = counted[counted.size() / 2].gb * 1e9, cpu.bandwidth_measured = true;
  cpu.bandwidth_threads = threads, cpu.bandwidth_spread = spread_of(counted);
  cpu.bandwidth_load = std::min(counted[counted.size() / 2].load * cpu.cores, most_load);
  return true;
}

void measure_again(std::vector<Sample>& samples, Measure measure, int threads, double load) {
  const BandwidthReading reading = measure_bandwidth(threads, measure == Measure::again ? seconds_again : seconds_each);
  if (!(reading.bytes_per_second > 0)) return;
  if (measure == Measure::again) samples.clear();
  samples.push_back({reading.bytes_per_second / 1e9, reading.spread, load});
}

}  // namespace

Machine machine_here(Measure measure, const std::string& cache_file, int threads) {
  Machine machine = probe_machine();
  const int some = threads > 0 && threads < machine.cpu.cores ? threads : 0;
  Json cache = read_facts(cache_file);
  const std::string key = key_of(machine, some);
  std::vector<Sample> samples = samples_in(cache, key);
  const double load = load_per_core(machine);
  if (measure == Measure::again || (measure == Measure::if_unknown && wants_another(samples, load))) {
    measure_again(samples, measure, some ? some : machine.cpu.cores, load);
    cache[key] = to_json(samples);
    write_facts(cache_file, cache);
  }
  if (!take(machine.cpu, samples, some) && some) take(machine.cpu, samples_in(cache, key_of(machine, 0)), 0);
  return machine;
}

Machine machine_here(Measure measure, int threads) { return machine_here(measure, fact_file(), threads); }

Result<Machine> machine_from_file(const std::string& path) {
  MXPATH_TRY(std::string text, read_input(path, file_limit));
  MXPATH_TRY(const Json json, parse_json(text, path));
  if (json.is_object() && json.contains("machine") && json["machine"].is_object()) text = json["machine"].dump();
  return machine_from_json(text, path);
}

Result<Machine> machine_named(std::string_view typed) {
  std::error_code ignored;
  const std::string path = expanded_unless_there(typed);
  const auto there = std::filesystem::status(path, ignored);
  if (!path.empty() && std::filesystem::exists(there) &&
      !std::filesystem::is_directory(there))  // a folder may have the name of a machine
    return machine_from_file(path);
  auto known = known_machine(typed);
  if (!known.ok()) return fail("{} {}", mention(Knob::machine), known.error().message);
  return known;
}

}  // namespace mxpath
