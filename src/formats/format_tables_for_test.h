// Reads tests/data/formats/format-tables.json; an unreadable file ends the test that asks.
#pragma once
#include <stdexcept>
#include <string>

#include "base/json.h"
#include "base/mapped_file.h"

namespace mxpath {

inline Json format_tables() {
  const std::string path = MXPATH_SOURCE_DIR "/tests/data/formats/format-tables.json";
  auto text = read_text_file(path);
  if (!text.ok()) throw std::runtime_error(text.error().message);
  auto tables = parse_json(*text, path);
  if (!tables.ok()) throw std::runtime_error(tables.error().message);
  return *tables;
}

}  // namespace mxpath
