// Conversions as the tests ask for them.
#pragma once
#include <gtest/gtest.h>

#include <string>

#include "convert/convert.h"

namespace mxpath::convert {

inline constexpr CheckpointLayout layouts[] = {CheckpointLayout::hugging_face_mxfp4,
                                               CheckpointLayout::hugging_face_bf16, CheckpointLayout::openai_original};

inline ConvertOptions to(CheckpointLayout target) {
  ConvertOptions options;
  options.target = target;
  options.threads = 2;
  return options;
}

inline ConvertReport converted(const std::string& from, const std::string& folder, const ConvertOptions& options) {
  auto report = convert(from, folder, options);
  EXPECT_TRUE(report.ok()) << report.error().message;
  return report.ok() ? *report : ConvertReport();
}

inline std::string error_of(const std::string& from, const std::string& folder, const ConvertOptions& options) {
  const auto report = convert(from, folder, options);
  return report.ok() ? "no error" : report.error().message;
}

}  // namespace mxpath::convert
