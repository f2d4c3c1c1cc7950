// What the tests of this folder share: the logs of tests/data/diagnose, and the ways in which a log may come.
#pragma once
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "diagnose/diagnose.h"

namespace mxpath::diagnose {

inline std::vector<Json> rows_of(const std::string& name) {
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

inline Machine machine_with(int capability) {
  Machine machine;
  Gpu gpu;
  gpu.name = "card";
  gpu.arch = {capability};
  machine.gpus.push_back(gpu);
  return machine;
}

inline Facts facts_of(const Json& row) {
  Facts facts;
  if (row.contains("gpu")) facts.machine = machine_with(row["gpu"].get<int>());
  if (row.contains("versions")) facts.versions = parse_versions(row["versions"].get<std::string>()).value();
  if (row.contains("mxfp4")) facts.mxfp4_checkpoint = row["mxfp4"].get<bool>();
  return facts;
}

inline Diagnosis diagnosed(std::string_view text, const Facts& facts = {}, Language language = Language::en) {
  Result<Diagnosis> result = diagnose(text, facts, language);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return result.ok() ? *result : Diagnosis{};
}

inline std::string class_of(const Diagnosis& diagnosis) {
  return diagnosis.findings.empty() ? "none" : std::string(name_of(diagnosis.findings[0].cls));
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (char c : text)
    if (c == '\n') lines.emplace_back();
    else lines.back().push_back(c);
  return lines;
}

/// As a terminal of 72 columns shows it, in colours, with Windows line ends.
inline std::string wrapped(const std::string& text) {
  std::string result;
  for (const std::string& line : lines_of(text))
    for (size_t at = 0; at == 0 || at < line.size(); at += 72)
      result += "\x1b[31m" + line.substr(at, 72) + "\x1b[0m\r\n";
  return result;
}

/// As a server with two processes in a container prints it. The second process talks between the lines.
inline std::string interleaved(const std::string& text) {
  std::string result;
  for (const std::string& line : lines_of(text)) {
    result += "2026-01-17T18:48:10.418481013+01:00 stderr F (EngineCore_DP0 pid=93) " + line + "\n";
    result +=
        "2026-01-17T18:48:10.418481014+01:00 stderr F (APIServer pid=1) INFO 01-17 18:48:10 [loggers.py:1] Running: 1 "
        "reqs\n";
  }
  return result;
}

inline std::string gzipped(std::string_view text) {
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

inline std::string utf16(std::string_view text, bool little, bool mark) {
  std::string out = mark ? (little ? "\xff\xfe" : "\xfe\xff") : "";
  for (char c : text) {
    if (!little) out.push_back('\0');
    out.push_back(c);
    if (little) out.push_back('\0');
  }
  return out;
}

}  // namespace mxpath::diagnose
