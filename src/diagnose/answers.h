// What a log itself says to do, brought into a form that can be typed.
#pragma once
#include <vector>

#include "diagnose/diagnose.h"
#include "diagnose/fix_tables.h"

namespace mxpath::diagnose {

/// The answers to one finding, best first: those that its lines name, then those that belong to its signature.
/// `statement` is Found::statement; `signature` may be empty (a failure without a row).
std::vector<Fix> answers_to(std::string_view signature, std::string_view statement, const Contexts& contexts,
                            Language language);

/// Whether a remedy of the class sets an option that an answer sets too: it would contradict the log.
bool contradicts(const FixRow& row, const std::vector<Fix>& answers);

}  // namespace mxpath::diagnose
