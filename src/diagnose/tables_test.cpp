// That the files of data/diagnose are what the program holds, can be read, and that no slip in them goes unnoticed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"
#include "diagnose/fix_tables.h"
#include "diagnose/harmless_settings.h"
#include "diagnose/known_packages.h"
#include "diagnose/log_facts.h"
#include "diagnose/pattern.h"
#include "diagnose/signature.h"
#include "diagnose/stack_rules.h"

namespace mxpath::diagnose {
namespace {

const std::filesystem::path folder = MXPATH_SOURCE_DIR "/data/diagnose";

/// What a file says when it is read: nothing, or what is wrong with it.
using Reader = std::function<Status(std::string_view json, std::string_view file)>;

template <class Row>
Reader reader_of(Result<Table<Row>> (*from_json)(std::string_view, std::string_view)) {
  return [from_json](std::string_view json, std::string_view file) -> Status {
    auto table = from_json(json, file);
    if (!table.ok()) return std::move(table).error();
    return {};
  };
}

std::map<std::string_view, Reader> readers() {
  std::map<std::string_view, Reader> map = {{"answers", reader_of(answers_from_json)},
                                            {"fixes", reader_of(fixes_from_json)},
                                            {"failure_classes", reader_of(classes_from_json)},
                                            {"harmless_settings", reader_of(settings_from_json)},
                                            {"known_packages", reader_of(known_packages_from_json)},
                                            {"named_gpus", reader_of(named_gpus_from_json)}};
  for (const TableFile& file : table_files_of("signatures_")) map.emplace(file.name, reader_of(signatures_from_json));
  for (const TableFile& file : table_files_of("stack_rules_")) map.emplace(file.name, reader_of(stack_rules_from_json));
  return map;
}

std::string error_of(const Reader& read, const std::string& json) {
  const Status status = read(json, "x");
  return status.ok() ? "" : status.error().message;
}

/// The numbers of the rows of a file, headings left out: table.rows[i] is row numbers[i].
std::vector<size_t> row_numbers(std::string_view file) {
  const Json rows = parse_json(table_json(file), file).value()["rows"];
  std::vector<size_t> numbers;
  for (size_t i = 0; i < rows.size(); ++i)
    if (!rows[i].contains("section")) numbers.push_back(i + 1);
  return numbers;
}

template <class Row>
void expect_patterns_compile(const Table<Row>& table, std::string_view file) {
  if (table.rows.empty()) return;  // EachCanBeReadAndNoneIsForgotten says why
  const std::vector<size_t> numbers = row_numbers(file);
  ASSERT_EQ(numbers.size(), table.rows.size()) << file;
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (table.rows[i].pattern.empty()) continue;
    const Result<Pattern> pattern = Pattern::compile(table.rows[i].pattern);
    EXPECT_TRUE(pattern.ok()) << "data/diagnose/" << file << ".json: row " << numbers[i] << ": "
                              << pattern.error().message;
  }
}

TEST(Tables, AreTheFilesOfTheFolder) {
  std::set<std::string> on_disk, in_program;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) on_disk.insert(entry.path().filename());
  for (const TableFile& file : table_files()) {
    const std::string name = std::string(file.name) + ".json";
    EXPECT_TRUE(in_program.insert(name).second) << name;
    EXPECT_EQ(file.json, read_text_file((folder / name).string()).value()) << name;
  }
  EXPECT_EQ(in_program, on_disk);
}

TEST(Tables, EachCanBeReadAndNoneIsForgotten) {
  const auto all = readers();
  EXPECT_EQ(all.size(), table_files().size());
  for (const TableFile& file : table_files()) {
    const auto reader = all.find(file.name);
    ASSERT_NE(reader, all.end()) << file.name << " is read by nobody";
    const Status status = reader->second(file.json, file.name);
    EXPECT_TRUE(status.ok()) << status.error().message;
  }
}

TEST(Tables, PatternsCompile) {
  for (const TableFile& file : table_files_of("signatures_"))
    expect_patterns_compile(built_in(signatures_from_json, file.name), file.name);
  expect_patterns_compile(built_in(answers_from_json, "answers"), "answers");
}

TEST(Tables, AnswersNameSignaturesThatExist) {
  std::set<std::string_view> ids;
  for (const Signature& row : signatures()) EXPECT_TRUE(ids.insert(row.id).second) << row.id << " stands in two files";
  const std::vector<size_t> numbers = row_numbers("answers");
  for (size_t i = 0; i < answer_rows().size(); ++i)
    for (std::string_view id : answer_rows()[i].signatures)
      EXPECT_TRUE(ids.count(id)) << "data/diagnose/answers.json: row " << numbers.at(i) << ": no signature has the id "
                                 << id;
}

