#include "base/json.h"

#include <set>
#include <vector>

#include "base/text.h"

namespace mxpath {
namespace {

/// Builds the value and watches what nlohmann's own parser lets pass: duplicate keys and bottomless nesting.
struct Watcher {
  std::vector<std::set<std::string, std::less<>>> keys;
  std::string problem;

  bool operator()(int depth, nlohmann::detail::parse_event_t event, Json& parsed) {
    using Event = nlohmann::detail::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      if (depth > 256 && problem.empty()) problem = "nested deeper than 256 levels";
      keys.emplace_back();
    } else if (event == Event::object_end || event == Event::array_end) {
      keys.pop_back();
    } else if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys.back().insert(key).second && problem.empty())
        problem = fmt::format("key \"{}\" appears twice in one object", printable(key));
    }
    return true;
  }
};

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view where) {
  Watcher watcher;
  try {
    Json value = Json::parse(text, std::ref(watcher));
    if (!watcher.problem.empty()) return fail("{}: {}", where, watcher.problem);
    return value;
  } catch (const Json::parse_error& e) {
    return fail("{}: not valid JSON at byte {}", where, e.byte);
  } catch (const Json::exception& e) {
    return fail("{}: not valid JSON: {}", where, printable(e.what(), 160));
  }
}

}  // namespace mxpath
