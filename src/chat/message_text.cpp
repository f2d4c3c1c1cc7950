// System and developer content to text.
#include "base/text.h"
#include "chat/harmony_text.h"

namespace mxpath::harmony {
namespace {

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::string identity_lines(const SystemContent& content) {
  std::vector<std::string> lines;
  if (content.model_identity) lines.push_back(*content.model_identity);
  if (content.knowledge_cutoff) lines.push_back("Knowledge cutoff: " + *content.knowledge_cutoff);
  if (content.conversation_start_date) lines.push_back("Current date: " + *content.conversation_start_date);
  return join(lines, "\n");
}

std::string channels_section(const SystemContent& content, bool function_tools) {
  std::string out = "# Valid channels: " + join(content.valid_channels, ", ") + ".";
  if (content.channel_required) out += " Channel must be included for every message.";
  if (function_tools) out += "\nCalls to these tools must go to the commentary channel: 'functions'.";
  return out;
}

std::string format_section(const DeveloperContent::ResponseFormat& format) {
  std::string out = "## " + format.name + "\n\n";
  for (const std::string& line : lines_of(format.description)) out += "// " + line + "\n";
  return out + format.schema.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string system_text(const SystemContent& content, bool function_tools) {
  std::vector<std::string> sections;
  if (std::string lines = identity_lines(content); !lines.empty()) sections.push_back(std::move(lines));
  if (content.effort) sections.push_back(fmt::format("Reasoning: {}", name_of(*content.effort)));
  if (!content.tools.empty()) sections.push_back(tools_section(content.tools));
  if (!content.valid_channels.empty()) sections.push_back(channels_section(content, function_tools));
  return join(sections, "\n\n");
}

std::string developer_text(const DeveloperContent& content) {
  std::vector<std::string> sections;
  if (content.instructions) sections.push_back("# Instructions\n\n" + *content.instructions);
  if (!content.tools.empty()) sections.push_back(tools_section(content.tools));
  if (!content.response_formats.empty()) sections.push_back("# Response Formats");
  for (const auto& format : content.response_formats) sections.push_back(format_section(format));
  return join(sections, "\n\n");
}

}  // namespace mxpath::harmony
