#include "diagnose/diagnose.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/json.h"
#include "base/text.h"
#include "diagnose/answers.h"
#include "diagnose/judge.h"

namespace mxpath::diagnose {
namespace {

constexpr Phrase need_checkpoint = {"--checkpoint DIR: the checkpoint's config.json (is quantization_config mxfp4?)",
                                    "--checkpoint DIR: 체크포인트의 config.json(quantization_config가 mxfp4인지)"};
constexpr Phrase need_machine = {
    "--machine NAME|FILE: the GPU and its compute capability (nvidia-smi --query-gpu=name,compute_cap --format=csv)",
    "--machine NAME|FILE: GPU와 연산 능력(nvidia-smi --query-gpu=name,compute_cap --format=csv)"};
constexpr Phrase need_versions = {
    "--versions \"triton=… torch=… transformers=… kernels=…\": the installed versions (pip list, or mxpath doctor)",
    "--versions \"triton=… torch=… transformers=… kernels=…\": 설치된 버전(pip list 또는 mxpath doctor)"};
constexpr Phrase need_log = {
    "the log from the start of the program up to the first error of the worker process, not only its end",
    "프로그램 시작부터 작업 프로세스의 첫 오류까지의 로그(끝부분만이 아닌)"};

/// {1}, {2} … replaced by the groups; a sentence whose group is empty is not used (the caller falls back).
std::string filled(std::string_view text, const std::vector<std::string>& groups, bool& complete) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' && i + 2 < text.size() && text[i + 2] == '}' && text[i + 1] >= '1' && text[i + 1] <= '9') {
      const size_t group = static_cast<size_t>(text[i + 1] - '1');
      if (group >= groups.size() || groups[group].empty()) complete = false;
      else result += excerpt(groups[group], 0, 80);
      i += 2;
    } else {
      result.push_back(text[i]);
    }
  }
  return result;
}

std::string summary_of(const Found& found, Language language) {
  bool complete = !found.row->summary.empty();
  std::string special = filled(found.row->summary.text(language), found.groups, complete);
  return complete ? special : std::string(row_of(found.row->cls).summary.text(language));
}

/// A class that has no way out but "follow the message" needs it only where the message names none.
bool says_enough(FailureClass cls, const std::vector<Fix>& answers) {
  return cls == FailureClass::not_a_kernel_problem && !answers.empty();
}

/// What the log's own lines name comes first, then the remedies of the class: for the stack, for all.
std::vector<Fix> fixes_for(FailureClass cls, std::vector<Fix> answers, bool own, const ScanResult& scan,
                           const Knowledge& knowledge, Language language) {
  std::vector<Fix> special, general;
  for (const FixRow& row : fix_rows()) {
    if (row.cls != cls || (!row.stacks.empty() && (own || !scan.contexts.overlaps(row.stacks)))) continue;
    if (contradicts(row, answers) || says_enough(cls, answers)) continue;
    if (!row.caps.empty() && knowledge.capability && !row.caps.contains(*knowledge.capability)) continue;
    const auto same = [&](const Fix& fix) { return fix.text == row.text && !row.text.empty(); };
    if (std::any_of(special.begin(), special.end(), same)) continue;
    (row.stacks.empty() ? general : special)
        .push_back({row.kind, std::string(row.text), std::string(row.note.text(language)), false});
  }
  answers.insert(answers.end(), special.begin(), special.end());
  answers.insert(answers.end(), general.begin(), general.end());
  return answers;
}

std::string mxpath_sentence(FailureClass cls, const Knowledge& knowledge, const Facts& facts, Language language) {
  const bool ko = language == Language::ko;
  if (!facts.mxpath_here.empty()) return facts.mxpath_here;
  if (!row_of(cls).kernel_path && cls != FailureClass::oom_other && cls != FailureClass::cannot_tell) return {};
  if (knowledge.capability)
    return fmt::format(
        fmt::runtime(
            ko ? "mxpath는 {} GPU에서 이 capability에 허용된 경로만 고르고, 없으면 이식용 커널로 실행합니다. "
                 "가중치는 MXFP4 그대로 둡니다(mxpath plan MODEL)."
               : "on an {} GPU mxpath takes only paths that list this capability, else its portable kernels; the "
                 "weights stay MXFP4 (mxpath plan MODEL)."),
        Arch{*knowledge.capability}.number ? "sm_" + std::to_string(*knowledge.capability) : std::string("unknown"));
  return std::string(ko ? "mxpath는 연산마다 이 컴퓨터에서 가능한 경로를 고르고 이유를 보여 주며, 항상 이식용 경로가 "
                          "있습니다(mxpath plan MODEL)."
                        : "mxpath picks a path that is legal on the machine for every operation, says why, and always "
                          "has a portable one (mxpath plan "
                          "MODEL).");
}

