#include "base/log.h"

namespace mxpath {

spdlog::logger& log() {
  static spdlog::logger logger("mxpath");
  return logger;
}

}  // namespace mxpath
