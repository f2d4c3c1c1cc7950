#include "server/http/header_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace mxpath::http {
namespace {

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (lower_case(c) >= 'a' && lower_case(c) <= 'z'); }

std::string_view phrase_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

/// Not by strftime, whose words depend on the locale.
std::string date_now() {
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", days[static_cast<size_t>(utc.tm_wday)], utc.tm_mday,
                     months[static_cast<size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

/// Headers that this folder alone writes.
bool is_framing(std::string_view name) {
  constexpr std::array<std::string_view, 7> ours = {"connection", "content-length",    "content-type", "date",
                                                    "keep-alive", "transfer-encoding", "x-request-id"};
  return std::any_of(ours.begin(), ours.end(), [&](std::string_view own) { return same_word(own, name); });
}

void add_header(std::string& head, std::string_view name, std::string_view value) {
  head += name;
  head += ": ";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    head += (byte < 0x20 && c != '\t') || byte == 0x7f ? ' ' : c;
  }
  head += "\r\n";
}

std::string head_of(int status, const Headers& headers, const AnswerFrame& frame) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\n", status, phrase_of(status));
  add_header(head, "Date", date_now());
  add_header(head, "X-Request-Id", frame.id);
  if (frame.close_after) add_header(head, "Connection", "close");
  else if (frame.http_1_0) add_header(head, "Connection", "keep-alive");
  for (const auto& [name, value] : headers)
    if (is_token(name) && !is_framing(name)) add_header(head, name, value);
  return head;
}

}  // namespace

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower_case(c);
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower_case(x) == lower_case(y); });
}

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool is_token(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [&](char c) { return is_letter_or_digit(c) || others.find(c) != others.npos; });
}

bool is_fit_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

std::string whole_answer(const Reply& reply, const AnswerFrame& frame) {
  const bool has_body = reply.status >= 200 && reply.status != 204 && reply.status != 304;
  std::string out = head_of(reply.status, reply.headers, frame);
  if (has_body) {
    if (!reply.body.empty()) add_header(out, "Content-Type", reply.content_type);
    add_header(out, "Content-Length", fmt::format("{}", reply.body.size()));
  }
  out += "\r\n";
  if (has_body && !frame.head_only) out += reply.body;
  return out;
}

std::string stream_head(const Headers& headers, const AnswerFrame& frame) {
  std::string out = head_of(200, headers, frame);
  add_header(out, "Content-Type", "text/event-stream");
  add_header(out, "Cache-Control", "no-cache");
  add_header(out, "X-Accel-Buffering", "no");
  if (!frame.http_1_0) add_header(out, "Transfer-Encoding", "chunked");
  out += "\r\n";
  return out;
}

}  // namespace mxpath::http