std::vector<std::string> needed_texts(Needs needs, Language language) {
  std::vector<std::string> list;
  const std::pair<Need, Phrase> all[] = {{Need::full_log, need_log},
                                         {Need::checkpoint, need_checkpoint},
                                         {Need::machine, need_machine},
                                         {Need::versions, need_versions}};
  for (const auto& [need, phrase] : all)
    if (needs.has(need)) list.emplace_back(phrase.text(language));
  return list;
}

Finding finding_of(const Found& found, const ScanResult& scan, const Knowledge& knowledge, const Facts& facts,
                   Language language) {
  const ClassRow& cls = row_of(found.row->cls);
  Finding finding;
  finding.cls = cls.id;
  finding.kernel_path = cls.kernel_path && !found.row->elsewhere;
  finding.confidence = found.level == Level::warning && !found.row->any_level ? Confidence::low : found.row->confidence;
  finding.summary = summary_of(found, language);
  finding.why = std::string(found.row->why.empty() ? cls.why.text(language) : found.row->why.text(language));
  finding.evidence = found.evidence;
  finding.fixes = fixes_for(cls.id, answers_to(found.row->id, found.statement, scan.contexts, language),
                            found.row->own_fixes, scan, knowledge, language);
  if (!cls.next.empty()) finding.next.emplace_back(cls.next.text(language));
  finding.mxpath = mxpath_sentence(cls.id, knowledge, facts, language);
  finding.signature = std::string(found.row->id);
  finding.link = std::string(found.row->link);
  return finding;
}

/// The first line marked as an error that is no known noise.
const Evidence* first_marked_error(const ScanResult& scan) {
  for (const Evidence& line : scan.error_level) {
    const bool noise = std::any_of(scan.found.begin(), scan.found.end(), [&](const Found& f) {
      return f.row->kind == Kind::noise &&
             std::any_of(f.evidence.begin(), f.evidence.end(), [&](const Evidence& e) { return e.line == line.line; });
    });
    if (!noise) return &line;
  }
  return nullptr;
}

/// The words of a failure without a row. A line that only its level marks is kept in short: what the cut may have
/// halved goes.
std::string unknown_statement(const ScanResult& scan) {
  if (scan.exception.line != 0) return scan.exception_statement;
  if (scan.error_line.line != 0) return scan.error_statement;
  const Evidence* marked = first_marked_error(scan);
  if (!marked) return {};
  const bool cut = marked->text.size() >= 3 && marked->text.compare(marked->text.size() - 3, 3, "…") == 0;
  return cut ? marked->text.substr(0, marked->text.rfind(' ')) : marked->text;
}

/// Some error, but no row for it.
Finding unknown_failure(const ScanResult& scan, const std::vector<const Found*>& wrappers, bool elsewhere,
                        Language language) {
  const FailureClass cls = elsewhere ? FailureClass::not_a_kernel_problem : FailureClass::cannot_tell;
  Finding finding;
  finding.cls = cls;
  finding.summary = std::string(row_of(cls).summary.text(language));
  finding.why = std::string(row_of(cls).why.text(language));
  if (scan.exception.line != 0) finding.evidence.push_back(scan.exception);
  else if (!wrappers.empty()) finding.evidence = wrappers.front()->evidence;
  else if (scan.error_line.line != 0) finding.evidence.push_back(scan.error_line);
  else if (const Evidence* marked = first_marked_error(scan)) finding.evidence.push_back(*marked);
  return finding;
}

