#include "diagnose/diagnose.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "base/json.h"
#include "diagnose/log_scan.h"
#include "diagnose/pattern.h"
#include "diagnose/phrase_search.h"
#include "diagnose/test_logs.h"

namespace mxpath::diagnose {
namespace {

const std::string ptxas =
    "INFO 12-20 20:13:09 start\nptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'\nRuntimeError: "
    "Engine core "
    "initialization failed.\n";

TEST(Signatures, EveryRowIsFoundInItsLogPlainWrappedAndInterleaved) {
  std::set<std::string> seen;
  for (const Json& row : rows_of("signatures.jsonl")) {
    const std::string id = row["signature"], log = row["log"];
    seen.insert(id);
    for (const std::string& variant : {log, wrapped(log), interleaved(log)}) {
      const Diagnosis diagnosis = diagnosed(variant, facts_of(row));
      EXPECT_FALSE(diagnosis.findings.empty()) << id << "\n" << variant;
      if (diagnosis.findings.empty()) continue;
      EXPECT_EQ(class_of(diagnosis), row["class"].get<std::string>())
          << id << ", found by " << diagnosis.findings[0].signature << "\n"
          << variant;
      EXPECT_EQ(diagnosis.findings[0].signature, id) << variant;
      EXPECT_FALSE(diagnosis.findings[0].evidence.empty()) << id;
    }
  }
  for (const Signature& row : signatures())
    if (row.kind == Kind::finding) {
      EXPECT_TRUE(seen.count(std::string(row.id))) << row.id << " has no log in signatures.jsonl";
    }
}

TEST(Signatures, EveryClassHasTextsAndEveryCauseARemedy) {
  for (const ClassRow& row : classes()) {
    EXPECT_EQ(&row_of(row.id), &row);
    for (const Phrase& phrase : {row.summary, row.why})
      EXPECT_FALSE(phrase.en.empty() || phrase.ko.empty()) << name_of(row.id);
    if (row.id == FailureClass::cannot_tell) continue;
    EXPECT_TRUE(std::any_of(fix_rows().begin(), fix_rows().end(), [&](const FixRow& fix) { return fix.cls == row.id; }))
        << name_of(row.id);
  }
}

TEST(Diagnose, TheMessageProvesItNotTheLineOfCode) {
  for (const char* words : {"Sinks are only supported in FlashAttention 3", "Unknown recipient: None"}) {
    const Diagnosis diagnosis =
        diagnosed(fmt::format("Traceback (most recent call last):\n  File \"/env/a.py\", line 3, in run\n    raise "
                              "ValueError(\"{}\")\nValueError: {}\n",
                              words, words));
    ASSERT_FALSE(diagnosis.findings.empty());
    EXPECT_EQ(diagnosis.findings[0].evidence.at(0).line, 4u) << words;
  }
}

TEST(Diagnose, ARequestThatFailedIsAFailureWhateverItsLevel) {
  for (const char* log :
       {"INFO:     127.0.0.1:5000 - \"POST /v1/chat/completions HTTP/1.1\" 500 Internal Server Error",
        "INFO 02-03 09:14:10 [x.py:1] HTTP Request: POST http://localhost:8000/v1/responses \"HTTP/1.1 500\"",
        "srv  log_server_r: done request: POST /v1/chat/completions 192.0.2.7 500",
        "[GIN] 2026/02/03 - 10:00:00 | 500 |  1.200s | 127.0.0.1 | POST \"/api/chat\"",
        "time=2026-02-03T10:00:00Z level=INFO source=x.go:1 msg=served status=500",
        "INFO 02-03 09:14:10 [x.py:1] {\"error\":{\"message\":\"something\",\"type\":\"server_error\"}}",
        "INFO 02-03 09:14:10 [x.py:1] {\"error\": \"something went wrong\"}",
        "INFO 02-03 09:14:10 [x.py:1] {\"object\":\"error\",\"message\":\"something\",\"code\":500}"}) {
    const Diagnosis diagnosis = diagnosed(log);
    EXPECT_EQ(class_of(diagnosis), "cannot_tell") << log;
    EXPECT_EQ(exit_code(diagnosis), 4) << log;
    ASSERT_FALSE(diagnosis.findings.empty());
    EXPECT_FALSE(diagnosis.findings[0].evidence.empty()) << log;
  }
}

TEST(Diagnose, CleanLogsGiveNoFinding) {
  const std::vector<Json> rows = rows_of("clean.jsonl");
  EXPECT_GE(rows.size(), 40u);
  for (const Json& row : rows)
    for (const std::string& variant : {row["log"].get<std::string>(), wrapped(row["log"]), interleaved(row["log"])}) {
      const Diagnosis diagnosis = diagnosed(variant);
      EXPECT_TRUE(diagnosis.findings.empty())
          << class_of(diagnosis) << " by " << diagnosis.findings[0].signature << "\n"
          << variant;
      EXPECT_EQ(exit_code(diagnosis), 1);
    }
}

TEST(Diagnose, TheFirstOfTwoFailuresIsTheCauseAndTheSecondIsNamed) {
  const std::vector<Json> rows = rows_of("mixed.jsonl");
  EXPECT_GE(rows.size(), 20u);
  for (const Json& row : rows) {
    const Diagnosis diagnosis = diagnosed(row["log"].get<std::string>());
    ASSERT_GE(diagnosis.findings.size(), 2u) << row["log"];
    EXPECT_EQ(class_of(diagnosis), row["first"].get<std::string>());
    EXPECT_EQ(name_of(diagnosis.findings[1].cls), row["next"].get<std::string>());
    const auto& next = diagnosis.findings[0].next;
    EXPECT_NE(std::find(next.begin(), next.end(), diagnosis.findings[1].summary), next.end());
  }
}

TEST(Diagnose, FactsDecideWhatTheTextCannot) {
  for (const Json& row : rows_of("undecided.jsonl")) {
    const std::string log = row["log"];
    const Diagnosis alone = diagnosed(log);
    EXPECT_EQ(class_of(alone), row["without"].get<std::string>()) << log;
    EXPECT_EQ(alone.verdict == Diagnosis::Verdict::cannot_tell, row["without"] == "cannot_tell");
    EXPECT_EQ(alone.needed.empty(), row["without"] != "cannot_tell") << log;
    EXPECT_EQ(class_of(diagnosed(log, facts_of(row))), row["with"].get<std::string>()) << row.dump();
  }
}

TEST(Diagnose, WarningsThatAreNoiseAreNamed) {
  const Diagnosis diagnosis = diagnosed(
      "WARNING 12-01 09:00:00 [m.py:7] mxfp4 quantization is not fully optimized yet.\n`torch_dtype` is deprecated! "
      "Use `dtype` "
      "instead!\n");
  EXPECT_EQ(diagnosis.verdict, Diagnosis::Verdict::not_a_failure);
  ASSERT_EQ(diagnosis.noise.size(), 2u);
  EXPECT_EQ(diagnosis.noise[0].evidence.line, 1u);
}

TEST(Diagnose, ReadsEveryEncoding) {
  const struct {
    std::string bytes, encoding;
  } cases[] = {{ptxas, "plain"},
               {"\xef\xbb\xbf" + ptxas, "plain"},
               {gzipped(ptxas), "gzip"},
               {gzipped(ptxas) + gzipped("more\n"), "gzip"},
               {gzipped(gzipped(ptxas)), "gzip"},
               {gzipped(gzipped(gzipped(ptxas))), "gzip"},
               {utf16(ptxas, true, true), "utf-16le"},
               {utf16(ptxas, false, true), "utf-16be"},
               {utf16(ptxas, true, false), "utf-16le"},
               {gzipped(utf16(ptxas, true, true)), "gzip utf-16le"},
               {wrapped(ptxas), "plain"}};
  for (const auto& c : cases) {
    const Diagnosis diagnosis = diagnosed(c.bytes);
    EXPECT_EQ(class_of(diagnosis), "ptxas_arch_unknown") << c.encoding;
    EXPECT_EQ(diagnosis.encoding, c.encoding);
    ASSERT_FALSE(diagnosis.findings.empty());
    EXPECT_EQ(diagnosis.findings[0].evidence[0].line, 2u) << c.encoding;
  }
}

TEST(Diagnose, AnyPieceSizeGivesTheSame) {
  for (size_t piece : {1u, 2u, 3u, 7u, 4096u}) {
    for (const std::string& bytes : {ptxas, utf16(ptxas, true, true), gzipped(ptxas)}) {
      std::string_view rest = bytes;
      const Result<Diagnosis> result = diagnose_stream(
          [&](char* buffer, size_t capacity) {
            const size_t count = std::min({piece, capacity, rest.size()});
            std::copy_n(rest.data(), count, buffer);
            rest.remove_prefix(count);
            return count;
          },
          {}, Language::en);
      ASSERT_TRUE(result.ok());
      EXPECT_EQ(class_of(*result), "ptxas_arch_unknown") << piece;
    }
  }
}

TEST(Diagnose, DamagedGzipIsSaidSo) {
  const std::string whole = gzipped(ptxas);
  EXPECT_FALSE(diagnose("\x1f\x8b\x08 not a stream at all", {}, Language::en).ok());
  const Diagnosis cut = diagnosed(whole.substr(0, whole.size() - 8));  // the checksum is missing, the text is not
  EXPECT_EQ(class_of(cut), "ptxas_arch_unknown");
  EXPECT_EQ(cut.ending, Ending::cut_short);
  EXPECT_EQ(exit_code(cut), 0);
  EXPECT_NE(to_text(cut, Language::en).find("ends early, after 3 lines"), std::string::npos)
      << to_text(cut, Language::en);
}

TEST(Diagnose, LongLinesAndBinaryInput) {
  std::string line(3 << 20, 'x');
  line += " Only Hopper swizz";
  line += "ling is supported for values " + std::string(1 << 20, 'y');
  const Diagnosis diagnosis = diagnosed(line);
  EXPECT_EQ(class_of(diagnosis), "layout_hopper_only");
  EXPECT_LT(diagnosis.findings[0].evidence[0].text.size(), 1000u);
  std::string binary;
  uint32_t state = 1;
  for (int i = 0; i < 1 << 18; ++i) binary.push_back(static_cast<char>((state = state * 1664525u + 1013904223u) >> 24));
  const Diagnosis late = diagnosed(std::string(300'000, 'x') + "\nRuntimeError: " + binary);
  EXPECT_NE(to_json(late).dump().size(), 0u);  // valid UTF-8 whatever came in
  EXPECT_EQ(exit_code(diagnosed("")), 1);
}

TEST(Diagnose, NothingOfALogMovesTheTerminal) {
  const Diagnosis diagnosis = diagnosed(
      "RuntimeError: \xc2\x9b"
      "31m \xe2\x80\xae gnp \xe2\x81\xa6 CUDA out of memory");
  const std::string text = to_text(diagnosis, Language::en);
  for (const char* bad : {"\xc2\x9b", "\xe2\x80\xae", "\xe2\x81\xa6"})
    EXPECT_EQ(text.find(bad), std::string::npos) << text;
  EXPECT_NE(text.find("\\xc2\\x9b31m"), std::string::npos) << text;
  EXPECT_EQ(parse_versions("torch=\xc2\x9b"
                           "31m")
                .value()
                .at("torch"),
            "\\xc2\\x9b31m");
  EXPECT_EQ(parse_versions("torch=1\xff").value().at("torch"), "1\\xff");
}

TEST(Diagnose, AStopByTheUserHidesNoFailure) {
  const std::string stop =
      "Traceback (most recent call last):\n  File \"/env/a.py\", line 3, in run\n    wait()\nKeyboardInterrupt\n";
  EXPECT_EQ(exit_code(diagnosed(stop)), 1);
  EXPECT_EQ(diagnosed(stop).noise.size(), 1u);
  EXPECT_EQ(exit_code(diagnosed("strange.UserError: nobody knows it\n" + stop)), 0);
  EXPECT_EQ(exit_code(diagnosed("Traceback (most recent call last):\n  File \"/env/a.py\", line 3, in run\n    except "
                                "KeyboardInterrupt:\nstrange.Timeout: nobody knows it\n")),
            4);
  EXPECT_EQ(exit_code(diagnosed("a.out: core dumped\n" + stop)), 4);
  EXPECT_EQ(exit_code(diagnosed(ptxas + stop)), 0);
}

TEST(Diagnose, APipeThatDoesNotWaitIsWaitedFor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(::write(ends[1], ptxas.data(), ptxas.size()), static_cast<ssize_t>(ptxas.size()));
    ::close(ends[1]);
  });
  const Result<Diagnosis> diagnosis = diagnose_descriptor(ends[0], {}, Language::en);
  writer.join();
  ::close(ends[0]);
  ASSERT_TRUE(diagnosis.ok()) << diagnosis.error().message;
  EXPECT_EQ(class_of(*diagnosis), "ptxas_arch_unknown");
}

TEST(Diagnose, AProcessThatTalksInBetweenDoesNotCutAPhrase) {
  const std::string log =
      "(Worker_TP0 pid=1) AssertionError: Only Hopper swiz\n(Worker_TP1 pid=2) INFO 01-01 00:00:00 [a.py:1] "
      "fine\n(Worker_TP0 pid=1) zling "
      "is supported for values\n";
  EXPECT_EQ(class_of(diagnosed(log)), "layout_hopper_only");
}

TEST(Diagnose, ReportsInBothLanguagesAndAsJson) {
  const Diagnosis english = diagnosed(ptxas), korean = diagnosed(ptxas, {}, Language::ko);
  EXPECT_NE(to_text(english, Language::en).find("does not know sm_121a"), std::string::npos);
  EXPECT_NE(to_text(korean, Language::ko).find("Triton이 사용하는 ptxas가 sm_121a"), std::string::npos);
  EXPECT_NE(to_text(korean, Language::ko).find("할 일"), std::string::npos);
  const Json json = to_json(english);
  EXPECT_EQ(json["verdict"], "finding");
  EXPECT_EQ(json["findings"][0]["class"], "ptxas_arch_unknown");
  EXPECT_EQ(json["findings"][0]["evidence"][0]["line"], 2);
  EXPECT_GE(json["findings"][0]["fixes"].size(), 2u);
  EXPECT_EQ(language_of_locale("ko_KR.UTF-8"), Language::ko);
  EXPECT_EQ(language_of_locale("kok_IN"), Language::en);
}

TEST(Diagnose, UnrelatedPythonErrorsAreNotBlamedOnKernels) {
  const Diagnosis diagnosis = diagnosed(
      "Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in <module>\n    "
      "print(data['x'])\nKeyError: 'x'\n");
  EXPECT_EQ(class_of(diagnosis), "not_a_kernel_problem");
  EXPECT_FALSE(diagnosis.findings[0].kernel_path);
}

TEST(Diagnose, ReadsTheQuantizationOfACheckpoint) {
  EXPECT_TRUE(mxfp4_from_config(R"({"quantization_config":{"quant_method":"mxfp4"}})", "c").value());
  EXPECT_FALSE(mxfp4_from_config(R"({"model_type":"gpt_oss"})", "c").value());
  EXPECT_FALSE(mxfp4_from_config("{", "c").ok());
}

TEST(LogLines, PrefixesOfLoggersAreRecognised) {
  const struct {
    const char* line;
    const char* message;
    Level level;
  } cases[] = {
      {"(EngineCore pid=12) hello", "hello", Level::unmarked},
      {"(VllmWorker rank=0 pid=7) ERROR 07-31 08:44:05 [multiproc_executor.py:594] hello", "hello", Level::error},
      {"[rank0]: hello", "hello", Level::unmarked},
      {"[2025-11-05 11:44:09 TP0] hello", "hello", Level::unmarked},
      {"[04/17/2026-04:17:42] [TRT-LLM] [E] hello", "hello", Level::error},
      {"Aug 07 11:18:18 host ollama[1536]: hello", "hello", Level::unmarked},
      {"ollama  | hello", "hello", Level::unmarked},
      {"time=2025-09-28T22:25:24.499-04:00 level=INFO source=x hello", "source=x hello", Level::info},
      {"2026-01-17T18:48:10.41+01:00 stderr F hello", "hello", Level::unmarked},
      {"W0806 20:26:13.563000 375 site/cpp_extension.py:2425] hello", "hello", Level::warning},
      {"[16:10:33] stdout/INFO  hello", "hello", Level::unmarked},
      {"hello [1] (2)", "hello [1] (2)", Level::unmarked},
      {"Error: hello", "Error: hello", Level::unmarked}};
  for (const auto& c : cases) {
    const LinePrefix prefix = prefix_of(c.line);
    std::string_view message = std::string_view(c.line).substr(prefix.length);
    message.remove_prefix(std::min(message.find_first_not_of(' '), message.size()));
    EXPECT_EQ(message, c.message) << c.line;
    EXPECT_EQ(prefix.level, c.level) << c.line;
  }
}

TEST(PhraseSearch, AgreesWithANaiveSearch) {
  const std::vector<std::string> phrases = {"he", "she", "hers", "his", "s h e", "is \"it\"", ""};
  const PhraseSearch search(phrases);
  const std::string text = "uSHErs, his; s|he 'is' it! ashes";
  std::multiset<uint32_t> found, expected;
  search.feed(0, text, [&](uint32_t id, size_t) { found.insert(id); });
  const std::string flat = squeeze(text);
  for (uint32_t id = 0; id < phrases.size(); ++id) {
    const std::string phrase = squeeze(phrases[id]);
    for (size_t at = 0; !phrase.empty() && (at = flat.find(phrase, at)) != std::string::npos; ++at) expected.insert(id);
  }
  EXPECT_EQ(found, expected);
}

TEST(Versions, CompareAndConditions) {
  EXPECT_LT(compare_versions("3.4.0", "3.10"), 0);
  EXPECT_EQ(compare_versions("2.8.0+cu128", "2.8"), 0);
  EXPECT_LT(compare_versions("4.56.0.dev0", "4.56"), 0);
  EXPECT_LT(compare_versions("0.11.1rc4", "0.11.1"), 0);
  EXPECT_GT(compare_versions("b8054", "b6096"), 0);
  const Versions versions = parse_versions("triton=3.5.1 kernels==0.9.0, triton_kernels=absent").value();
  EXPECT_EQ(holds("triton>=3.4 triton<3.6", versions), std::optional<bool>(true));
  EXPECT_EQ(holds("triton>=3.6 unknown>1", versions), std::optional<bool>(false));
  EXPECT_EQ(holds("triton>=3.4 unknown>1", versions), std::nullopt);
  EXPECT_EQ(holds("triton-kernels=absent kernels!=absent", versions), std::optional<bool>(true));
  EXPECT_FALSE(parse_versions("triton").ok());
}

}  // namespace
}  // namespace mxpath::diagnose
