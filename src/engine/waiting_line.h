// Who waits for a place, in the order in which places are given.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>

#include "engine/running_request.h"

namespace mxpath {

/// Higher priorities first; among equals callers take turns; of each caller who came first. Empty lines leave nothing
/// behind.
class WaitingLine {
 public:
  void push(Choice& choice);
  /// The next one; null: nobody waits.
  Choice* front() const;
  /// Takes a choice out. `served`: it got its place, so the turn goes to the next caller.
  void remove(Choice& choice, bool served);
  bool empty() const { return levels_.empty(); }

 private:
  struct Before {
    bool operator()(const Choice* a, const Choice* b) const { return came_before(*a, *b); }
  };
  struct Level {
    std::map<std::string, std::set<Choice*, Before>, std::less<>> lines;
    std::string last_key;  // served last; "" before anyone was
  };
  std::map<int, Level, std::greater<>> levels_;
};

}  // namespace mxpath