/// Everything that looks like a failure is the traceback of Ctrl-C. An exception beside it, or a traceback far before
/// it, is another matter.
bool only_stopped(const ScanResult& scan, const std::vector<const Found*>& wrappers) {
  constexpr size_t longest_traceback = 150;  // lines; that of an event loop has some 80
  const auto stop = std::find_if(scan.found.begin(), scan.found.end(),
                                 [](const Found& f) { return f.row->meaning == Meaning::user_stop; });
  if (stop == scan.found.end() || !wrappers.empty() || scan.exception.line != 0) return false;
  const auto its_traceback = [&](const Evidence& e) {
    return e.line <= stop->line + 1 && e.line + longest_traceback >= stop->line &&
           (e.line >= stop->line || e.text.find("Traceback (most recent call last)") != std::string::npos);
  };
  const Evidence* marked = first_marked_error(scan);
  return (scan.error_line.line == 0 || its_traceback(scan.error_line)) && (!marked || its_traceback(*marked));
}

void conclude(Diagnosis& diagnosis, const ScanResult& scan, const Knowledge& knowledge, const Facts& facts,
              Language language) {
  std::vector<const Found*> wrappers;
  for (const Found& found : scan.found) {
    if (found.row->kind == Kind::wrapper) wrappers.push_back(&found);
    if (found.row->kind == Kind::noise && !found.evidence.empty())
      diagnosis.noise.push_back({found.evidence.front(), std::string(found.row->summary.text(language))});
  }
  const std::vector<const Found*> causes = judge(scan, knowledge);
  for (const Found* cause : causes) diagnosis.findings.push_back(finding_of(*cause, scan, knowledge, facts, language));
  for (size_t i = 1; i < diagnosis.findings.size(); ++i)
    diagnosis.findings[0].next.push_back(diagnosis.findings[i].summary);
  Needs needs;
  const bool failed = scan.contexts.has(Context::failure) || !wrappers.empty() || first_marked_error(scan);
  if (causes.empty() && failed && !only_stopped(scan, wrappers)) {
    const Contexts kernel_words{Context::mxfp4, Context::triton, Context::kernel_code, Context::hub_kernels};
    const bool elsewhere =
        scan.has_frames && scan.exception.line != 0 && wrappers.empty() && !scan.contexts.overlaps(kernel_words);
    diagnosis.findings.push_back(unknown_failure(scan, wrappers, elsewhere, language));
    diagnosis.findings[0].fixes =
        fixes_for(diagnosis.findings[0].cls, answers_to({}, unknown_statement(scan), scan.contexts, language), false,
                  scan, knowledge, language);
    diagnosis.findings[0].mxpath = mxpath_sentence(diagnosis.findings[0].cls, knowledge, facts, language);
    needs = {Need::full_log, Need::machine, Need::versions};
  } else if (!causes.empty()) {
    needs = causes[0]->row->needs;
  }
  if (diagnosis.findings.empty()) return;
  const bool unclear = diagnosis.findings[0].cls == FailureClass::cannot_tell;
  diagnosis.verdict = unclear ? Diagnosis::Verdict::cannot_tell : Diagnosis::Verdict::finding;
  if (unclear) diagnosis.needed = needed_texts(needs, language);
}

/// Nothing was found, but the log goes on where nobody has read it: that is no verdict.
void add_early_end(Diagnosis& diagnosis, Language language) {
  const bool ko = language == Language::ko;
  Finding finding;
  finding.cls = FailureClass::cannot_tell;
  finding.summary = ending_text(diagnosis, language);
  finding.why = ko ? "읽은 부분에는 오류가 없지만 그 뒤는 알 수 없습니다."
                   : "no error stands in what was read, but the rest may hold one.";
  diagnosis.findings.push_back(std::move(finding));
  diagnosis.verdict = Diagnosis::Verdict::cannot_tell;
  diagnosis.needed.emplace_back(ko ? "전체 로그: 파일을 다시 받거나 복사하세요(gzip -t 파일로 확인할 수 있습니다)"
                                   : "the whole log: download or copy the file again (gzip -t FILE checks it)");
}

}  // namespace

