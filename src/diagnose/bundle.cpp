// The file that reproduces a report, fit to be shared.
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/json.h"
#include "base/text.h"
#include "diagnose/doctor.h"

namespace mxpath::diagnose {

namespace {

/// A machine without the numbers that stand for one card alone.
Json without_uuids(Json machine) {
  for (Json& gpu : machine["gpus"]) gpu.erase("uuid");
  machine.erase("visible_gpus");
  return machine;
}

}  // namespace

Json bundle_json(const Doctor& doctor, const Private& known) {
  Json full = to_json(doctor);
  Json bundle = {{"format", "mxpath bundle 1"},
                 {"machine", without_uuids(full["machine"])},
                 {"system", full["system"]},
                 {"versions", full["stacks"]["packages"]},
                 {"programs", full["stacks"]["programs"]},
                 {"remarks", full["stacks"]["remarks"]},
                 {"model", full["model"]},
                 {"predictions", full["predictions"]},
                 {"plan", full["plan"]}};
  return scrub_json(bundle, known);
}

Status write_bundle(const Doctor& doctor, const Private& known, const std::string& path) {
  const std::string text = bundle_json(doctor, known).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  FILE* file = std::fopen(path.c_str(), "wxe");
  if (!file)
    return fail("{}: the bundle cannot be written ({}); name a new file in a folder that you may write to",
                printable(path), std::strerror(errno));
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written)
    return fail("{}: writing the bundle failed ({}); is the disk full?", printable(path), std::strerror(errno));
  return {};
}

}  // namespace mxpath::diagnose
