#include "cli/flags_page.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/program.h"

namespace mxpath::cli {
namespace {

constexpr const char* own_group = "Options";  // what CLI11 calls flags without a group

/// A pipe would end the cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

std::string names_of(const CLI::Option& option) {
  std::string out;
  for (const std::string& name : option.get_snames()) out += fmt::format("`-{}` ", name);
  for (const std::string& name : option.get_lnames()) out += fmt::format("`--{}` ", name);
  if (out.empty()) out = fmt::format("`{}` ", option.get_single_name());
  out.pop_back();
  return out;
}

std::string row_of(const CLI::Option& option) {
  const bool takes_value = option.get_items_expected_max() > 0 && !option.get_positional();
  return fmt::format("| {}{} | {}{} |\n", names_of(option),
                     takes_value ? fmt::format(" {}", cell(option.get_type_name())) : "",
                     cell(option.get_description()), option.get_required() ? " (required)" : "");
}

/// The tables of a command by group, in the order in which the groups first occur.
std::vector<std::pair<std::string, std::string>> tables_of(const CLI::App& command) {
  std::vector<std::pair<std::string, std::string>> tables;
  for (const CLI::Option* option : command.get_options()) {
    const std::string group = option->get_group().empty() ? "For testing" : option->get_group();
    auto table = std::ranges::find(tables, group, &std::pair<std::string, std::string>::first);
    if (table == tables.end()) table = tables.insert(table, {group, ""});
    table->second += row_of(*option);
  }
  return tables;
}

std::string table(const std::string& rows) { return "| flag | meaning |\n|---|---|\n" + rows; }

std::string anchor(std::string heading) {
  std::ranges::transform(heading, heading.begin(), [](char c) {
    return c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  return heading;
}

/// Groups that two commands or more have alike, with the commands.
using Shared = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

std::string command_section(const CLI::App& command, const Shared& shared) {
  std::string out = fmt::format("\n## mxpath {}\n\n{}.\n", command.get_name(), command.get_description()), others;
  for (const auto& [group, rows] : tables_of(command)) {
    if (const auto found = shared.find({group, rows}); found != shared.end() && found->second.size() > 1)
      others += fmt::format("{}[{}](#{})", others.empty() ? "" : ", ", group, anchor(group));
    else out += fmt::format("\n{}{}", group == own_group ? "" : group + "\n\n", table(rows));
  }
  return others.empty() ? out : fmt::format("{}\nAlso: {}.\n", out, others);
}

}  // namespace

std::string flags_page() {
  CLI::App app("", "mxpath");
  Program program;
  add_commands(app, program);
  const auto commands = app.get_subcommands([](CLI::App*) { return true; });
  Shared shared;
  std::vector<Shared::key_type> order;
  for (const CLI::App* command : commands)
    for (const auto& group : tables_of(*command)) {
      auto& users = shared[group];
      users.push_back(command->get_name());
      if (users.size() == 2 && group.first != own_group) order.push_back(group);
    }
  std::erase_if(shared, [](const auto& group) { return group.first.first == own_group; });
  std::string out =
      "# Commands and flags\n\nMade from the program's own options by `make docs`; a test fails when this page is "
      "stale. `mxpath COMMAND "
      "--help` shows the same.\n";
  for (const CLI::App* command : commands) out += command_section(*command, shared);
  for (const auto& group : order)
    out +=
        fmt::format("\n## {}\n\nFlags of {}.\n\n{}", group.first, fmt::join(shared[group], ", "), table(group.second));
  return out;
}

}  // namespace mxpath::cli
