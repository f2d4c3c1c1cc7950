#include "checkpoint/model_name.h"

#include <algorithm>
#include <array>
#include <vector>

#include "checkpoint/hub_cache.h"

namespace mxpath {
namespace {

using Kind = ModelName::Kind;

constexpr std::array<std::string_view, 4> hub_sites = {"huggingface.co", "www.huggingface.co", "hf.co", "hf-mirror.com"};
constexpr std::array<std::string_view, 3> ollama_sites = {"ollama.com", "www.ollama.com", "registry.ollama.ai"};

template <class List>
bool is_in(const List& list, std::string_view text) {
  for (const std::string_view item : list)
    if (item == text) return true;
  return false;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    if (slash > 0) parts.push_back(path.substr(0, slash));
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

ModelName hub_name(std::string_view name, std::string_view revision) {
  if (!is_hub_name(name)) return {};
  return {Kind::hub, std::string(name), std::string(revision)};
}

/// OWNER/NAME, then perhaps tree/REVISION or a file: blob/REVISION/… . The tag that Ollama puts behind a name chooses a GGUF file.
ModelName of_hub_page(std::string_view path) {
  const auto parts = segments_of(path.substr(0, path.find_first_of("?#")));
  if (!parts.empty() && is_in(std::array<std::string_view, 5>{"datasets", "spaces", "docs", "collections", "papers"}, parts[0]))
    return {Kind::problem, "a page of the hub, but not that of a model; give OWNER/NAME", ""};
  if (parts.size() < 2) return {Kind::problem, "the hub itself; give the name of a model there, such as openai/gpt-oss-20b", ""};
  const std::string name = std::string(parts[0]) + "/" + std::string(parts[1].substr(0, parts[1].find(':')));
  const size_t at = name.find('@');
  std::string revision = at == name.npos ? "" : name.substr(at + 1);
  if (parts.size() >= 4 && is_in(std::array<std::string_view, 6>{"tree", "blob", "resolve", "raw", "commit", "commits"}, parts[2])) {
    // A pull request's revision has slashes itself.
    const bool request = parts.size() >= 6 && parts[3] == "refs" && parts[4] == "pr";
    revision = request ? "refs/pr/" + std::string(parts[5]) : std::string(parts[3]);
  }
  return hub_name(std::string_view(name).substr(0, at), revision);
}

/// library/gpt-oss:20b; without a tag it is the latest.
ModelName of_ollama(std::string_view name) {
  const size_t colon = name.find(':');
  const std::string_view model = name.substr(0, colon), tag = colon == name.npos ? "latest" : name.substr(colon + 1);
  if (!is_hub_name(model) || !is_hub_name(tag)) return {};
  return {Kind::ollama, (model.find('/') == model.npos ? "library/" : "") + std::string(model), std::string(tag)};
}

/// What follows the scheme of an address, or stands without one.
ModelName of_site(std::string_view address, bool scheme) {
  const std::string_view site = address.substr(0, address.find('/'));
  const std::string_view path = address.substr(std::min(site.size() + 1, address.size()));
  if (is_in(hub_sites, site)) return of_hub_page(path);
  if (is_in(ollama_sites, site)) return of_ollama(path);
  if (scheme) return {Kind::problem, "an address, and mxpath fetches nothing; download the model and give its folder", ""};
  return {};
}

}  // namespace

ModelName model_name(std::string_view typed) {
  while (typed.size() > 1 && typed.ends_with('/')) typed.remove_suffix(1);
  if (take_prefix(typed, "hf://")) return of_hub_page(typed);
  if (take_prefix(typed, "https://") || take_prefix(typed, "http://")) return of_site(typed, true);
  if (const ModelName name = of_site(typed, false); name.kind != Kind::none) return name;
  if (const auto name = name_of_repository(typed)) return hub_name(*name, "");
  if (typed == "gpt-oss") return of_ollama(typed);
  if (const size_t at = typed.find('@'); at != typed.npos && at + 1 < typed.size())
    return hub_name(typed.substr(0, at), typed.substr(at + 1));
  if (typed.find(':') != typed.npos) {
    (void)(take_prefix(typed, "ollama/") || take_prefix(typed, "ollama://"));
    return of_ollama(typed);
  }
  return hub_name(typed, "");
}

}  // namespace mxpath
