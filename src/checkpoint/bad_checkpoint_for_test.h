// A checkpoint on disk that tests make wrong in one way each.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "checkpoint/test_folder.h"

namespace mxpath {

class BadCheckpoint : public ::testing::Test {
 protected:
  /// Opening must fail with all of `parts` in one line.
  void expect_problem(const std::vector<std::string>& parts) {
    const auto manifest = open_manifest(folder_ / "m");
    ASSERT_FALSE(manifest.ok());
    const std::string& message = manifest.error().message;
    EXPECT_EQ(message.find('\n'), std::string::npos);
    for (const auto& part : parts)
      EXPECT_NE(message.find(part), std::string::npos) << "wanted: " << part << "\n   got: " << message;
  }
  void change_tensors(const std::function<void(std::vector<LooseTensor>&)>& change) {
    auto tensors = load_tensors(file_);
    change(tensors);
    save_tensors(file_, tensors);
  }
  void change_config(const std::string& field, const Json& value) {
    Json json = parse_json(folder_.read("m/config.json"), "c").value();
    json[field] = value;
    folder_.write("m/config.json", json.dump());
  }

  TestFolder folder_;
  std::string file_ = folder_ / "m/model.safetensors";
};

}  // namespace mxpath
