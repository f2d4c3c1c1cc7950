#include "machine/known_machines.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/nearest.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// Words that a name is as good without.
bool is_ornament(std::string_view word) {
  constexpr std::array ornaments = {"nvidia", "geforce", "tesla",     "gpu", "tensor",
                                    "core",   "cpu",     "processor", "r",   "tm"};
  return std::ranges::count(ornaments, word) > 0;
}

/// "NVIDIA A100-SXM4-80GB" → "a100sxm480gb".
std::string plain(std::string_view text) {
  std::string out, word;
  const auto finish = [&] {
    if (!is_ornament(word)) out += word;
    word.clear();
  };
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else finish();
  }
  finish();
  return out;
}

const KnownMachine* by_file_name(std::string_view typed) {
  if (typed.ends_with(".json")) typed.remove_suffix(5);
  const auto found =
      std::ranges::find_if(known_machines(), [&](const KnownMachine& m) { return plain(m.name) == plain(typed); });
  return found == known_machines().end() || plain(typed).empty() ? nullptr : &*found;
}

const Product* by_product(const std::string& wanted) {
  // "4090" is as clear as "RTX 4090".
  const auto found = std::ranges::find_if(
      products(), [&](const Product& p) { return plain(p.name) == wanted || plain(p.name) == "rtx" + wanted; });
  return found == products().end() || wanted.empty() ? nullptr : &*found;
}

Result<Machine> parse(const KnownMachine& machine) { return machine_from_json(machine.json, machine.name); }

const std::vector<Machine>& all_machines() {
  static const std::vector<Machine> all = [] {
    std::vector<Machine> parsed;
    for (const KnownMachine& known : known_machines())
      if (auto machine = parse(known); machine.ok()) parsed.push_back(std::move(machine).value());
    return parsed;
  }();
  return all;
}

/// A machine by its own name, its GPU's, or a telling part of its CPU's when it has no GPU and no other matches.
std::optional<Machine> by_full_name(const std::string& wanted) {
  std::vector<const Machine*> by_cpu;
  for (const Machine& machine : all_machines()) {
    const bool gpu = std::ranges::any_of(machine.gpus, [&](const Gpu& g) { return plain(g.name) == wanted; });
    if (gpu || plain(machine.name) == wanted) return machine;
    if (machine.gpus.empty() && wanted.size() >= 4 && plain(machine.cpu.name).find(wanted) != std::string::npos)
      by_cpu.push_back(&machine);
  }
  if (by_cpu.size() != 1) return std::nullopt;
  return *by_cpu.front();
}

/// The known names nearest to what was typed, as a part of a sentence.
std::string nearest_known(std::string_view typed) {
  std::vector<std::string_view> names;
  for (const KnownMachine& machine : known_machines()) names.push_back(machine.name);
  if (auto note = nearest_note(typed, names); !note.empty()) return note;
  names.clear();
  for (const Product& product : products()) names.push_back(product.name);
  return nearest_note(typed, names);
}

std::string of_capability(int capability) {
  std::vector<std::string_view> names;
  for (const KnownMachine& known : known_machines())
    if (const auto machine = parse(known);
        machine.ok() && !machine->gpus.empty() && machine->gpus[0].arch.number == capability)
      names.push_back(known.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

/// "4x rtx_3090": a machine with its GPUs so many times.
struct Multiple {
  int times = 1;
  std::string_view machine;
};
std::optional<Multiple> multiple_in(std::string_view typed) {
  size_t digits = 0;
  while (digits < typed.size() && std::isdigit(static_cast<unsigned char>(typed[digits]))) ++digits;
  if (digits == 0 || digits > 4) return std::nullopt;
  std::string_view rest = typed.substr(digits);
  const auto skip_spaces = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size())); };
  skip_spaces();
  for (const std::string_view sign : {"x", "X", "×"}) {
    if (!rest.starts_with(sign)) continue;
    rest.remove_prefix(sign.size());
    skip_spaces();
    if (rest.empty()) return std::nullopt;
    return Multiple{std::atoi(std::string(typed.substr(0, digits)).c_str()), rest};
  }
  return std::nullopt;
}

Result<Machine> multiplied(std::string_view typed, const Multiple& multiple) {
  MXPATH_TRY(Machine machine, known_machine(multiple.machine));
  const size_t one = machine.gpus.size();
  if (one == 0) return fail("{}: that machine has no GPU to have several of", printable(typed));
  if (multiple.times < 1 || static_cast<size_t>(multiple.times) * one > most_gpus)
    return fail("{}: a machine has between 1 and {} GPUs", printable(typed), most_gpus);
  for (size_t i = one; i < static_cast<size_t>(multiple.times) * one; ++i)
    machine.gpus.push_back(machine.gpus[i % one]);
  machine.name = fmt::format("{} x {}", multiple.times, machine.name);
  return machine;
}

Error without_machine(const Product& product) {
  const std::string others = of_capability(product.capability);
  return fail(
      "{}: compute capability {}.{}, but mxpath has no figures of its bandwidth and memory; {}give the file that "
      "`mxpath doctor --bundle "
      "FILE` writes there",
      product.name, product.capability / 10, product.capability % 10,
      others.empty() ? "" : fmt::format("machines of the same capability are {}; or ", others));
}

}  // namespace

std::string known_machine_names() {
  std::vector<std::string_view> names;
  for (const KnownMachine& machine : known_machines()) names.push_back(machine.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<Machine> known_machine(std::string_view typed) {
  if (const auto multiple = multiple_in(typed)) return multiplied(typed, *multiple);
  const std::string wanted = plain(typed);
  if (const KnownMachine* machine = by_file_name(typed)) return parse(*machine);
  if (const Product* product = by_product(wanted)) {
    if (product->machine.empty()) return without_machine(*product);
    return parse(*by_file_name(product->machine));
  }
  if (auto machine = by_full_name(wanted)) return std::move(*machine);
  return fail("{}: neither a file nor a machine that mxpath knows{}; it knows {}", printable(typed),
              nearest_known(typed), known_machine_names());
}

}  // namespace mxpath
