#include "diagnose/installed_packages.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/environment.h"
#include "base/folder.h"
#include "base/mapped_file.h"
#include "base/text.h"

namespace mxpath::diagnose {
namespace {

namespace fs = std::filesystem;
constexpr size_t longest_metadata = 4 << 20;

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

/// A header of METADATA or PKG-INFO; they end at the first empty line.
std::string header_of(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty()) break;
    if (line.size() <= name.size() || line[name.size()] != ':' || line.substr(0, name.size()) != name) continue;
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    return std::string(line.substr(0, 100));
  }
  return {};
}

/// "torch-2.8.0+cu128.dist-info" → torch, 2.8.0+cu128; egg names end in -py3.11.
std::pair<std::string, std::string> from_folder_name(const fs::path& path) {
  const std::string stem = path.stem().string();
  const size_t dash = stem.find('-');
  if (dash == std::string::npos) return {stem, ""};
  std::string version = stem.substr(dash + 1);
  const size_t python = version.find("-py");
  return {stem.substr(0, dash), version.substr(0, python)};
}

/// Whose requirements are read: the stacks that doctor predicts for.
bool is_stack(std::string_view package) {
  constexpr std::string_view stacks[] = {"transformers", "unsloth",      "unsloth-zoo", "vllm",
                                         "sglang",       "tensorrt-llm", "gpt-oss"};
  return std::find(std::begin(stacks), std::end(stacks), package) != std::end(stacks);
}

fs::path metadata_file(const fs::path& entry) {
  if (entry.extension() == ".dist-info") return entry / "METADATA";
  return is_folder(entry) ? entry / "PKG-INFO" : entry;
}

void add_requirements(const std::vector<Requirement>& more, StackReport& report) {
  report.requirements.insert(report.requirements.end(), more.begin(), more.end());
}

void read_entry(const fs::path& entry, StackReport& report) {
  auto [name, version] = from_folder_name(entry);
  const fs::path file = metadata_file(entry);
  if (is_file(file)) {
    const Result<std::string> text = read_text_file(file.string(), longest_metadata);
    if (text.ok()) {
      if (const std::string found = header_of(*text, "Name"); !found.empty()) name = found;
      if (const std::string found = header_of(*text, "Version"); !found.empty()) version = found;
      const std::string package = canonical_package(name);
      if (is_stack(package) && report.packages.count(package) == 0)
        add_requirements(requirements_in(*text, package, version), report);
    }
  }
  if (name.empty() || version.empty()) {
    report.remarks.push_back(
        fmt::format("{}: no readable name and version, skipped", printable(entry.filename().string())));
    return;
  }
  if (is_file(entry / "direct_url.json")) {
    const Result<std::string> origin = read_text_file((entry / "direct_url.json").string(), 65536);
    if (origin.ok() && origin->find("\"editable\"") != std::string::npos)
      report.remarks.push_back(fmt::format("{} is an editable install", name));
  }
  report.packages.try_emplace(canonical_package(name), version);  // the first folder wins, as it does for Python
}

/// Packages that travel inside others or have no metadata of their own.
void add_bundled(const fs::path& folder, StackReport& report) {
  if (is_folder(folder / "vllm" / "third_party" / "triton_kernels") &&
      report.packages.try_emplace("triton-kernels", "0+vllm").second)
    report.remarks.push_back("triton_kernels comes with vllm (vllm/third_party)");
  if (is_folder(folder / "triton_kernels") && report.packages.try_emplace("triton-kernels", "0+bundled").second)
    report.remarks.push_back("triton_kernels is there without metadata: its version is not known");
  const auto rename = [&](const char* from, const char* to) {
    const auto found = report.packages.find(from);
    if (found != report.packages.end()) report.packages.try_emplace(to, found->second);
  };
  rename("flashinfer-python", "flashinfer");
  rename("pytorch-triton", "triton");
  rename("pytorch-triton-rocm", "triton");
  rename("triton-windows", "triton");
  rename("sglang-kernel", "sgl-kernel");
}

void merge(StackReport& into, const StackReport& from) {
  for (const auto& [name, version] : from.packages) into.packages.try_emplace(name, version);
  into.folders.insert(into.folders.end(), from.folders.begin(), from.folders.end());
  add_requirements(from.requirements, into);
  into.remarks.insert(into.remarks.end(), from.remarks.begin(), from.remarks.end());
}

