// What `mxpath compare` measures along.
#include <filesystem>
#include <map>

#include "app/reports/compare.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace mxpath {
namespace {

/// Calls body(line, "file:3") for every line that is not empty.
template <class Body>
Status each_line(std::string_view text, std::string_view where, Body&& body) {
  int number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
    if (!line.empty()) MXPATH_CHECK(body(line, fmt::format("{}:{}", where, number)));
  }
  return {};
}

Result<std::string> text_field(const Json& object, const char* name, const std::string& where) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string() ||
      object[name].get_ref<const std::string&>().empty())
    return fail("{}: expected an object with a text under \"{}\"", where, name);
  return object[name].get<std::string>();
}

Result<ComparePrompt> parse_prompt(std::string_view line, const std::string& where) {
  if (!line.starts_with('{')) return ComparePrompt{std::string(line), false};
  MXPATH_TRY(const Json object, parse_json(line, where));
  const bool plain = object.contains("text");
  if (plain == object.contains("prompt"))
    return fail("{}: expected either \"prompt\" (a message to answer) or \"text\" (read as it stands)", where);
  MXPATH_TRY(std::string text, text_field(object, plain ? "text" : "prompt", where));
  return ComparePrompt{std::move(text), plain};
}

Result<CompareProblem> parse_problem(std::string_view line, const std::string& where) {
  CompareProblem problem;
  MXPATH_TRY(const Json object, parse_json(line, where));
  MXPATH_TRY(problem.kind, text_field(object, "kind", where));
  MXPATH_TRY(problem.prompt, text_field(object, "prompt", where));
  MXPATH_TRY(problem.pattern, text_field(object, "pattern", where));
  return problem;
}

}  // namespace

Result<std::vector<ComparePrompt>> parse_prompts(std::string_view text, std::string_view where) {
  std::vector<ComparePrompt> prompts;
  MXPATH_CHECK(each_line(text, where, [&](std::string_view line, const std::string& place) -> Status {
    MXPATH_TRY(ComparePrompt prompt, parse_prompt(line, place));
    prompts.push_back(std::move(prompt));
    return {};
  }));
  if (prompts.empty()) return fail("{}: no prompts; write one per line", where);
  return prompts;
}

Result<std::vector<CompareProblem>> read_problems(const std::string& folder) {
  const std::string path = folder + "/problems.jsonl";
  std::vector<CompareProblem> problems;
  std::error_code ignored;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) return problems;
  MXPATH_TRY(const std::string text, read_text_file(path));
  MXPATH_CHECK(each_line(text, path, [&](std::string_view line, const std::string& place) -> Status {
    MXPATH_TRY(CompareProblem problem, parse_problem(line, place));
    problems.push_back(std::move(problem));
    return {};
  }));
  return problems;
}

std::vector<CompareProblem> some_of_each_kind(const std::vector<CompareProblem>& problems, int count) {
  std::map<std::string, int> taken;
  std::vector<CompareProblem> some;
  for (const CompareProblem& problem : problems)
    if (taken[problem.kind]++ < count) some.push_back(problem);
  return some;
}

std::vector<ComparePrompt> default_prompts() {
  return {{"Explain in three sentences why the sky is blue.", false},
          {"Write a short Python function that returns the n-th Fibonacci number.", false},
          {"한국의 전통 음식 세 가지를 소개해 줘.", false},
          {"What is the difference between a mutex and a semaphore?", false},
          {"Solve 3x + 7 = 52 and show your steps.", false},
          {"Summarise the plot of Romeo and Juliet in two sentences.", false},
          {"Why does bread rise?", false},
          {"Translate into French: The train leaves at half past nine.", false}};
}

}  // namespace mxpath
