#include "checkpoint/model_name.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <vector>

#include "base/text.h"
#include "checkpoint/hub_cache.h"

namespace mxpath {
namespace {

using Kind = ModelName::Kind;

constexpr std::array<std::string_view, 4> hub_sites = {"huggingface.co", "www.huggingface.co", "hf.co",
                                                       "hf-mirror.com"};
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

/// What follows a model's name on the hub, as tree/REVISION or a file: blob/REVISION/… .
std::string revision_of_page(std::span<const std::string_view> rest) {
  if (rest.size() < 2 ||
      !is_in(std::array<std::string_view, 6>{"tree", "blob", "resolve", "raw", "commit", "commits"}, rest[0]))
    return "";
  // A pull request's revision has slashes itself.
  const bool request = rest.size() >= 4 && rest[1] == "refs" && rest[2] == "pr";
  return request ? "refs/pr/" + std::string(rest[3]) : std::string(rest[1]);
}

/// OWNER/NAME and what follows; git and some tools put models/ or api/models/ before it. The tag that Ollama puts
/// behind a name chooses a GGUF file of the repository, whatever else lies in it.
ModelName of_hub_page(std::string_view path) {
  auto parts = segments_of(path.substr(0, path.find_first_of("?#")));
  for (const std::string_view before : {"api", "models"})
    if (!parts.empty() && parts[0] == before) parts.erase(parts.begin());
  if (!parts.empty() &&
      is_in(std::array<std::string_view, 5>{"datasets", "spaces", "docs", "collections", "papers"}, parts[0]))
    return {Kind::problem, "a page of the hub, but not that of a model; give OWNER/NAME", ""};
  if (parts.size() < 2)
    return {Kind::problem, "the hub itself; give the name of a model there, such as openai/gpt-oss-20b", ""};
  std::string_view name = parts[1];
  const size_t colon = name.find(':'), at = name.find('@');
  const std::string tag(colon == name.npos ? "" : name.substr(colon + 1));
  std::string revision = revision_of_page(std::span(parts).subspan(2));
  if (revision.empty() && at < colon) revision = name.substr(at + 1, colon - at - 1);
  name = name.substr(0, std::min(at, colon));
  if (name.ends_with(".git")) name.remove_suffix(4);
  const std::string model = std::string(parts[0]) + "/" + std::string(name);
  if (!tag.empty() && is_hub_name(model))
    return {Kind::problem,
            fmt::format("its tag {} names one of the GGUF files of {}, of which `mxpath convert` makes a folder that "
                        "runs; for what else lies "
                        "there give the name without the tag",
                        printable(tag), model),
            ""};
  return hub_name(model, revision);
}

/// A folder of a cache by name, or one inside it: models--OWNER--NAME/snapshots/COMMIT, models--OWNER--NAME/refs/main.
ModelName of_repository(std::string_view path) {
  const auto parts = segments_of(path);
  const auto name = parts.empty() || path.front() == '/' ? std::nullopt : name_of_repository(parts[0]);
  if (!name) return {};
  if (parts.size() == 1 || parts[1] == "blobs") return hub_name(*name, "");
  if (parts[1] == "snapshots") return hub_name(*name, parts.size() > 2 ? parts[2] : "");
  if (parts[1] == "refs")
    return hub_name(*name, parts.size() > 2 ? path.substr(static_cast<size_t>(parts[2].data() - path.data())) : "");
  return {};
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
  if (scheme)
    return {Kind::problem, "an address, and mxpath fetches nothing; download the model and give its folder", ""};
  return {};
}

}  // namespace

ModelName model_name(std::string_view typed) {
  while (typed.size() > 1 && typed.ends_with('/')) typed.remove_suffix(1);
  if (take_prefix(typed, "hf://")) return of_hub_page(typed);
  if (take_prefix(typed, "https://") || take_prefix(typed, "http://")) return of_site(typed, true);
  for (const std::string_view site : hub_sites) {
    std::string_view rest = typed;
    (void)take_prefix(rest, "ssh://");
    if (take_prefix(rest, "git@") && take_prefix(rest, site) && (take_prefix(rest, ":") || take_prefix(rest, "/")))
      return of_hub_page(rest);
  }
  if (const ModelName name = of_site(typed, false); name.kind != Kind::none) return name;
  if (const ModelName name = of_repository(typed); name.kind != Kind::none) return name;
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
