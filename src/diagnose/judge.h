// From everything that was found in a log to the one cause.
#pragma once
#include <vector>

#include "diagnose/log_scan.h"

namespace mxpath::diagnose {

/// What a row needs to know besides the log.
struct Knowledge {
  std::optional<int> capability;  ///< of the GPU, from the facts or, if only one is stated, from the log
  bool capability_from_facts = false;
  Versions versions;  ///< the log's, overruled by the facts'
  bool versions_from_facts = false;
  std::optional<bool> mxfp4_checkpoint;
};
Knowledge knowledge_of(const ScanResult& scan, const Facts& facts);

/// Whether a row's conditions hold.
bool applies(const Signature& row, const ScanResult& scan, const Knowledge& knowledge);

/// The causes, the first one first; empty when nothing but wrappers and noise (or nothing) was found.
std::vector<const Found*> judge(const ScanResult& scan, const Knowledge& knowledge);

}  // namespace mxpath::diagnose
