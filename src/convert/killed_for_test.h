// Conversions that end in the middle, for tests.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "base/text.h"
#include "checkpoint/test_folder.h"
#include "convert/convert.h"

namespace mxpath::convert {

/// Thousands of syncs: in memory where there is such a place.
[[maybe_unused]] inline const bool in_memory =
    ::access("/dev/shm", W_OK) == 0 && ::setenv("TMPDIR", "/dev/shm", 0) == 0;

inline ConvertOptions small_shards(CheckpointLayout target) {
  ConvertOptions options;
  options.target = target;
  options.threads = 2;
  options.shard_bytes = 100'000;
  return options;
}

inline std::map<std::string, std::string> files_of(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files[entry.path().filename().string()] = read_text_file(entry.path().string()).value();
  return files;
}

/// Runs `body` in a process of its own; its exit status as waitpid gives it.
template <class Body>
int in_child(Body&& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

/// What is told along the way: one entry for each moment at which a test can strike.
inline std::vector<std::string> moments_of(const std::string& source, const std::string& folder,
                                           ConvertOptions options) {
  std::vector<std::string> moments;
  options.progress = [&](std::string_view what, uint64_t done, uint64_t total) {
    EXPECT_LE(done, total);
    moments.emplace_back(what);
  };
  const auto report = convert(source, folder, options);
  EXPECT_TRUE(report.ok()) << report.error().message;
  return moments;
}

inline void kill_at(size_t moment, const std::string& source, const std::string& folder, ConvertOptions options) {
  const int status = in_child([&] {
    size_t seen = 0;
    options.progress = [&](std::string_view, uint64_t, uint64_t) {
      if (seen++ == moment) ::raise(SIGKILL);
    };
    (void)convert(source, folder, options).ok();
  });
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << moment;
}

/// Strikes once, at a moment of the conversion; what it then says.
template <class Strike>
std::string error_after(const std::string& source, const std::string& target, ConvertOptions options, size_t moment,
                        Strike&& strike) {
  size_t seen = 0;
  options.progress = [&](std::string_view, uint64_t, uint64_t) {
    if (seen++ == moment) strike();
  };
  const auto report = convert(source, target, options);
  return report.ok() ? "no error" : report.error().message;
}

}  // namespace mxpath::convert
