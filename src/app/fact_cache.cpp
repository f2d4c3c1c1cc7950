#include "app/fact_cache.h"

#include <filesystem>

#include "app/dirs.h"
#include "base/mapped_file.h"
#include "base/system_file.h"
#include "checkpoint/new_file.h"

namespace mxpath {
namespace {

constexpr size_t file_limit = 1 << 20;

}  // namespace

Json read_facts(const std::string& file) {
  const auto text = file.empty() ? Result<std::string>(Error{}) : read_text_file(file, file_limit);
  if (!text.ok()) return Json::object();
  auto parsed = parse_json(*text, file);
  return parsed.ok() && parsed->is_object() ? std::move(parsed).value() : Json::object();
}

void write_facts(const std::string& file, const Json& content) {
  if (file.empty() || !make_folder(std::filesystem::path(file).parent_path().string()).ok()) return;
  (void)write_new_file(file, content.dump(2) + "\n");
}

std::string fact_file() {
  const std::string folder = cache_folder();
  return folder.empty() ? "" : folder + "/bandwidth.json";
}

}  // namespace mxpath