void find_programs(std::string_view path, StackReport& report) {
  for (const char* name : {"ollama", "llama-server", "llama-cli"})
    for (size_t at = 0; at < path.size();) {
      const size_t end = std::min(path.find(':', at), path.size());
      const fs::path file = fs::path(std::string(path.substr(at, end - at))) / name;
      at = end + 1;
      if (!is_file(file)) continue;
      std::error_code error;
      const fs::path real = fs::canonical(file, error);
      report.programs.push_back({name, file.string(), version_in_path(error ? file.string() : real.string())});
      break;
    }
}

}  // namespace

std::string version_in_path(std::string_view path) {
  const auto digit = [&](size_t i) { return i < path.size() && std::isdigit(static_cast<unsigned char>(path[i])); };
  std::string best;
  for (size_t i = 0; i < path.size(); ++i) {
    const bool starts = i == 0 || path[i - 1] == '/' || path[i - 1] == '-' || path[i - 1] == '_';
    if (!starts) continue;
    size_t at = i;
    if (path[at] == 'b' && digit(at + 1)) {
      for (++at; digit(at);) ++at;
      if (at - i >= 5) best = std::string(path.substr(i, at - i));
      continue;
    }
    if (path[at] == 'v') ++at;
    const size_t begin = at;
    int dots = 0;
    while (digit(at) || (path.substr(at, 1) == "." && digit(at + 1))) dots += path[at++] == '.';
    if (dots >= 2) best = std::string(path.substr(begin, at - begin));
  }
  return best.empty() ? "unknown" : best;
}

Surroundings surroundings_of_process() {
  return {
      environment_variable("VIRTUAL_ENV"), environment_variable("CONDA_PREFIX"), environment_variable("PATH"), {}, {}};
}

Result<StackReport> probe_stacks(const std::string& site_packages) {
  if (!is_folder(site_packages))
    return fail("{} is not a folder; name the site-packages folder of an environment", printable(site_packages));
  StackReport report;
  report.folders.push_back(site_packages);
  for (const fs::path& entry : entries_of(site_packages))
    if (entry.extension() == ".dist-info" || entry.extension() == ".egg-info") read_entry(entry, report);
  for (const fs::path& entry : entries_of(site_packages))
    if (entry.extension() == ".egg-link")
      report.remarks.push_back(fmt::format("{} is an editable install of the old kind; its version is not known",
                                           printable(entry.stem().string())));
  add_bundled(site_packages, report);
  return report;
}

std::vector<std::string> site_packages_of_prefix(const std::string& prefix) {
  std::vector<std::string> list;
  const auto add = [&](const fs::path& path) {
    if (is_folder(path)) list.push_back(path.string());
  };
  add(fs::path(prefix) / "Lib" / "site-packages");
  for (const char* lib : {"lib", "lib64", "local/lib"})
    for (const fs::path& entry : entries_of(fs::path(prefix) / lib)) {
      if (entry.filename().string().rfind("python", 0) != 0) continue;
      add(entry / "site-packages");
      add(entry / "dist-packages");
    }
  return list;
}

std::vector<std::string> site_packages_of_python(const std::string& python) {
  // A virtual environment's interpreter is a link: the folder above the link counts, not the one it leads to.
  const fs::path as_named(python);
  if (is_folder(as_named)) return site_packages_of_prefix(python);
  std::vector<std::string> list = site_packages_of_prefix(as_named.parent_path().parent_path().string());
  std::error_code error;
  const fs::path real = fs::canonical(as_named, error);
  if (list.empty() && !error) list = site_packages_of_prefix(real.parent_path().parent_path().string());
  return list;
}

Result<StackReport> probe_environment(const Surroundings& surroundings) {
  StackReport report;
  std::vector<std::string> folders = surroundings.site_packages;
  if (!folders.empty()) {
    report.environment = "--site-packages";
  } else if (!surroundings.python.empty()) {
    report.environment = "--python";
    folders = site_packages_of_python(surroundings.python);
    if (folders.empty())
      return fail("--python {}: no site-packages folder belongs to it; name one with --site-packages",
                  printable(surroundings.python));
  } else if (!surroundings.virtual_env.empty()) {
    report.environment = "VIRTUAL_ENV";
    folders = site_packages_of_prefix(surroundings.virtual_env);
  } else if (!surroundings.conda_prefix.empty()) {
    report.environment = "CONDA_PREFIX";
    folders = site_packages_of_prefix(surroundings.conda_prefix);
  }
  for (const std::string& folder : folders) {
    MXPATH_TRY(const StackReport part, probe_stacks(folder));
    merge(report, part);
  }
  find_programs(surroundings.path, report);
  return report;
}

}  // namespace mxpath::diagnose
