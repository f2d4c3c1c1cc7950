// Which Python packages and programs are installed, from what lies on disk; nothing is run.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "diagnose/requirements.h"
#include "diagnose/version.h"

namespace mxpath::diagnose {

/// One program found on PATH. The version is read from its real path (Homebrew, Nix, release folders); "unknown"
/// otherwise.
struct Program {
  std::string name, path, version;
};

struct StackReport {
  std::string environment;  ///< how the environment was found: VIRTUAL_ENV, CONDA_PREFIX, --python …; empty: none
  std::vector<std::string> folders;       ///< the site-packages folders that were read
  Versions packages;                      ///< canonical name to version
  std::vector<Program> programs;          ///< ollama, llama.cpp
  std::vector<Requirement> requirements;  ///< of the stacks, on other packages
  std::vector<std::string> remarks;       ///< damaged metadata, editable installs …
};

/// What the surroundings say; a value, so that tests need no real environment.
struct Surroundings {
  std::string virtual_env, conda_prefix, path;
  std::string python;                      ///< --python
  std::vector<std::string> site_packages;  ///< --site-packages; wins over everything
};
/// Reads VIRTUAL_ENV, CONDA_PREFIX and PATH of this process.
Surroundings surroundings_of_process();

/// Reads *.dist-info/METADATA and *.egg-info of one folder, and what packages bundle (vLLM's triton_kernels). Never
/// fails on a damaged entry: it is skipped and remarked. Error: the folder does not exist.
Result<StackReport> probe_stacks(const std::string& site_packages);

/// The site-packages folders of an interpreter or prefix, without running it.
std::vector<std::string> site_packages_of_python(const std::string& python);
std::vector<std::string> site_packages_of_prefix(const std::string& prefix);

/// The active environment and the programs on PATH. Error: a folder or interpreter that was named does not exist.
Result<StackReport> probe_environment(const Surroundings& surroundings);

/// The version in a real path such as /opt/homebrew/Cellar/ollama/0.12.3/bin/ollama or …/llama-b6123-bin/llama-server.
std::string version_in_path(std::string_view path);

}  // namespace mxpath::diagnose