TEST(Tables, AnswersAreFilledFromGroupsThatTheyHave) {
  const std::vector<size_t> numbers = row_numbers("answers");
  for (size_t i = 0; i < answer_rows().size(); ++i) {
    const AnswerRow& row = answer_rows()[i];
    for (std::string_view text : {row.text, row.note.en, row.note.ko})
      for (size_t at = text.find('{'); at < text.size(); at = text.find('{', at + 1)) {
        if (text.substr(at + 1, 1).find_first_of("123456789") != 0) continue;
        EXPECT_LE(static_cast<size_t>(text[at + 1] - '0'), row.shapes.size())
            << "data/diagnose/answers.json: row " << numbers.at(i) << ": " << text;
      }
  }
}

TEST(Tables, EveryMeaningHasOneRow) {
  for (Meaning meaning : {Meaning::exception, Meaning::user_stop})
    EXPECT_EQ(std::count_if(signatures().begin(), signatures().end(),
                            [&](const Signature& s) { return s.meaning == meaning; }),
              1)
        << name_of(meaning);
}

/// Every field of every row, misspelt.
/// What is typed is the same in both languages, so no words may stand in it: "triton>=3.6 with a matching torch" was
/// half a sentence.
TEST(Tables, WhatIsTypedIsNoSentence) {
  for (const FixRow& row : fix_rows())
    for (const char* word : {" with ", " or ", " and ", " the ", " a ", " of "})
      EXPECT_EQ(row.text.find(word), std::string_view::npos) << row.text;
}

TEST(Tables, AMisspeltFieldIsRefusedInEveryRow) {
  for (const auto& [file, read] : readers()) {
    const Json document = parse_json(table_json(file), file).value();
    for (const Json& row : document["rows"])
      for (const auto& [field, value] : row.items()) {
        Json slip = Json::object();
        for (const auto& [key, unchanged] : row.items()) slip[key == field ? key + "x" : key] = unchanged;
        const Json wrong = {{"about", ""}, {"shared", document.value("shared", Json::object())}, {"rows", {slip}}};
        EXPECT_EQ(error_of(read, wrong.dump()).rfind("data/diagnose/x.json: row 1", 0), 0u)
            << file << ": " << slip.dump();
      }
  }
}

std::string signatures_with(const std::string& rows, const std::string& shared = "{}") {
  return R"({"about": "", "shared": )" + shared + R"(, "rows": [)" + rows + "]}";
}

TEST(Tables, ASlipIsNamedWithFileAndRow) {
  const std::string right = R"({"id": "a", "class": "oom_other", "phrases": ["p"]})";
  const auto with = [](const std::string& field) {
    return R"({"id": "b", "class": "oom_other", "phrases": ["p"], )" + field + "}";
  };
  const Reader read = reader_of(signatures_from_json);
  EXPECT_EQ(error_of(read, signatures_with(right)), "");
  const struct {
    std::string row;
    const char* problem;
  } cases[] = {
      {"3", "it must be an object"},
      {right, "\"id\": \"a\" stands in an earlier row"},
      {R"({"id": "b", "class": "oom_other"})", "\"phrases\": it is missing"},
      {R"({"id": "b", "phrases": ["p"]})", "\"class\": findings have one"},
      {R"({"id": "b", "kind": "noise", "class": "oom_other", "phrases": ["p"]})", "\"class\": findings have one"},
      {R"({"id": "b", "kind": "context", "phrases": ["p"]})", "\"sets\": kind context has it"},
      {R"({"id": "b", "class": "out_of_memory", "phrases": ["p"]})",
       "\"class\": \"out_of_memory\" is not known; it may be layout_hopper_only"},
      {R"({"id": "b", "class": "oom_other", "phrases": []})", "\"phrases\": it must be an array that is not empty"},
      {R"({"id": "b", "class": "oom_other", "phrases": "p"})", "\"phrases\": it must be an array"},
      {R"({"id": "b", "class": "oom_other", "phrases": [""]})", "\"phrases\": it must be a text"},
      {with(R"("pattern": 3)"), "\"pattern\": it must be a text"},
      {with(R"("pattern": ["a", 3])"), "\"pattern\": it must be a text"},
      {with(R"("patern": "a")"), "unknown field \"patern\"; the fields are"},
      {with(R"("priority": "strong")"), "\"priority\": it may be exact"},
      {with(R"("priority": 1.5)"), "\"priority\": it must be a whole number from 1 to 499"},
      {with(R"("priority": 500)"), "\"priority\": it must be a whole number from 1 to 499"},
      {with(R"("all": ["vlm"])"), "\"all\": \"vlm\" is not known; it may be gpt_oss"},
      {with(R"("caps": [9.0])"), "\"caps\": it must hold"},
      {with(R"("caps": [50,52,53,60,61,62,70,72,75,80,86,87,89])"), "\"caps\": it must hold at most 12"},
      {with(R"("any_level": "yes")"), "\"any_level\": it must be true or false"},
      {with(R"("summary": {"en": "only English"})"), "\"summary\": it must be {\"en\""},
      {with(R"("summary": {"en": "a", "ko": ""})"), "\"summary\": it must be a text"},
      {with(R"("link": "@nowhere")"), "\"link\": \"shared\" has no value \"nowhere\""},
  };
  for (const auto& c : cases) {
    const std::string message = error_of(read, signatures_with(right + "," + c.row));
    EXPECT_EQ(message.rfind("data/diagnose/x.json: row 2", 0), 0u) << message;
    EXPECT_NE(message.find(c.problem), std::string::npos) << message;
  }
}

