#include "base/expand_path.h"

#include <pwd.h>
#include <unistd.h>

#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/environment.h"

namespace mxpath {
namespace {

/// The home of a user by name, of this process' own for ""; "" if there is none.
std::string home_of(const std::string& user) {
  std::vector<char> text(16 << 10);
  passwd entry{};
  passwd* found = nullptr;
  const int error = user.empty() ? ::getpwuid_r(::geteuid(), &entry, text.data(), text.size(), &found)
                                 : ::getpwnam_r(user.c_str(), &entry, text.data(), text.size(), &found);
  return error == 0 && found && found->pw_dir ? found->pw_dir : "";
}

std::string with_home(std::string_view path) {
  if (!path.starts_with('~')) return std::string(path);
  const std::string_view user = path.substr(1, path.find('/') == path.npos ? path.npos : path.find('/') - 1);
  const std::string home = user.empty() ? home_folder() : home_of(std::string(user));
  return home.empty() ? std::string(path) : home + std::string(path.substr(1 + user.size()));
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// The variable at `text`, which begins with $: its name, and how many characters it takes; 0: none.
size_t variable_at(std::string_view text, std::string& name) {
  const bool braces = text.size() > 1 && text[1] == '{';
  size_t end = braces ? 2 : 1;
  while (end < text.size() && is_name(text[end])) ++end;
  name = text.substr(braces ? 2 : 1, end - (braces ? 2 : 1));
  if (name.empty() || (braces && (end == text.size() || text[end] != '}'))) return 0;
  return end + (braces ? 1 : 0);
}

}  // namespace

std::string home_folder() {
  if (auto home = environment_variable("HOME"); !home.empty()) return home;
  return home_of("");
}

std::string expanded(std::string_view path) {
  const std::string text = with_home(path);
  std::string out, name;
  for (size_t i = 0; i < text.size();) {
    const size_t length = text[i] == '$' ? variable_at(std::string_view(text).substr(i), name) : 0;
    const char* value = length ? std::getenv(name.c_str()) : nullptr;
    if (value) out += value;
    else out.append(text, i, length ? length : 1);
    i += length ? length : 1;
  }
  return out;
}

std::string expanded_unless_there(std::string_view path) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(std::filesystem::path(path), ignored)))
    return std::string(path);
  return expanded(path);
}

}  // namespace mxpath
