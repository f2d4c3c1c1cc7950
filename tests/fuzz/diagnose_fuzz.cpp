// Any bytes are a log: no crash, a report in valid UTF-8, advice that a shell may see, and scrubbing twice changes
// nothing more.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "diagnose/diagnose.h"
#include "diagnose/scrub.h"

namespace {

/// What came out of a log and is to be typed: one line, short, without the signs that end a command or begin another.
bool may_be_typed(const std::string& text) {
  if (text.size() > 512 || text.find("$(") != std::string::npos) return false;
  for (char c : text)
    if (c < ' ' || std::string_view(";|&`\\").find(c) != std::string_view::npos) return false;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mxpath::diagnose;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto diagnosis = diagnose(text, {}, size % 2 ? Language::en : Language::ko);
  if (!diagnosis.ok()) return 0;
  if (to_json(*diagnosis).dump().empty()) std::abort();  // dump throws on invalid UTF-8
  if (to_text(*diagnosis, Language::en).empty()) std::abort();
  for (const Finding& finding : diagnosis->findings)
    for (const Fix& fix : finding.fixes)
      if (fix.from_log && !may_be_typed(fix.text)) std::abort();
  for (const Finding& finding : diagnosis->findings)
    for (const Evidence& evidence : finding.evidence)
      if (evidence.line == 0 || evidence.text.size() > 1024) std::abort();
  if (size < 4096) {
    const std::string once = scrub(text, {"mira", "/home/mira", "lab-box"});
    if (scrub(once, {"mira", "/home/mira", "lab-box"}).size() > once.size() + 64) std::abort();
  }
  return 0;
}
