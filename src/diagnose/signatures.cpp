#include "diagnose/signature.h"

namespace mxpath::diagnose {

std::string_view name_of(Confidence confidence) {
  constexpr std::string_view names[] = {"low", "medium", "high"};
  return names[static_cast<size_t>(confidence)];
}

const std::vector<const Signature*>& signatures() {
  static const std::vector<const Signature*> rows = [] {
    std::vector<const Signature*> list;
    for (auto table : {kernel_signatures(), transformers5_signatures(), package_signatures(), gate_signatures(), chat_signatures(),
                       other_signatures(), context_signatures(), noise_signatures()})
      for (const Signature& row : table) list.push_back(&row);
    return list;
  }();
  return rows;
}

}  // namespace mxpath::diagnose
