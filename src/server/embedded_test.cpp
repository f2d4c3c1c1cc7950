#include "server/embedded.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace mxpath::server {
namespace {

TEST(Embedded, PageHoldsNothingThatItsPolicyForbids) {
  const EmbeddedPage& page = embedded_page();
  EXPECT_NE(page.html.find("<html"), std::string::npos);
  EXPECT_LE(page.html.size(), 60u << 10) << "one small file";
  for (const char* kind : {"script-src 'sha256-", "style-src 'sha256-"})
    EXPECT_NE(page.policy.find(kind), std::string::npos) << page.policy;
  for (const char* forbidden : {"<script src", "rel=\"stylesheet\"", "onclick=", " style=", "innerHTML", "https://cdn"})
    EXPECT_EQ(page.html.find(forbidden), std::string::npos) << forbidden;
  size_t scripts = 0;
  for (size_t at = 0; (at = page.html.find("<script", at)) != std::string::npos; ++at) ++scripts;
  EXPECT_EQ(scripts, 1u) << "the policy has one hash";
}

TEST(Embedded, DescriptionIsJson) {
  const auto json = parse_json(embedded_openapi(), "openapi");
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_EQ((*json)["openapi"], "3.1.0");
  for (const auto& [path, methods] : (*json)["paths"].items())
    for (const auto& [method, operation] : methods.items())
      EXPECT_TRUE(operation.contains("responses")) << method << " " << path;
}

}  // namespace
}  // namespace mxpath::server
