#include "cli/knob_flags.h"

#include <array>

#include "base/json.h"

namespace mxpath::cli {
namespace {

constexpr std::array<std::string_view, knob_count> flags = {
    "--ctx",       "--device",    "--gpu-layers",  "--cpu-experts",    "--weights", "--dense-weights", "--numerics",
    "--only",      "--exclude",   "--strict",      "--inject-failure", "--memory",  "--temperature",   "--top-p",
    "--min-p",     "--top-k",     "--date",        "--tokens",         "--machine", "--shape",         "--stored",
    "--problems",  "--to",        "--scale-rule",  "--shard-bytes",    "--resume",  "--split",         "--kv",
    "--kv-memory", "--sequences", "--step-target", "--deterministic"};

}  // namespace

std::string_view flag_of(Knob knob) { return flags[static_cast<size_t>(knob)]; }

std::string flag_wording(const Hint& hint) {
  return fmt::format("{}{}{}", flag_of(hint.knob), hint.value.empty() ? "" : " ", hint.value);
}

std::string in_flags(std::string_view text) { return in_words(text, flag_wording); }

Json report_in_flags(Json report) { return report_in_words(std::move(report), flag_wording); }

}  // namespace mxpath::cli
