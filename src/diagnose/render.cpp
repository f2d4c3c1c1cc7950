// A diagnosis as text and as JSON.
#include "base/json.h"
#include "base/text.h"
#include "diagnose/diagnose.h"

namespace mxpath::diagnose {
namespace {

struct Words {
  std::string_view finding, also, why, lines, todo, next, mxpath, needed, noise, line, link, sure[3], nothing,
      nothing_why, early;
};
constexpr Words english = {"finding",
                           "later in the log",
                           "why",
                           "lines that prove it",
                           "what to do, best first",
                           "likely next",
                           "mxpath there",
                           "to decide, supply",
                           "harmless",
                           "line",
                           "see",
                           {"low confidence", "medium confidence", "high confidence"},
                           "not a failure log",
                           "no error was found in {}.",
                           "note"};
constexpr Words korean = {"결과",
                          "로그 뒷부분의 다른 실패",
                          "이유",
                          "근거가 되는 줄",
                          "할 일(좋은 순서대로)",
                          "다음에 이어지기 쉬운 것",
                          "mxpath라면",
                          "판단에 필요한 정보",
                          "무해한 경고",
                          "줄",
                          "참고",
                          {"확신 낮음", "확신 보통", "확신 높음"},
                          "실패 로그가 아님",
                          "{}에서 오류를 찾지 못했습니다.",
                          "참고"};

void add_finding(std::string& out, const Finding& finding, const Words& w, std::string_view title) {
  out += fmt::format("{}: {}\n  [{}, {}]\n", title, finding.summary, name_of(finding.cls),
                     w.sure[static_cast<size_t>(finding.confidence)]);
  if (!finding.why.empty()) out += fmt::format("{}: {}\n", w.why, finding.why);
  if (!finding.evidence.empty()) out += fmt::format("{}:\n", w.lines);
  for (const Evidence& e : finding.evidence) out += fmt::format("  {} {}: {}\n", w.line, e.line, e.text);
  if (!finding.fixes.empty()) out += fmt::format("{}:\n", w.todo);
  int number = 1;
  for (const Fix& fix : finding.fixes) {
    out += fmt::format("  {}. ", number++);
    if (!fix.text.empty()) out += fix.text + (fix.note.empty() ? "" : "\n     ");
    out += fix.note + "\n";
  }
  for (const std::string& next : finding.next) out += fmt::format("{}: {}\n", w.next, next);
  if (!finding.mxpath.empty()) out += fmt::format("{}: {}\n", w.mxpath, finding.mxpath);
  if (!finding.link.empty()) out += fmt::format("{}: {}\n", w.link, finding.link);
}

Json json_of(const Finding& finding) {
  Json json = {{"class", name_of(finding.cls)},
               {"kernel_path", finding.kernel_path},
               {"confidence", name_of(finding.confidence)},
               {"summary", finding.summary},
               {"why", finding.why}};
  json["evidence"] = Json::array();
  for (const Evidence& e : finding.evidence) json["evidence"].push_back({{"line", e.line}, {"text", e.text}});
  json["fixes"] = Json::array();
  for (const Fix& fix : finding.fixes)
    json["fixes"].push_back(
        {{"kind", name_of(fix.kind)}, {"text", fix.text}, {"note", fix.note}, {"from_log", fix.from_log}});
  json["next"] = finding.next;
  json["mxpath"] = finding.mxpath;
  json["signature"] = finding.signature;
  json["link"] = finding.link;
  return json;
}

/// "3 lines", "3줄".
std::string lines_text(size_t lines, Language language) {
  return language == Language::ko ? fmt::format("{}줄", lines) : plural(lines, "line");
}

}  // namespace

std::string to_text(const Diagnosis& diagnosis, Language language) {
  const Words& w = language == Language::ko ? korean : english;
  std::string out;
  if (diagnosis.verdict == Diagnosis::Verdict::not_a_failure)
    out += fmt::format("{}: {}\n", w.nothing,
                       fmt::format(fmt::runtime(w.nothing_why), lines_text(diagnosis.lines, language)));
  for (size_t i = 0; i < diagnosis.findings.size(); ++i) {
    if (i > 0) out += "\n";
    add_finding(out, diagnosis.findings[i], w, i == 0 ? w.finding : w.also);
  }
  if (!diagnosis.needed.empty()) out += fmt::format("{}:\n", w.needed);
  for (const std::string& need : diagnosis.needed) out += fmt::format("  {}\n", need);
  if (!diagnosis.noise.empty()) out += fmt::format("{}:\n", w.noise);
  for (const Noise& noise : diagnosis.noise)
    out += fmt::format("  {} {}: {}\n", w.line, noise.evidence.line, noise.text);
  const bool said = !diagnosis.findings.empty() && diagnosis.findings[0].summary == ending_text(diagnosis, language);
  if (diagnosis.ending != Ending::whole && !said)
    out += fmt::format("{}: {}\n", w.early, ending_text(diagnosis, language));
  return out;
}

Json to_json(const Diagnosis& diagnosis) {
  Json json = {{"verdict", name_of(diagnosis.verdict)},
               {"findings", Json::array()},
               {"needed", diagnosis.needed},
               {"noise", Json::array()}};
  for (const Finding& finding : diagnosis.findings) json["findings"].push_back(json_of(finding));
  for (const Noise& noise : diagnosis.noise)
    json["noise"].push_back({{"line", noise.evidence.line}, {"text", noise.evidence.text}, {"why", noise.text}});
  json["lines"] = diagnosis.lines;
  json["encoding"] = diagnosis.encoding;
  json["ending"] = name_of(diagnosis.ending);
  if (diagnosis.ending != Ending::whole) json["damaged"] = true;
  return json;
}

}  // namespace mxpath::diagnose
