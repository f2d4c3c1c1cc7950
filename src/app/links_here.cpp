#include "app/links_here.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>

#include "app/fact_cache.h"
#include "base/text.h"

namespace mxpath {
namespace {

constexpr int most_rounds = 4;  // plans that are asked, each with more links known

std::string name_in_key(const Machine& machine, DeviceId device) {
  const Gpu* gpu = machine.gpu(device);
  if (!gpu) return machine.cpu.name;
  return gpu->uuid.empty() ? fmt::format("{} {}", to_string(device), gpu->name) : gpu->uuid;
}

/// What a copy depends on, as far as a program can see.
std::string key_of(const Machine& machine, const Link& link) {
  utsname system{};
  ::uname(&system);
  const Gpu* gpu = machine.gpu(link.b) ? machine.gpu(link.b) : machine.gpu(link.a);
  return fmt::format("copies between {} and {}{}, driver {}, Linux {}", name_in_key(machine, link.a),
                     name_in_key(machine, link.b), link.peer ? " as peers" : "", gpu ? gpu->driver : 0, system.release);
}

bool take(Link& link, const Json& facts, const std::string& key) {
  const auto entry = facts.find(key);
  if (entry == facts.end() || !entry->is_object()) return false;
  const auto number = [&](const char* field) {
    return entry->contains(field) && (*entry)[field].is_number() ? (*entry)[field].get<double>() : -1.0;
  };
  const double bandwidth = number("gb_per_second") * 1e9, latency = number("latency_us") / 1e6;
  if (!(bandwidth > 0) || !std::isfinite(bandwidth) || !(latency >= 0) || !std::isfinite(latency)) return false;
  link.bandwidth = bandwidth;
  link.latency = latency;
  link.measured = true;
  return true;
}

void put(Machine& machine, const Link& link) {
  const auto known =
      std::ranges::find_if(machine.links, [&](const Link& other) { return other.joins(link.a, link.b); });
  if (known != machine.links.end()) *known = link;
  else machine.links.push_back(link);
}

/// The ways of a plan, each pair once, whose figures were not looked for yet.
std::vector<Link> crossed(const Plan& plan, const Machine& machine, const std::vector<Link>& seen) {
  std::vector<Link> links;
  for (const auto& [from, to] : plan.placement.crossings()) {
    const Link link = link_between(machine, from, to);
    const auto is_known = [&](const std::vector<Link>& list) {
      return std::ranges::any_of(list, [&](const Link& other) { return other.joins(link.a, link.b); });
    };
    if (!is_known(links) && !is_known(seen)) links.push_back(link);
  }
  return links;
}

}  // namespace

LinkSource links_here() { return {fact_file(), copy_timer()}; }

Machine with_crossed_links(Machine machine, const std::function<Result<Plan>(const Machine&)>& plan, Measure measure,
                           const LinkSource& source) {
  if (machine.gpus.empty()) return machine;
  Json facts = measure == Measure::again ? Json::object() : read_facts(source.cache_file);
  std::vector<Link> seen;
  bool is_new = false;
  for (int round = 0; round < most_rounds; ++round) {
    const auto planned = plan(machine);
    if (!planned.ok()) break;  // whoever plans next says why
    const std::vector<Link> links = crossed(*planned, machine, seen);
    if (links.empty()) break;
    for (Link link : links) {
      seen.push_back(link);
      const std::string key = key_of(machine, link);
      if (!take(link, facts, key) && measure != Measure::never) {
        link = measured_link(link, source.timer);
        if (link.measured) {
          facts[key] = {{"gb_per_second", link.bandwidth / 1e9}, {"latency_us", link.latency * 1e6}};
          is_new = true;
        }
      }
      if (link.measured) put(machine, link);
    }
  }
  if (!is_new) return machine;
  Json all = read_facts(source.cache_file);  // another program may have written it meanwhile
  all.update(facts);
  write_facts(source.cache_file, all);
  return machine;
}

}  // namespace mxpath
