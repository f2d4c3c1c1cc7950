#include "server/http/access.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace mxpath::http {
namespace {

Request asks(const Headers& headers, std::string method = "GET", std::string body = "") {
  Request request;
  request.method = std::move(method);
  request.path = "/v1/models";
  request.headers = headers;
  request.body = std::move(body);
  return request;
}

/// 0: let in.
int status_of(const Request& request, const AccessRules& rules = {}) {
  const Access access = check_access(request, rules);
  return access.refusal ? access.refusal->status : 0;
}
int with_host(const std::string& host, const AccessRules& rules = {}) {
  return status_of(asks({{"host", host}}), rules);
}
int with_origin(const std::string& origin, const AccessRules& rules = {}, const std::string& host = "127.0.0.1:8080") {
  return status_of(asks({{"host", host}, {"origin", origin}}), rules);
}

std::string_view value_of(const Headers& headers, std::string_view name) {
  for (const auto& [its_name, value] : headers)
    if (its_name == name) return value;
  return {};
}

TEST(Access, LoopbackIsLoopback) {
  for (const char* host : {"127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST", "::ffff:127.0.0.1"})
    EXPECT_TRUE(is_loopback(host)) << host;
  for (const char* host : {"", "0.0.0.0", "::", "128.0.0.1", "127.0.0.1.evil.example", "localhost.evil.example",
                           "127.1", "[127.0.0.1", "::ffff:10.0.0.1", "evil.example"})
    EXPECT_FALSE(is_loopback(host)) << host;
}

TEST(Access, AForeignHostIsRefusedOnLoopback) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:8080", "localhost:1", "LocalHost:8080", "localhost.", "[::1]:8080", "[::1]", ""})
    EXPECT_EQ(with_host(host), 0) << host;
  for (const char* host : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost@evil.example",
                           "localhost:", "localhost:x", "localhost:0", "localhost:65536", "localhost:8080:1", "::1",
                           "[::1", "[::1]8080", "[]", ":8080", "192.168.1.2:8080", "0.0.0.0", "[fe80::1]:80", ".", " "})
    EXPECT_EQ(with_host(host), 403) << host;
  EXPECT_EQ(check_access(asks({{"host", "evil.example"}}), {}).refusal->code, "host_not_allowed");
}

TEST(Access, NamedHostsAreServed) {
  AccessRules rules;
  rules.hosts = {"models.example"};
  EXPECT_EQ(with_host("Models.Example:443", rules), 0);
  EXPECT_EQ(with_host("evil.example", rules), 403);
  rules.loopback = false;
  EXPECT_EQ(with_host("192.168.1.2:8080", rules), 0);  // no name, so no DNS could lead here
  EXPECT_EQ(with_host("[2001:db8::1]:8080", rules), 0);
  EXPECT_EQ(with_host("evil.example", rules), 403);
  rules.hosts = {};
  EXPECT_EQ(with_host("models.example", rules), 403);
  rules.hosts = {"*"};
  EXPECT_EQ(with_host("any.example", rules), 0);
  EXPECT_EQ(with_host("any.example:x", rules), 403);
  rules.loopback = true;
  rules.hosts = {"*"};
  EXPECT_EQ(with_host("any.example", rules), 0);
}

/// Somebody else's DNS can lead any other name here, and then a browser takes a foreign page for ours.
TEST(Access, AForeignHostIsRefusedOnAllAddresses) {
  AccessRules rules;
  rules.loopback = false;
  char name[256] = "";
  ASSERT_EQ(::gethostname(name, sizeof name - 1), 0);
  const std::string own = name;
  const std::string first = own.substr(0, own.find('.'));
  for (const std::string& host :
       {std::string("192.168.1.2:8080"), std::string("[2001:db8::1]"), std::string("localhost"),
        std::string("127.0.0.1"), own, own + ":8080", first, first + ".local:8080"})
    EXPECT_EQ(with_host(host, rules), 0) << host;
  for (const std::string& host : {std::string("evil.example"), std::string("evil.example:8080"), std::string("evil"),
                                  first + ".evil.example", first + ".local.evil.example", "x" + own})
    EXPECT_EQ(with_host(host, rules), 403) << host;
  rules.loopback = true;
  EXPECT_EQ(with_host(first == "localhost" ? "x" : first, rules), 403);
}

