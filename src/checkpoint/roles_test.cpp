#include "checkpoint/roles.h"

#include <gtest/gtest.h>

#include "checkpoint/random_checkpoint.h"

namespace mxpath {
namespace {

TEST(Roles, TableCoversEveryRoleOnce) {
  for (const auto& row : role_rows()) {
    EXPECT_EQ(&row_of(row.role), &row);
    EXPECT_EQ(row.hub.find("{}") != std::string_view::npos, row.per_layer);
    EXPECT_EQ(row.original.find("{}") != std::string_view::npos, row.per_layer);
  }
}

TEST(Roles, CountTheTensorsOfThePublicFiles) {
  // 24 × 19 + 3 in the Hugging Face layout, where q, k and v are apart and blocks and scales two tensors.
  size_t stored = 0;
  for (const auto& place : roles_of(gpt_oss_20b_config())) stored += place.row->expert_matrix() ? 2 : 1;
  EXPECT_EQ(stored, 459u);
}

}  // namespace
}  // namespace mxpath
