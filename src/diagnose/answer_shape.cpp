#include "diagnose/answer_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "diagnose/harmless_settings.h"
#include "diagnose/known_packages.h"
#include "diagnose/version.h"

namespace mxpath::diagnose {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool letter(char c) { return lower(c) || upper(c); }

/// Every character is a letter, a digit or one of `signs`.
bool made_of(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || digit(c) || signs.find(c) != std::string_view::npos; });
}

std::string_view trimmed(std::string_view text, std::string_view marks) {
  const size_t first = text.find_first_not_of(marks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(marks) - first + 1);
}

std::optional<std::string> number(std::string_view text) {
  if (text.empty() || text.size() > 9 || !std::all_of(text.begin(), text.end(), digit) || text[0] == '0')
    return std::nullopt;
  return std::string(text);
}

std::optional<std::string> port(std::string_view text) {
  const auto digits = number(text);
  return digits && std::stol(*digits) <= 65535 ? digits : std::nullopt;
}

std::optional<std::string> decimal(std::string_view text) {
  const size_t dot = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, dot),
                         part = dot < text.size() ? text.substr(dot + 1) : std::string_view();
  const auto digits = [](std::string_view t) { return std::all_of(t.begin(), t.end(), digit); };
  if (whole.empty() || whole.size() > 7 || part.size() > 4 || !digits(whole) || !digits(part)) return std::nullopt;
  return std::string(part.empty() ? whole : text);
}

std::optional<std::string> size_text(std::string_view text) {
  const size_t unit = text.find_first_of("kKMGTP");
  if (unit == std::string_view::npos) return std::nullopt;
  const auto value = decimal(trimmed(text.substr(0, unit), " "));
  const std::string_view name = text.substr(unit);
  if (!value || (name.size() != 2 && name.size() != 3) || name.back() != 'B' || (name.size() == 3 && name[1] != 'i'))
    return std::nullopt;
  return *value + " " + std::string(name);
}

std::optional<std::string> version(std::string_view text) {
  text = trimmed(text, ".,");
  if (text.empty() || text.size() > 24 || !digit(text[0]) || !made_of(text, ".+-")) return std::nullopt;
  return std::string(text);
}

/// The driver's number for a CUDA release: 12020 is 12.2.
std::optional<std::string> cuda(std::string_view text) {
  const auto digits = number(text);
  if (!digits || digits->size() < 4 || digits->size() > 5) return std::nullopt;
  const int code = std::stoi(*digits);
  return fmt::format("{}.{}", code / 1000, code % 1000 / 10);
}

std::optional<std::string> package(std::string_view text) {
  text = trimmed(text, ".,;:");
  const bool fits = !text.empty() && text.size() <= 48 && letter(text[0]) && made_of(text, "._-") &&
                    text.back() != '-' && text.back() != '_';
  // Neither is what the index has under that name.
  if (!fits || canonical_package(text) == "triton-kernels") return std::nullopt;
  return std::string(text);
}

/// name[extra]>=1.2,<2 in the form that a shell takes.
std::optional<std::string> spec(std::string_view text) {
  text = trimmed(text, ".,;:\"'`() ");
  const size_t end = std::min(text.find_first_of("[<>=!~"), text.size());
  const auto name = package(text.substr(0, end));
  if (!name || name->size() != end || text.size() > 80) return std::nullopt;
  const std::string_view rest = text.substr(end);
  if (rest.empty()) return name;
  if (!made_of(rest, "[]<>=!~,.*+-_") || rest.find("--") != std::string_view::npos) return std::nullopt;
  if (rest[0] == '[' && rest.find(']') == std::string_view::npos) return std::nullopt;
  return "\"" + *name + std::string(rest) + "\"";
}