TEST(Tables, SharedValuesAndPiecesAreResolved) {
  const auto table = signatures_from_json(signatures_with(
                                              R"({"section": "memory"},
             {"comment": "why", "id": "a", "class": "oom_other", "phrases": "@words", "pattern": ["a|", "b"]})",
                                              R"({"words": ["p", "q"]})"),
                                          "x");
  ASSERT_TRUE(table.ok()) << table.error().message;
  ASSERT_EQ(table->rows.size(), 1u);
  EXPECT_EQ(table->rows[0].phrases, (std::vector<std::string_view>{"p", "q"}));
  EXPECT_EQ(table->rows[0].pattern, "a|b");
  EXPECT_EQ(table->rows[0].priority, exact);
}

TEST(Tables, AFileOfAnotherFormIsRefused) {
  const Reader read = reader_of(signatures_from_json);
  for (const char* json :
       {"", "[]", "{}", R"({"about": ""})", R"({"about": "", "rows": {}})", R"({"about": "", "rows": [], "row": 1})",
        R"({"about": "", "rows": [], "shared": []})", R"({"about": "", "rows": [], "shared": {"unused": 1}})",
        R"({"about": "", "rows": [], "rows": []})"})
    EXPECT_EQ(error_of(read, json).rfind("data/diagnose/x.json: ", 0), 0u) << json << ": " << error_of(read, json);
}

TEST(Tables, RulesOfTheOtherTablesAreKept) {
  const struct {
    Reader read;
    const char *rows, *problem;
  } cases[] = {
      {reader_of(answers_from_json), R"({"kind": "flag", "note": {"en": "a", "ko": "b"}, "pattern": "a"})",
       "\"text\": only an action"},
      {reader_of(answers_from_json), R"({"kind": "action", "note": {"en": "a", "ko": "b"}})",
       "\"pattern\": without one"},
      {reader_of(answers_from_json),
       R"({"kind": "action", "note": {"en": "a", "ko": "b"}, "pattern": "a", "shapes": ["int"]})",
       "\"shapes\": \"int\" is not known; it may be number"},
      {reader_of(fixes_from_json), R"({"class": "oom_other", "kind": "flag", "note": {"en": "a", "ko": "b"}})",
       "\"text\": only an action"},
      {reader_of(settings_from_json), R"({"takes": "number", "names": ["--a", "--a"]})",
       "\"names\": \"--a\" stands in an earlier row"},
      {reader_of(known_packages_from_json),
       R"({"missing": "python", "name": "a", "package": "b"}, {"missing": "python", "name": "a", "package": "c"})",
       "stands in an earlier row"},
      {reader_of(stack_rules_from_json),
       R"({"stack": "vlm", "versions": "vlm>1", "path": {"en": "a", "ko": "b"}, "source": "s"})",
       "\"stack\": it is not in known_stacks()"},
      {reader_of(classes_from_json),
       R"({"class": "oom_other", "kernel_path": false, "summary": {"en": "a", "ko": "b"},
           "why": {"en": "a", "ko": "b"}})",
       "1 classes of 34 have a row"},
  };
  for (const auto& c : cases) {
    const std::string message = error_of(c.read, signatures_with(c.rows));
    EXPECT_NE(message.find(c.problem), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace mxpath::diagnose
