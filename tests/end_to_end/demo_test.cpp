// The model that ships with the project, asked through the public API. MXPATH_DEMO_PROBLEMS=FILE asks the problems of
// another file (JSON lines as training/problems.py --fresh writes them) and prints the share that is right.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <sstream>

#include "app/reports/answer_pattern.h"
#include "base/json.h"
#include "base/mapped_file.h"
#include "mxpath/mxpath.h"

namespace mxpath {
namespace {

api::Engine demo() { return std::move(*api::Engine::load(MXPATH_SOURCE_DIR "/models/demo")); }

api::GenerateOptions greedy() {
  api::GenerateOptions options;
  options.temperature = 0, options.max_new_tokens = 600;
  return options;
}

/// Right answers by kind, out of how many.
std::map<std::string, std::pair<int, int>> ask_all(api::Engine& engine, const Json& problems) {
  std::map<std::string, std::pair<int, int>> right;
  for (const Json& problem : problems) {
    const auto answer = engine.ask(problem["prompt"].get<std::string>(), greedy());
    EXPECT_TRUE(answer.ok());
    auto& [hits, count] = right[problem["kind"]];
    ++count;
    hits += AnswerPattern::compile(problem["pattern"].get<std::string>()).value().is_in(answer->text).value();
  }
  return right;
}

TEST(Demo, SolvesProblemsItNeverSaw) {
  auto engine = demo();
  const Json data = parse_json(read_text_file(MXPATH_SOURCE_DIR "/tests/data/end_to_end/demo_problems.json").value(),
                               "demo_problems.json")
                        .value();
  int hits = 0, count = 0;
  for (const auto& [kind, result] : ask_all(engine, data["problems"])) hits += result.first, count += result.second;
  EXPECT_EQ(count, 40);
  EXPECT_GE(hits, 38) << "of " << count;
}

TEST(Demo, GlossaryAnswersAreWordForWord) {
  auto engine = demo();
  const Json data = parse_json(read_text_file(MXPATH_SOURCE_DIR "/tests/data/end_to_end/demo_problems.json").value(),
                               "demo_problems.json")
                        .value();
  for (const Json& entry : data["glossary"])
    EXPECT_EQ(engine.ask(entry["prompt"].get<std::string>(), greedy())->text, entry["final"].get<std::string>());
}

TEST(Demo, EffortChangesHowMuchItReasons) {
  auto engine = demo();
  std::map<std::string, size_t> length;
  for (const char* effort : {"low", "medium", "high"}) {
    auto options = greedy();
    options.reasoning_effort = effort;
    const auto answer = engine.ask("What is 348 + 276?", options);
    ASSERT_TRUE(answer.ok());
    EXPECT_EQ(answer->stop_reason, "stop");
    length[effort] = answer->analysis.size();
  }
  EXPECT_LT(length["low"], length["medium"]);
  EXPECT_LT(length["medium"], length["high"]);
}

TEST(Demo, FitsIntoTwelveMebibytes) {
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MXPATH_SOURCE_DIR "/models/demo"))
    bytes += entry.file_size();
  EXPECT_LE(bytes, uintmax_t{12} << 20);
}

TEST(Demo, FreshProblemsFromAFile) {
  const char* path = std::getenv("MXPATH_DEMO_PROBLEMS");
  if (!path) GTEST_SKIP() << "MXPATH_DEMO_PROBLEMS names no file";
  Json problems = Json::array();
  std::istringstream lines(read_text_file(path).value());
  for (std::string line; std::getline(lines, line);) problems.push_back(parse_json(line, path).value());
  auto engine = demo();
  for (const auto& [kind, result] : ask_all(engine, problems)) {
    std::cout << kind << ": " << result.first << " of " << result.second << " right\n";
    EXPECT_GE(result.first, 0.95 * result.second) << kind;
  }
}

}  // namespace
}  // namespace mxpath