TEST(Access, ARightKeyServesAnyHostButOnLoopback) {
  AccessRules rules;
  rules.loopback = false;
  rules.keys = {"secret"};
  rules.open = {"/v1/models"};  // open, and yet not for a foreign page
  const auto with = [&](const std::string& key) {
    return status_of(asks({{"host", "models.example"}, {"authorization", "Bearer " + key}}), rules);
  };
  EXPECT_EQ(with("secret"), 0);
  EXPECT_EQ(with("wrong"), 403);
  EXPECT_EQ(with_host("models.example", rules), 403);
  rules.loopback = true;
  EXPECT_EQ(with("secret"), 403);
  rules.loopback = false;
  rules.origins = {"https://chat.example"};
  Headers preflight = {
      {"host", "models.example"}, {"origin", "https://chat.example"}, {"access-control-request-method", "POST"}};
  EXPECT_EQ(status_of(asks(preflight, "OPTIONS"), rules), 0);
  EXPECT_EQ(status_of(asks(preflight, "POST"), rules), 403);
  preflight[1].second = "https://evil.example";
  EXPECT_EQ(status_of(asks(preflight, "OPTIONS"), rules), 403);
  preflight[1].second = "https://chat.example";
  rules.keys = {};
  EXPECT_EQ(status_of(asks(preflight, "OPTIONS"), rules), 403);
}

TEST(Access, OriginRulesThatCannotMatchAreErrors) {
  for (const char* rule :
       {"*", "https://example.org", "http://example.org:8080", "HTTPS://Example.org", "http://[::1]:80",
        "http://127.0.0.1:3000", "http://localhost", "https://xn--bcher-kva.example"})
    EXPECT_TRUE(check_origin_rule(rule).ok()) << rule;
  for (const char* rule : {"example.org",
                           "example.org:8080",
                           "",
                           "null",
                           "https://",
                           "https://example.org/",
                           "https://example.org/chat",
                           "https://*.example.org",
                           "https://me@example.org",
                           "ftp://example.org",
                           "https://example.org:",
                           "https://example.org:x",
                           "https://example.org:65536",
                           "http://[::1",
                           "http://::1",
                           "http://[example.org]",
                           "https://b\xc3\xbc"
                           "cher.example",
                           "https://a b",
                           "https://.",
                           "https://.org",
                           "//example.org",
                           "https:example.org",
                           "https://example.org?x",
                           "**"}) {
    const Status status = check_origin_rule(rule);
    ASSERT_FALSE(status.ok()) << rule;
    EXPECT_EQ(status.error().kind, ErrorKind::wrong_use) << rule;
    EXPECT_NE(status.error().message.find("give https://NAME"), std::string::npos) << rule;
  }
}

TEST(Access, OriginsMatchWithThePortOfTheirScheme) {
  AccessRules rules;
  rules.origins = {"https://Chat.example:443", "http://lan.example"};
  for (const char* origin : {"https://chat.example", "https://chat.example:443", "http://lan.example"})
    EXPECT_EQ(with_origin(origin, rules), 0) << origin;
  for (const char* origin : {"http://chat.example", "http://chat.example:443", "https://lan.example:80", "null",
                             "https://chat.example:444", "https://lan.example"})
    EXPECT_EQ(with_origin(origin, rules), 403) << origin;
}

TEST(Access, AForeignOriginIsRefused) {
  EXPECT_EQ(with_origin(""), 0);
  EXPECT_EQ(with_origin("http://127.0.0.1:8080"), 0);
  EXPECT_EQ(with_origin("HTTP://127.0.0.1:8080"), 0);
  EXPECT_EQ(with_origin("http://[::1]:8080", {}, "[::1]:8080"), 0);
  EXPECT_EQ(with_origin("http://localhost", {}, "localhost"), 0);
  EXPECT_EQ(with_origin("http://localhost", {}, "localhost:80"), 0);
  EXPECT_EQ(with_origin("https://localhost", {}, "localhost:443"), 0);
  EXPECT_EQ(with_origin("https://localhost", {}, "localhost"), 0);
  for (const char* origin : {"null", "http://evil.example", "http://127.0.0.1:8081", "http://127.0.0.1",
                             "http://localhost:8080", "https://127.0.0.1", "127.0.0.1:8080", "file://",
                             "http://127.0.0.1:8080/", "http://", "http://127.0.0.1:8080.evil.example"})
    EXPECT_EQ(with_origin(origin), 403) << origin;
  EXPECT_EQ(check_access(asks({{"host", "localhost"}, {"origin", "null"}}), {}).refusal->code, "origin_not_allowed");
}

TEST(Access, NamedOriginsGetHeaders) {
  AccessRules rules;
  rules.origins = {"https://chat.example"};
  const Access access = check_access(asks({{"host", "localhost"}, {"origin", "https://chat.example"}}), rules);
  EXPECT_FALSE(access.refusal);
  EXPECT_FALSE(access.preflight);
  EXPECT_EQ(value_of(access.headers, "Access-Control-Allow-Origin"), "https://chat.example");
  EXPECT_EQ(value_of(access.headers, "Vary"), "Origin");
  EXPECT_EQ(with_origin("https://evil.example", rules), 403);
  EXPECT_EQ(with_origin("null", rules), 403);
  rules.origins = {"*"};
  EXPECT_EQ(with_origin("null", rules), 0);
  EXPECT_EQ(value_of(check_access(asks({{"host", "localhost"}, {"origin", "null"}}), rules).headers,
                     "Access-Control-Allow-Origin"),
            "*");
  EXPECT_TRUE(check_access(asks({{"host", "localhost"}}), rules).headers.empty());
}

