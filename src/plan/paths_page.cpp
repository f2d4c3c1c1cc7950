#include "plan/paths_page.h"

#include "base/text.h"
#include "plan/refusal.h"

namespace mxpath {
namespace {

std::string needs_text(const Needs& n) {
  std::string out;
  const auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + std::move(text); };
  if (!n.cpu.empty()) add(n.cpu.to_string());
  if (n.arch.kind != ArchSet::Kind::any) add(n.arch.to_string());
  if (n.driver_of_toolkit) add("a driver of the toolkit's major version");
  else if (n.driver) add(fmt::format("driver {}.{}", n.driver / 1000, n.driver % 1000 / 10));
  if (n.tokens.low > 1 || n.tokens.high < Range{}.high) add(fmt::format("{} tokens", n.tokens.to_string()));
  if (!n.per_sequence.contains(Range{})) add(fmt::format("{} tokens per sequence", n.per_sequence.to_string()));
  if (n.n_multiple > 1) add(fmt::format("n % {} == 0", n.n_multiple));
  if (n.k_multiple > 1) add(fmt::format("k % {} == 0", n.k_multiple));
  if (n.shared_memory) add(fmt::format("{} bytes of shared memory", n.shared_memory));
  return out.empty() ? "nothing" : out;
}

std::string_view same_bits_text(const KernelPath& path) {
  if (path.batch_invariant) return path.thread_invariant ? "any batch, any threads" : "any batch";
  return path.thread_invariant ? "any threads" : "no";
}

std::string row_text(const KernelPath& path) {
  const auto percent = [](double efficiency) {
    return efficiency > 0 ? fmt::format("{:.0f} %", 100 * efficiency) : "not measured";
  };
  const auto [one, many] = path.efficiency;
  const std::string share =
      one == many ? percent(one) : fmt::format("{} of one token, {} of many", percent(one), percent(many));
  return fmt::format("| `{}` | {} | {} | {} | {} | {} | {} |\n", path.name, name_of(path.weights),
                     name_of(path.arithmetic), needs_text(path.needs), name_of(path.unit), share, same_bits_text(path));
}

std::string nvcc_text(int version) {
  return fmt::format("{}.{}.{}", version / 100000, version / 1000 % 100, version % 1000);
}

/// The rows that a known issue is about, by what they are.
std::string rows_text(const KnownIssue& issue) {
  std::string out;
  const auto add = [&](std::string_view text) { out += fmt::format("{}{}", out.empty() ? "" : ", ", text); };
  if (issue.device) add(name_of(*issue.device));
  if (issue.unit) add(name_of(*issue.unit));
  std::string formats;
  for (int f = 0; f < number_format_count; ++f)
    if (issue.formats.has(static_cast<NumberFormat>(f)))
      formats += fmt::format("{}{}", formats.empty() ? "" : " or ", name_of(static_cast<NumberFormat>(f)));
  if (!formats.empty()) add("weights held as " + formats);
  if (issue.family_code) add("machine code for one architecture alone");
  return out.empty() ? "all" : out;
}

/// The conditions of a known issue, for a person.
std::string where_text(const KnownIssue& issue) {
  std::string out;
  const auto add = [&](std::string text) { out += (out.empty() ? "" : ", ") + std::move(text); };
  if (!issue.cpu.empty()) add(issue.cpu.to_string());
  if (issue.arch.kind != ArchSet::Kind::any) add(issue.arch.to_string());
  if (issue.driver_below)
    add(fmt::format("CUDA driver below {}.{}", issue.driver_below / 1000, issue.driver_below % 1000 / 10));
  if (issue.nvcc_below)
    add(fmt::format("compiled by nvcc {} to below {}", nvcc_text(issue.nvcc_from), nvcc_text(issue.nvcc_below)));
  return out.empty() ? "everywhere" : out;
}

}  // namespace

std::string paths_page(const Catalogue& catalogue) {
  std::string out =
      "# Kernel paths\n\nMade from the catalogue by `make docs`; a test fails when this page is stale. A path is a row "
      "of constants "
      "in\n`src/kernels/<op>/`; `mxpath plan -v` shows what became of each on a machine. The share of the roof is what "
      "the row reached "
      "when it\nwas measured ([performance.md](performance.md)); the portable rows of the CPU need nothing, so there "
      "always is a path.\n";
  for (int o = 0; o < op_count; ++o) {
    out += fmt::format(
        "\n## {}\n\n| path | weights | arithmetic | needs | roof | share of it | same bits in "
        "|\n|---|---|---|---|---|---|---|\n",
        name_of(static_cast<Op>(o)));
    for (const KernelPath* path : catalogue.paths)
      if (path->op == static_cast<Op>(o)) out += row_text(*path);
  }
  out +=
      "\n## Why a path is refused\n\nIn the order of how fundamental a reason is. All of them are kept; `mxpath plan` "
      "shows the first, "
      "`-v` and `--json` show all.\n\n| check | meaning |\n|---|---|\n";
  for (int c = 0; c < check_count; ++c)
    out += fmt::format("| `{}` | {} |\n", name_of(static_cast<Check>(c)), meaning_of(static_cast<Check>(c)));
  if (catalogue.known_issues.empty()) return out;
  out +=
      "\n## Known issues\n\nFaults of compilers and drivers that strike some inputs only, so that a self-check may "
      "miss them. A path that "
      "one of them meets is refused; the portable\npaths of the CPU never are.\n\n| paths | where | reason "
      "|\n|---|---|---|\n";
  for (const KnownIssue& issue : catalogue.known_issues)
    out += fmt::format("| {} | {} | [{}]({}) |\n", rows_text(issue), where_text(issue), issue.reason, issue.link);
  return out;
}

}  // namespace mxpath
