#include "cli/answer_printer.h"

#include <fmt/format.h>

#include "cli/program.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

bool calls_tool(const Delta& d) { return !d.recipient.empty() && d.recipient != "all"; }

}  // namespace

/// Nothing is written for a message before it has text.
void AnswerPrinter::open(const Delta& delta) {
  if (anything_) print_as_is(line_open_ ? "\n\n" : "\n");
  // Text on a channel that nobody knows is more likely no answer; without a channel it may well be one.
  const bool answers = is_for_user(delta.channel, delta.recipient) &&
                       (delta.channel.empty() || delta.channel == "final" || delta.channel == "commentary");
  dimmed_ = options_.dim && !answers && !calls_tool(delta);
  if (dimmed_) print_as_is("\x1b[2m");
  if (calls_tool(delta))
    print_as_is(
        fmt::format("[call {}] ", options_.terminal ? terminal_safe(delta.recipient) : std::string(delta.recipient)));
  open_ = anything_ = true;
}

void AnswerPrinter::close() {
  if (dimmed_) print_as_is("\x1b[0m");
  open_ = dimmed_ = false;
}

void AnswerPrinter::operator()(const Delta& delta) {
  const bool visible = options_.analysis || calls_tool(delta) || is_for_user(delta.channel, delta.recipient);
  if (!visible) return;
  const std::string text = options_.terminal ? terminal_safe(delta.text) : std::string(delta.text);
  if (!open_ && (!text.empty() || (calls_tool(delta) && delta.ends))) open(delta);
  if (!text.empty()) print_as_is(text), line_open_ = text.back() != '\n';
  if (delta.ends && open_) close();
}

void AnswerPrinter::finish() {
  close();
  if (line_open_) print_as_is("\n");
  line_open_ = anything_ = false;
}

}  // namespace mxpath::cli
