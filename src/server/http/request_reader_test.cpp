#include "server/http/request_reader.h"

#include <gtest/gtest.h>

#include <vector>

#include "server/http/header_text.h"
#include "server/http/target.h"

namespace mxpath::http {
namespace {

/// What a reader makes of bytes that come in pieces of one size.
struct Heard {
  std::vector<ReadRequest> requests;
  std::optional<BadRequest> bad;
  std::string left;
};
Heard hear(std::string_view bytes, size_t piece, const Limits& limits = {}) {
  Heard out;
  RequestReader reader(limits);
  for (size_t at = 0; at < bytes.size() && !reader.bad(); at += piece) {
    out.left += bytes.substr(at, piece);
    while (!out.left.empty() && !reader.bad()) {
      out.left.erase(0, reader.feed(out.left));
      auto request = reader.take();
      if (!request) break;
      out.requests.push_back(std::move(*request));
    }
  }
  out.bad = reader.bad();
  return out;
}
int status_of(std::string_view bytes, const Limits& limits = {}) {
  const Heard whole = hear(bytes, bytes.size(), limits);
  const Heard pieces = hear(bytes, 1, limits);
  EXPECT_EQ(whole.bad.has_value(), pieces.bad.has_value()) << bytes.substr(0, 100);
  EXPECT_EQ(whole.bad.value_or(BadRequest()).status, pieces.bad.value_or(BadRequest()).status) << bytes.substr(0, 100);
  EXPECT_EQ(whole.requests.size(), pieces.requests.size()) << bytes.substr(0, 100);
  EXPECT_EQ(whole.bad.has_value(), !whole.bad.value_or(BadRequest()).sentence.empty());
  return whole.bad ? whole.bad->status : whole.requests.empty() ? 0 : 200;
}
std::string with(std::string_view headers, std::string_view body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

TEST(RequestReader, ReadsOneAfterTheOther) {
  const std::string bytes =
      "GET /a%20b?x=1&y HTTP/1.1\r\nHOST: here\r\nX-Request-Id: id-1\r\nX-Two: 1\r\nX-two:   2  \r\n\r\n"
      "\r\n\r\nPOST /c HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\nhello"
      "POST /d HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
      "3\r\nabc\r\n0A;name=value\r\n0123456789\r\n0\r\nTrailer: no\r\n\r\n";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, bytes.size()}) {
    const Heard heard = hear(bytes, piece);
    ASSERT_FALSE(heard.bad) << heard.bad->sentence;
    ASSERT_EQ(heard.requests.size(), 3u) << piece;
    const Request& first = heard.requests[0].request;
    EXPECT_EQ(first.method, "GET");
    EXPECT_EQ(first.target, "/a%20b?x=1&y");
    EXPECT_EQ(first.path, "/a b");
    EXPECT_EQ(first.query, "x=1&y");
    EXPECT_EQ(first.id, "id-1");
    EXPECT_EQ(first.headers, (Headers{{"host", "here"}, {"x-request-id", "id-1"}, {"x-two", "1"}, {"x-two", "2"}}));
    EXPECT_TRUE(heard.requests[0].keep_alive);
    EXPECT_EQ(heard.requests[1].request.body, "hello");
    EXPECT_EQ(heard.requests[2].request.body, "abc0123456789");
    EXPECT_EQ(heard.requests[2].request.header("trailer"), "");
    EXPECT_FALSE(heard.requests[2].keep_alive);
    EXPECT_EQ(heard.left, "");
  }
}

TEST(RequestReader, TwoLengthsAreNoRequest) {
  EXPECT_EQ(status_of(with("Content-Length: 2\r\nContent-Length: 3\r\n", "abc")), 400);
  EXPECT_EQ(status_of(with("Content-Length: 2, 3\r\n", "abc")), 400);
  EXPECT_EQ(status_of(with("Content-Length: 2\r\nContent-Length: 2\r\n", "ab")), 400);
  EXPECT_EQ(status_of(with("Content-Length: 2, 2\r\n", "ab")), 400);
  EXPECT_EQ(status_of(with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n")), 400);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  for (const char* length : {"-1", "+1", "1x", "0x1", "", " ", "1 1", "1;", "1,", "\xd9\xa1"})
    EXPECT_EQ(status_of(with("Content-Length: " + std::string(length) + "\r\n", "a")), 400) << length;
}

TEST(RequestReader, BadChunksAreNoRequest) {
  const std::string chunked = with("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(status_of(chunked + "3\r\nabc\r\n0\r\n\r\n"), 200);
  for (const char* body :
       {"x\r\n", "-1\r\n", "\r\n\r\n", " 3\r\nabc\r\n", "3\r\nabcd\r\n0\r\n\r\n", "3\nabc\n0\n\n", "0x3\r\nabc\r\n",
        "3\r\nabc0\r\n\r\n", "3 x\r\nabc\r\n", "3;\x01\r\nabc\r\n", "0\r\nbad trailer\r\n\r\n"})
    EXPECT_EQ(status_of(chunked + body), 400) << body;
}

TEST(RequestReader, BadBytesAreNoRequest) {
  using namespace std::string_view_literals;
  for (const std::string_view bytes : {"\x16\x03\x01\x02\x01"sv,
                                       "GET /\r\n\r\n"sv,
                                       "GET  / HTTP/1.1\r\n\r\n"sv,
                                       "GET / HTTP/1.1\nHost: a\n\n"sv,
                                       "GET / HTTP/2.0\r\nHost: a\r\n\r\n"sv,
                                       "GET / HTTP/0.9\r\nHost: a\r\n\r\n"sv,
                                       "GET / http/1.1\r\nHost: a\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX: a\nb\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX\0: a\r\n\r\n"sv,
                                       "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX Y: a\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\n: a\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nnothing\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\n Host: a\r\n\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\n\rx"sv,
                                       "G\xc3\xa4T / HTTP/1.1\r\n"sv,
                                       "GET / HTTP/1.1\r\nHost: a\r\nX: \x7f\r\n\r\n"sv,
                                       "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"sv,
                                       "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"sv,
                                       "GET x HTTP/1.1\r\nHost: a\r\n\r\n"sv,
                                       "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n"sv})
    EXPECT_EQ(status_of(bytes), 400) << testing::PrintToString(bytes);
}

TEST(RequestReader, HostIsThereOnce) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), 400);
  const Heard heard = hear("GET http://real:80/x HTTP/1.1\r\nHost: other\r\n\r\n", 1000);
  ASSERT_EQ(heard.requests.size(), 1u);
  EXPECT_EQ(heard.requests[0].request.header("host"), "real:80");
  EXPECT_EQ(heard.requests[0].request.path, "/x");
}

TEST(RequestReader, LimitsHaveTheirStatus) {
  Limits limits;
  limits.target_bytes = 100;
  limits.header_bytes = 200;
  limits.headers = 5;
  limits.body_bytes = 10;
  const auto get = [](size_t target) {
    return "GET /" + std::string(target - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(status_of(get(100), limits), 200);
  EXPECT_EQ(status_of(get(101), limits), 414);
  EXPECT_EQ(status_of(get(1000), limits), 414);
  EXPECT_EQ(status_of("GET /" + std::string(1000, 'a'), limits), 414);
  EXPECT_EQ(status_of(with("X: " + std::string(180, 'a') + "\r\n"), limits), 200);
  EXPECT_EQ(status_of(with("X: " + std::string(200, 'a') + "\r\n"), limits), 431);
  EXPECT_EQ(status_of(with("X: " + std::string(9000, 'a')), limits), 431);
  EXPECT_EQ(status_of(with("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n"), limits), 200);
  EXPECT_EQ(status_of(with("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n"), limits), 431);
  EXPECT_EQ(status_of(with("Content-Length: 10\r\n", "0123456789"), limits), 200);
  EXPECT_EQ(status_of(with("Content-Length: 11\r\n"), limits), 413);
  EXPECT_EQ(status_of(with("Content-Length: 1000000000\r\n"), limits), 413);
  EXPECT_EQ(status_of(with("Content-Length: 18446744073709551617\r\n"), limits), 413);  // 1 where 64 bits wrap
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "10000000000000001\r\na"), limits), 413);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n"), limits), 200);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n6\r\n56789"), limits), 413);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "1;" + std::string(500, 'a')), limits), 400);
  EXPECT_EQ(status_of(with("Transfer-Encoding: chunked\r\n", "0\r\nA: " + std::string(500, 'a')), limits), 431);
  EXPECT_EQ(status_of(with("Expect: money\r\n")), 417);
}

