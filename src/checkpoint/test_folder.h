// A temporary folder for tests, and checkpoints in it that can be taken apart and put together wrongly.
#pragma once
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/mapped_file.h"
#include "checkpoint/manifest.h"
#include "checkpoint/random_checkpoint.h"
#include "checkpoint/safetensors.h"

namespace mxpath {

/// Removed with all that is in it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mxpath-test-XXXXXX").string();
    if (::mkdtemp(name.data())) path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return (std::filesystem::path(path_) / name).string(); }
  const std::string& path() const { return path_; }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(*this / name).parent_path());
    std::ofstream(*this / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const { return read_text_file(*this / name).value(); }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      found.push_back(entry.path().filename().string());
    std::sort(found.begin(), found.end());
    return found;
  }

 private:
  std::string path_;
};

inline std::string test_data(const std::string& name) {
  return read_text_file(MXPATH_SOURCE_DIR "/tests/data/checkpoint/" + name).value();
}

/// A tensor held in memory.
struct LooseTensor {
  std::string name;
  Dtype dtype;
  std::vector<uint64_t> shape;
  std::vector<uint8_t> bytes;
};

inline std::vector<LooseTensor> load_tensors(const std::string& path) {
  const auto header = read_safetensors_header(path).value();
  const auto file = MappedFile::open(path).value();
  std::vector<LooseTensor> tensors;
  for (const auto& e : header.entries) {
    const auto bytes = file.bytes().subspan(e.begin, e.end - e.begin);
    tensors.push_back({e.name, e.dtype, e.shape, {bytes.begin(), bytes.end()}});
  }
  return tensors;
}

inline void save_tensors(const std::string& path, const std::vector<LooseTensor>& tensors) {
  std::vector<SafetensorsItem> items;
  for (const auto& t : tensors)
    items.push_back({t.name, t.dtype, t.shape, [&t](const auto& write) { return write(t.bytes); }});
  const auto status = write_safetensors(path, items);
  ASSERT_TRUE(status.ok()) << status.error().message;
}

inline LooseTensor& tensor_named(std::vector<LooseTensor>& tensors, const std::string& name) {
  for (auto& t : tensors)
    if (t.name == name) return t;
  ADD_FAILURE() << "no tensor " << name;
  return tensors.front();
}

/// The tiny random model in a folder of its own.
inline void write_tiny(const std::string& folder, CheckpointLayout layout = CheckpointLayout::hugging_face_mxfp4,
                       uint64_t shard_bytes = 1 << 30) {
  RandomCheckpoint what;
  what.config = tiny_config();
  what.layout = layout;
  what.shard_bytes = shard_bytes;
  const auto status = write_random_checkpoint(folder, what);
  ASSERT_TRUE(status.ok()) << status.error().message;
}

}  // namespace mxpath
