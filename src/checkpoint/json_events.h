// JSON read as a stream of events, for files with so many keys that a tree of them would be slow.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "base/text.h"

namespace mxpath {

/// What nlohmann's event parser calls, reduced to what headers and weight maps need. Looking a key up in a `Json`
/// object is linear, so a hostile header of a million keys would take hours as a tree; as events it takes a second.
/// Return false (via refuse) to stop.
class JsonEvents : public JsonHandler {
 public:
  virtual ~JsonEvents() = default;

  bool null() { return on_other("null"); }
  bool boolean(bool) { return on_other("a boolean"); }
  bool number_integer(int64_t) { return on_other("a negative number"); }
  bool number_unsigned(uint64_t value) { return on_unsigned(value); }
  bool number_float(double, const std::string& text) { return on_other("the number " + printable(text, 40)); }
  bool string(std::string& value) { return on_string(value); }
  bool binary(Json::binary_t&) { return false; }
  bool start_object(size_t) { return ++depth_, on_open(true); }
  bool start_array(size_t) { return ++depth_, on_open(false); }
  bool end_object() { return on_close() && (--depth_, true); }
  bool end_array() { return on_close() && (--depth_, true); }
  bool key(std::string& value) { return on_key(value); }

 protected:
  virtual bool on_open(bool object) = 0;  ///< depth_ counts the new one already
  virtual bool on_close() = 0;            ///< depth_ still counts the closing one
  virtual bool on_key(std::string& key) = 0;
  virtual bool on_string(std::string& value) = 0;
  virtual bool on_unsigned(uint64_t value) = 0;
  virtual bool on_other(const std::string& what) = 0;  ///< null, true, false, negative and fractional numbers

  int depth_ = 0;
};

/// Feeds `text` to `events`. Errors: not UTF-8, not JSON, or what the handler refused; `where` starts each.
Status read_json_events(std::string_view text, JsonEvents& events, std::string_view where);

}  // namespace mxpath