TEST(RequestReader, TellsWhoWaitsForA100) {
  const Limits limits;
  RequestReader reader(limits);
  const std::string head = with("Content-Length: 2\r\nExpect: 100-Continue\r\n");
  EXPECT_EQ(reader.feed("\r\n"), 2u);
  EXPECT_FALSE(reader.has_begun());
  EXPECT_EQ(reader.feed("P"), 0u);
  EXPECT_TRUE(reader.has_begun());
  EXPECT_FALSE(reader.head_is_read());
  EXPECT_EQ(reader.feed(head), head.size());
  EXPECT_TRUE(reader.head_is_read());
  EXPECT_TRUE(reader.take_expectation());
  EXPECT_FALSE(reader.take_expectation());
  EXPECT_FALSE(reader.take());
  EXPECT_EQ(reader.feed("abGET"), 2u);
  EXPECT_EQ(reader.take()->request.body, "ab");
  EXPECT_FALSE(reader.has_begun());
  EXPECT_EQ(reader.feed(with("Expect: 100-continue\r\n")), with("Expect: 100-continue\r\n").size());
  EXPECT_FALSE(reader.take_expectation());  // nothing is to come
}

TEST(RequestReader, OnlyFitIdsAreKept) {
  const auto id_of = [](const std::string& id) {
    return hear(with("X-Request-Id: " + id + "\r\n"), 1000).requests.at(0).request.id;
  };
  EXPECT_EQ(id_of("aZ09._-"), "aZ09._-");
  EXPECT_EQ(id_of(std::string(128, 'a')), std::string(128, 'a'));
  for (const std::string& id : {std::string(129, 'a'), std::string("a b"), std::string("a\tb"), std::string("<x>"),
                                std::string("\xc3\xa4"), std::string()})
    EXPECT_EQ(id_of(id), "") << id;
}