/// ">=3.10,<3.13"
std::optional<std::string> range(std::string_view text) {
  text = trimmed(text, ".,");
  if (text.empty() || text.size() > 40 || text.find_first_not_of("0123456789<>=!~.,*") != std::string_view::npos)
    return std::nullopt;
  return std::string(text);
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = trimmed(text, " \t\n")).empty()) {
    const size_t end = std::min(text.find_first_of(" \t\n"), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::optional<std::string> pip_words(std::string_view text) {
  std::string result;
  int count = 0;
  for (std::string_view word : words_of(text)) {
    const bool upgrade = word == "-U" || word == "--upgrade",
               harmless = word == "--pre" || word == "-q" || word == "--force-reinstall" || word == "--no-cache-dir";
    if (harmless) continue;
    const std::optional<std::string> made = upgrade ? std::optional<std::string>("-U") : spec(word);
    if (!made || ++count > 6) return std::nullopt;
    result += (result.empty() ? "" : " ") + *made;
  }
  if (result.empty() || result == "-U") return std::nullopt;
  return result;
}

std::optional<std::string> any_flag(std::string_view text) {
  const bool fits = text.size() > 3 && text.size() <= 48 && text.substr(0, 2) == "--" && lower(text[2]) &&
                    text.back() != '-' && made_of(text, "-_");
  return fits ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::string> setting(std::string_view text) {
  return is_harmless_setting(text) ? std::optional<std::string>(text) : std::nullopt;
}

/// max_model_len and "GPU memory utilization" as a flag.
std::optional<std::string> option(std::string_view text) {
  std::string name = text.substr(0, 2) == "--" ? std::string(text) : "--" + std::string(text);
  for (char& c : name) c = c == '_' || c == ' ' ? '-' : upper(c) ? static_cast<char>(c + 32) : c;
  return setting(name);
}

std::optional<std::string> value(std::string_view text) {
  text = trimmed(text, ".,;:");
  if (text.empty() || text.size() > 40 || text[0] == '-' || !made_of(text, "._,+-")) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> choices(std::string_view text) {
  std::string list;
  for (char c : text)
    if (c != '\'' && c != '"' && c != '`' && c != '\n') list.push_back(c);
  if (list.empty() || list.size() > 160 || !made_of(list, " ,._-")) return std::nullopt;
  return list;
}

/// owner/name, or a model of Ollama (gpt-oss:20b).
std::optional<std::string> repository(std::string_view text, bool tag) {
  text = trimmed(text, ".,;:");
  const size_t slash = text.find('/');
  const auto part = [&](std::string_view t) {
    return !t.empty() && t.size() <= 64 && (letter(t[0]) || digit(t[0])) && made_of(t, tag ? "._-:" : "._-") &&
           t.find("..") == std::string_view::npos;
  };
  if (slash == std::string_view::npos) return tag && part(text) ? std::optional<std::string>(text) : std::nullopt;
  return part(text.substr(0, slash)) && part(text.substr(slash + 1)) ? std::optional<std::string>(text) : std::nullopt;
}

std::optional<std::string> file(std::string_view text) {
  while (!text.empty() && std::string_view(".,;:").find(text.back()) != std::string_view::npos) text.remove_suffix(1);
  if (text.empty() || text.size() > 160 || text[0] == '-' || !made_of(text, "/._+-=") ||
      text.find("..") != std::string_view::npos)
    return std::nullopt;
  return std::string(text);
}

std::optional<std::string> word(std::string_view text) {
  text = trimmed(text, ".,;:-");
  if (text.empty() || text.size() > 48 || !made_of(text, "._-")) return std::nullopt;
  return std::string(text);
}

}  // namespace

std::string_view name_of(Shape shape) {
  constexpr std::string_view names[] = {"number",  "port",    "decimal",    "size",     "version", "cuda",
                                        "package", "known",   "module",     "spec",     "range",   "packages",
                                        "debian",  "header",  "library",    "any_flag", "setting", "option",
                                        "value",   "choices", "repository", "model",    "file",    "word"};
  static_assert(std::size(names) == shape_count);
  return names[static_cast<size_t>(shape)];
}

std::optional<std::string> shaped(Shape shape, std::string_view t) {
  switch (shape) {
    case Shape::number: return number(t);
    case Shape::port: return port(t);
    case Shape::decimal: return decimal(trimmed(t, ".,"));
    case Shape::size: return size_text(trimmed(t, ".,"));
    case Shape::version: return version(t);
    case Shape::cuda: return cuda(t);
    case Shape::package: return package(t);
    case Shape::known:
    case Shape::module: return package_with(Missing::python, t);
    case Shape::spec: return spec(t);
    case Shape::range: return range(t);
    case Shape::packages: return pip_words(t);
    case Shape::debian: return word(t);
    case Shape::header: return package_with(Missing::header, t);
    case Shape::library: return package_with(Missing::library, t);
    case Shape::any_flag: return any_flag(t);
    case Shape::setting: return setting(t);
    case Shape::option: return option(t);
    case Shape::value: return value(t);
    case Shape::choices: return choices(t);
    case Shape::repository: return repository(t, false);
    case Shape::model: return repository(t, true);
    case Shape::file: return file(t);
    case Shape::word: return word(t);
  }
  return std::nullopt;
}

bool knows_packages(std::string_view text) {
  for (std::string_view word : words_of(text)) {
    word = trimmed(word, "\"");
    if (word == "-U") continue;
    if (!is_known_package(canonical_package(word.substr(0, word.find_first_of("[<>=!~"))))) return false;
  }
  return true;
}

}  // namespace mxpath::diagnose
