// From the text of a failure log to the cause and the way out.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/result.h"
#include "diagnose/failure_class.h"
#include "diagnose/fix_tables.h"
#include "diagnose/language.h"
#include "diagnose/log_decoder.h"
#include "diagnose/signature.h"
#include "diagnose/version.h"
#include "machine/machine.h"

namespace mxpath::diagnose {

/// What is known besides the log.
struct Facts {
  std::optional<bool> mxfp4_checkpoint;  ///< from the checkpoint's quantization_config
  std::string checkpoint;                ///< how it was called, for messages
  std::optional<Machine> machine;
  Versions versions;        ///< the user's word, or what doctor read
  std::string mxpath_here;  ///< what mxpath would do there, when the caller has planned it; empty: a general sentence
};

/// A line of the log that proves a finding.
struct Evidence {
  size_t line = 0;   ///< from 1
  std::string text;  ///< valid UTF-8, shortened
};

struct Fix {
  FixKind kind = FixKind::action;
  std::string text;       ///< what to type; empty for an action that is only described
  std::string note;       ///< when and why
  bool from_log = false;  ///< filled in from the log's own lines
};

struct Finding {
  FailureClass cls = FailureClass::cannot_tell;
  Confidence confidence = Confidence::low;
  /// The cause lies in the kernel path; otherwise the log's talk of kernels is beside the point.
  bool kernel_path = false;
  std::string summary, why;
  std::vector<Evidence> evidence;
  std::vector<Fix> fixes;         ///< best first
  std::vector<std::string> next;  ///< what is likely to fail once this is fixed
  std::string mxpath;             ///< what mxpath would do on that machine
  std::string signature, link;    ///< the row that matched
};

/// A harmless warning that was found.
struct Noise {
  Evidence evidence;
  std::string text;
};

struct Diagnosis {
  enum class Verdict : uint8_t { finding, not_a_failure, cannot_tell };
  Verdict verdict = Verdict::not_a_failure;
  std::vector<Finding> findings;    ///< the cause first, then failures that come after it in the log
  std::vector<std::string> needed;  ///< what to supply so that the text decides
  std::vector<Noise> noise;
  size_t lines = 0;
  std::string encoding;           ///< what the bytes were: plain, gzip, utf-16le …
  Ending ending = Ending::whole;  ///< otherwise more followed, which was not read
};
std::string_view name_of(Diagnosis::Verdict verdict);

/// Reads a log to its end in bounded memory (about 20 MB whatever its length). Error: what is no text, or a gzip file
/// that cannot be unpacked at all.
Result<Diagnosis> diagnose_stream(ByteSource source, const Facts& facts, Language language);
/// The same for text in memory.
Result<Diagnosis> diagnose(std::string_view text, const Facts& facts, Language language);
/// The same for a file descriptor, which is read to its end and not closed.
Result<Diagnosis> diagnose_descriptor(int descriptor, const Facts& facts, Language language);

/// The diagnosis for a person, without colours; ends with a line end.
std::string to_text(const Diagnosis& diagnosis, Language language);
/// {"verdict", "findings": [{"class", "kernel_path", "confidence", "summary", "why", "evidence": [{"line", "text"}],
/// "fixes": [{"kind", "text", "note", "from_log"}], "next", "mxpath", "signature", "link"}], "needed": […],
/// "noise": [{"line", "text", "why"}], "lines", "encoding", "ending"}
Json to_json(const Diagnosis& diagnosis);
/// Says where the log stopped before its end, and that the rest is not known; for any ending but whole.
std::string ending_text(const Diagnosis& diagnosis, Language language);
/// 0 finding, 1 not a failure log, 4 cannot tell.
int exit_code(const Diagnosis& diagnosis);

/// Whether config.json carries quantization_config with quant_method mxfp4. Errors as parse_json.
Result<bool> mxfp4_from_config(std::string_view config_json, std::string_view where);

}  // namespace mxpath::diagnose