TEST(Target, IsTakenApart) {
  EXPECT_EQ(parse_target("/a%2Fb?c%20d")->path, "/a/b");
  EXPECT_EQ(parse_target("/a%2Fb?c%20d")->query, "c%20d");
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("HTTPS://h:1?x")->path, "/");
  EXPECT_EQ(parse_target("https://h:1/p?x")->authority, "h:1");
  for (const char* bad : {"", "a", "?x", "/%", "/%4", "/%g0", "/%0a", "/%7f", "http://", "http:///x", "ftp://x/"})
    EXPECT_FALSE(parse_target(bad)) << bad;
  Request request;
  request.query = "a=1&b=x%20y+z&c&=e&%64=2&a=3&bad=%g";
  EXPECT_EQ(request.parameter("a"), "1");
  EXPECT_EQ(request.parameter("b"), "x y z");
  EXPECT_EQ(request.parameter("c"), "");
  EXPECT_EQ(request.parameter("d"), "2");
  EXPECT_EQ(request.parameter("bad"), "%g");
  EXPECT_EQ(request.parameter("none"), "");
}

TEST(HeaderText, NothingBreaksOutOfAHeader) {
  const Reply reply{200,
                    "{}",
                    "application/json",
                    {{"X-Good", "a\r\nSet-Cookie: b\0c"},
                     {"Bad Name", "x"},
                     {"Bad\r\nName", "x"},
                     {"Content-Length", "7"},
                     {"", "x"}}};
  const std::string text = whole_answer(reply, AnswerFrame{"id", false, false, true});
  EXPECT_NE(text.find("X-Good: a  Set-Cookie: b\r\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("Name"), std::string::npos);
  EXPECT_NE(text.find("Content-Length: 2\r\n"), std::string::npos);
  EXPECT_EQ(text.find("Content-Length: 7"), std::string::npos);
  EXPECT_NE(text.find("Connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(text.ends_with("\r\n\r\n{}"));
  EXPECT_TRUE(whole_answer(reply, AnswerFrame{"id", true}).ends_with("\r\n\r\n"));
  EXPECT_EQ(whole_answer({204, "x"}, {}).find("Content-"), std::string::npos);
}

}  // namespace
}  // namespace mxpath::http
