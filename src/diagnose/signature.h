// What a log must say, and what that means: the rows of data/diagnose/signatures_*.json.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "diagnose/conditions.h"
#include "diagnose/failure_class.h"
#include "diagnose/table.h"

namespace mxpath::diagnose {

enum class Kind : uint8_t {
  finding,  // a cause
  wrapper,  // repeats an error that happened elsewhere: never a cause
  noise,    // a warning that is harmless
  context,  // sets a Context
};
inline constexpr int kind_count = static_cast<int>(Kind::context) + 1;
std::string_view name_of(Kind kind);

/// Rows that the program asks for by what they are, not by their words.
enum class Meaning : uint8_t {
  other,
  exception,  // a line "SomethingError: …", of whatever library
  user_stop,  // the user ended the program (Ctrl-C)
};
inline constexpr int meaning_count = static_cast<int>(Meaning::user_stop) + 1;
std::string_view name_of(Meaning meaning);

enum class Confidence : uint8_t { low, medium, high };
inline constexpr int confidence_count = static_cast<int>(Confidence::high) + 1;
std::string_view name_of(Confidence confidence);

/// How strong a statement a row is. In one region of the log the stronger wins; then the first in the log.
enum Priority : int {
  exact = 100,    // the words of one cause
  likely = 150,   // the words of one cause in nearly all reports
  generic = 200,  // an error that often has a more exact one beside it
  weak = 300,     // only when nothing else is there
  hint = 400,     // a remark about behaviour, not an error
};

/// One row. Matching ignores case, white space, quotes, backslashes and box-drawing characters, so wrapped and
/// decorated lines match.
struct Signature {
  std::string_view id;
  Kind kind = Kind::finding;
  FailureClass cls = FailureClass::cannot_tell;
  Meaning meaning = Meaning::other;
  std::vector<std::string_view> phrases;  ///< the row is looked at only where one of these occurs
  /// PCRE2 on the lines around a phrase (case-insensitive, a space matches any or no white space); empty: the phrase
  /// suffices
  std::string_view pattern;
  int priority = exact;
  Confidence confidence = Confidence::high;
  bool elsewhere = false;           ///< this cause is not the kernel path's, though others of its class are
  Contexts all;                     ///< every one must be in the log
  Contexts any;                     ///< at least one
  Contexts none;                    ///< none of them
  std::string_view versions;        ///< "triton<3.5 torch>=2.8": must hold where the version is known
  Capabilities caps;                ///< the GPUs on which this is the cause; must hold where the capability is known
  Needs must_know;                  ///< facts without which the row is not used
  bool mxfp4_checkpoint = false;    ///< with must_know checkpoint: it must be MXFP4 (otherwise: it must not be)
  bool any_level = false;           ///< may also stand in a line of level INFO or DEBUG
  Context sets = Context::failure;  ///< kind context only
  Phrase summary;                   ///< replaces the class's; {1} is the first group of the pattern
  Phrase why;
  Needs needs;             ///< class cannot_tell: what to ask for
  bool own_fixes = false;  ///< the class's remedies do not fit this cause: the answers, and the class's rows for every
                           ///< stack, are all
  std::string_view link;
};

/// Errors as read_table; an id twice, too.
Result<Table<Signature>> signatures_from_json(std::string_view json, std::string_view file);

/// The rows of all files, by the names of the files: of two findings that are equally strong in one line the earlier
/// row wins. Read once.
std::span<const Signature> signatures();

}  // namespace mxpath::diagnose
