// This machine and the stacks installed on it: what each would do with an MXFP4 gpt-oss checkpoint here.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_fwd.h"
#include "base/result.h"
#include "diagnose/installed_packages.h"
#include "diagnose/language.h"
#include "diagnose/scrub.h"
#include "diagnose/stack_rules.h"
#include "machine/machine.h"

namespace mxpath::diagnose {

/// What the operating system says beyond Machine; read once, so that reports can be made for other machines without it.
struct SystemReport {
  std::string system;                                                 ///< "Debian GNU/Linux 12, Linux 6.1.0"
  uint64_t huge_pages = 0, huge_page_size = 0, transparent_huge = 0;  ///< configured, bytes each, bytes in use
  std::string transparent_mode;                                       ///< always, madvise, never; empty: not known
  uint64_t physical_memory = 0;                                       ///< bytes of the whole machine
  uint64_t cgroup_limit = 0;                                          ///< bytes; 0: none
  int cpus_online = 0;
  std::string built_for;  ///< what this binary was compiled with
};
/// Reads /proc, /sys and /etc/os-release. Never fails: what is not there stays empty.
SystemReport probe_system();

struct Doctor {
  Machine machine;
  bool other_machine = false;  ///< --machine: nothing is known about its system
  SystemReport system;
  StackReport stacks;
  ModelBytes model = default_model_bytes();
  std::string model_name = "gpt-oss-20b";
  std::vector<Prediction> predictions;
  std::vector<std::string> plan;  ///< mxpath's own plan in three lines; filled in by the caller
};

/// The predictions for every stack that is installed (a package of known_stacks(), or a program). Pure.
std::vector<Prediction> predict_all(const StackReport& stacks, const Machine& machine, const ModelBytes& model,
                                    Language language);

/// The machine alone: CPU, memory, huge pages, GPUs, this binary.
std::string machine_text(const Machine& machine, const SystemReport& system, Language language);
std::string to_text(const Doctor& doctor, Language language);
Json to_json(const Doctor& doctor);

/// Everything that reproduces a report, without names, home paths, hosts and secrets:
/// {"format","machine","system","versions","programs", "predictions","remarks"}. "machine" is what machine_from_json
/// reads.
Json bundle_json(const Doctor& doctor, const Private& known);
/// Writes it to a file that must not exist yet. Errors: the file exists, or cannot be written.
Status write_bundle(const Doctor& doctor, const Private& known, const std::string& path);

}  // namespace mxpath::diagnose