std::string ending_text(const Diagnosis& diagnosis, Language language) {
  const bool ko = language == Language::ko, archive = diagnosis.encoding.rfind("gzip", 0) == 0;
  const std::string lines = ko ? fmt::format("{}줄", diagnosis.lines) : plural(diagnosis.lines, "line");
  if (diagnosis.ending == Ending::cut_short && !archive)
    return fmt::format(
        fmt::runtime(ko ? "로그가 {} 뒤에서 글자 중간에 끊겼습니다. 그 뒤의 내용은 알 수 없습니다."
                        : "the log ends early, in the middle of a character, after {}; what followed is not known."),
        lines);
  if (diagnosis.ending == Ending::cut_short)
    return fmt::format(fmt::runtime(ko ? "압축 파일이 {} 뒤에서 일찍 끝납니다. 그 뒤의 내용은 알 수 없습니다."
                                       : "the archive ends early, after {}; what followed is not known."),
                       lines);
  if (diagnosis.ending == Ending::damaged)
    return fmt::format(
        fmt::runtime(
            ko ? "압축 파일이 손상되어 {}까지만 읽었습니다. 그 뒤의 내용은 알 수 없고, 마지막 줄은 틀릴 수 있습니다."
               : "the archive is damaged after {}; what followed is not known, and the last lines may be wrong."),
        lines);
  return fmt::format(
      fmt::runtime(ko ? "압축 파일의 {} 뒤에 gzip이 아닌 데이터가 있습니다. 그 내용은 알 수 없습니다."
                      : "after {}, data that is not gzip follows the archive; its contents are not known."),
      lines);
}

std::string_view name_of(Diagnosis::Verdict verdict) {
  constexpr std::string_view names[] = {"finding", "not_a_failure", "cannot_tell"};
  return names[static_cast<size_t>(verdict)];
}

Result<Diagnosis> diagnose_stream(ByteSource source, const Facts& facts, Language language) {
  MXPATH_TRY(const ScanResult scan, scan_log(std::move(source)));
  Diagnosis diagnosis;
  diagnosis.lines = scan.lines;
  diagnosis.encoding = scan.encoding;
  diagnosis.ending = scan.ending;
  conclude(diagnosis, scan, knowledge_of(scan, facts), facts, language);
  if (diagnosis.ending != Ending::whole && diagnosis.findings.empty()) add_early_end(diagnosis, language);
  return diagnosis;
}

Result<Diagnosis> diagnose(std::string_view text, const Facts& facts, Language language) {
  return diagnose_stream(source_of(text), facts, language);
}

Result<Diagnosis> diagnose_descriptor(int descriptor, const Facts& facts, Language language) {
  int error = 0;
  auto source = [descriptor, &error](char* buffer, size_t capacity) -> size_t {
    while (true) {
      const ssize_t count = ::read(descriptor, buffer, capacity);
      if (count >= 0) return static_cast<size_t>(count);
      if (errno == EINTR) continue;
      if (errno == EAGAIN) {  // whoever shares this input has made it non-blocking
        pollfd waiting{descriptor, POLLIN, 0};
        ::poll(&waiting, 1, -1);
        continue;
      }
      error = errno;
      return 0;
    }
  };
  MXPATH_TRY(Diagnosis diagnosis, diagnose_stream(source, facts, language));
  if (error != 0)
    return fail("cannot be read any further after {}: {}", plural(diagnosis.lines, "line"), std::strerror(error));
  return diagnosis;
}

int exit_code(const Diagnosis& diagnosis) {
  return diagnosis.verdict == Diagnosis::Verdict::finding         ? 0
         : diagnosis.verdict == Diagnosis::Verdict::not_a_failure ? 1
                                                                  : 4;
}

Result<bool> mxfp4_from_config(std::string_view config_json, std::string_view where) {
  MXPATH_TRY(const Json config, parse_json(config_json, where));
  if (!config.is_object() || !config.contains("quantization_config") || !config["quantization_config"].is_object())
    return false;
  const Json& quantization = config["quantization_config"];
  return quantization.contains("quant_method") && quantization["quant_method"].is_string() &&
         quantization["quant_method"].get<std::string>() == "mxfp4";
}

}  // namespace mxpath::diagnose