TEST(Access, APreflightNeedsNoKey) {
  AccessRules rules;
  rules.keys = {"secret"};
  rules.origins = {"https://chat.example"};
  Headers headers = {{"host", "localhost"},
                     {"origin", "https://chat.example"},
                     {"access-control-request-method", "POST"},
                     {"access-control-request-headers", "authorization, content-type, x-other"},
                     {"access-control-request-private-network", "true"}};
  const Access access = check_access(asks(headers, "OPTIONS"), rules);
  ASSERT_FALSE(access.refusal);
  ASSERT_TRUE(access.preflight);
  EXPECT_EQ(access.preflight->status, 204);
  const Headers& answer = access.preflight->headers;
  EXPECT_EQ(value_of(answer, "Access-Control-Allow-Origin"), "https://chat.example");
  EXPECT_EQ(value_of(answer, "Access-Control-Allow-Headers"), "authorization, content-type, x-other");
  EXPECT_NE(value_of(answer, "Access-Control-Allow-Methods").find("POST"), std::string_view::npos);
  EXPECT_EQ(value_of(answer, "Access-Control-Allow-Private-Network"), "true");
  EXPECT_FALSE(check_access(asks(headers, "POST"), rules).preflight);
  headers[1].second = "https://evil.example";
  EXPECT_EQ(status_of(asks(headers, "OPTIONS"), rules), 403);
  EXPECT_FALSE(check_access(asks(headers, "OPTIONS"), rules).preflight);
  EXPECT_EQ(status_of(asks({{"host", "localhost"}}, "OPTIONS"), rules), 401);  // of no browser
}

TEST(Access, KeysOpen) {
  AccessRules rules;
  rules.keys = {"first-key", "second"};
  rules.open = {"/health"};
  const auto with = [&](const std::string& name, const std::string& value) {
    return check_access(asks({{"host", "localhost"}, {name, value}}), rules);
  };
  for (const char* value : {"Bearer first-key", "bearer first-key", "BEARER   first-key ", "bEaReR\tfirst-key"})
    EXPECT_EQ(with("authorization", value).key, "first-key") << value;
  EXPECT_EQ(with("x-api-key", "second").key, "second");
  for (const char* value : {"Bearer first", "Bearer first-key2", "Bearerfirst-key", "Bearer", "Bearer ", "",
                            "Basic first-key", "first-key", "Bearer FIRST-KEY", "Bear"})
    EXPECT_EQ(with("authorization", value).refusal.value_or(Refusal()).status, 401) << value;
  EXPECT_EQ(with("x-api-key", "").refusal->code, "invalid_api_key");
  EXPECT_EQ(with("x-api-key", "secon").refusal->status, 401);
  EXPECT_EQ(value_of(with("x-api-key", "no").headers, "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(with("x-api-key", "no").refusal->sentence.find("second"), std::string::npos);
  // Either of two is enough: some clients send a placeholder in one of them.
  EXPECT_EQ(status_of(asks({{"authorization", "Bearer none"}, {"x-api-key", "second"}}), rules), 0);
  Request health = asks({{"host", "localhost"}});
  health.path = "/health";
  EXPECT_EQ(status_of(health, rules), 0);
  health.path = "/health/";
  EXPECT_EQ(status_of(health, rules), 401);
  health.path = "/health";
  health.headers[0].second = "evil.example";
  EXPECT_EQ(status_of(health, rules), 403);
  EXPECT_EQ(check_access(asks({{"authorization", "Bearer x"}}), {}).key, "");
}

TEST(Access, BodiesAreJson) {
  const auto posts = [](const std::string& type, const std::string& body = "{}") {
    Headers headers = {{"host", "localhost"}};
    if (!type.empty()) headers.emplace_back("content-type", type);
    return status_of(asks(headers, "POST", body));
  };
  for (const char* type :
       {"application/json", "Application/JSON", "application/json; charset=utf-8", "application/json ;charset=utf-8"})
    EXPECT_EQ(posts(type), 0) << type;
  for (const char* type : {"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                           "application/jsonx", "text/plain; application/json"})
    EXPECT_EQ(posts(type), 415) << type;
  EXPECT_EQ(posts("", ""), 0);
  EXPECT_EQ(posts("text/plain", ""), 0);
}

}  // namespace
}  // namespace mxpath::http
