// Ctrl-C as a flag.
#pragma once

namespace mxpath::cli {

/// While one lives, Ctrl-C sets the flag instead of ending the program; a second one before the flag is cleared ends
/// it.
class CatchInterrupt {
 public:
  CatchInterrupt();
  ~CatchInterrupt();
  CatchInterrupt(const CatchInterrupt&) = delete;
  CatchInterrupt& operator=(const CatchInterrupt&) = delete;
};

/// Whether Ctrl-C was pressed since the flag was cleared.
bool interrupted();
void clear_interrupt();

}  // namespace mxpath::cli
