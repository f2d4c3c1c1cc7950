#include "server/http/request_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "server/http/header_text.h"
#include "server/http/target.h"

namespace mxpath::http {
namespace {

/// Room for a method, a version and line ends beside a target.
constexpr size_t line_slack = 64;
/// Of the line before a chunk: its length, and extensions that nobody needs.
constexpr size_t chunk_line_bytes = 256;

int hex_digit(char c) {
  constexpr std::string_view digits = "0123456789abcdef";
  const size_t at = digits.find(lower_case(c));
  return at == digits.npos ? -1 : static_cast<int>(at);
}

/// Why a byte may not stand behind `before` in a line; "" where it may.
std::string_view fault_of(char byte, char before) {
  const auto value = static_cast<unsigned char>(byte);
  if ((byte == '\n') != (before == '\r')) return "a line does not end with CR LF, or has one of the two inside";
  if ((value < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || value == 0x7f)
    return "there is a control character before the body; this port speaks plain HTTP/1.1";
  return {};
}

}  // namespace

void RequestReader::refuse(int status, std::string sentence) {
  if (!bad_) bad_ = BadRequest{status, std::move(sentence)};
}

size_t RequestReader::feed(std::string_view bytes) {
  size_t used = 0;
  while (!bad_ && state_ != State::done && used < bytes.size()) {
    const size_t count = step(bytes.substr(used));
    used += count;
    if (count == 0) break;
  }
  return used;
}

size_t RequestReader::step(std::string_view bytes) {
  if (state_ == State::blank) {  // line ends between requests, as some clients send them behind a body
    const size_t blank = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
    if (blank < bytes.size()) state_ = State::first_line;
    if (blank > 0) return blank;
  }
  return state_ == State::body || state_ == State::chunk_data ? read_data(bytes) : read_line(bytes);
}

size_t RequestReader::read_data(std::string_view bytes) {
  const size_t count = static_cast<size_t>(std::min<uint64_t>(framing_.left, bytes.size()));
  read_.request.body += bytes.substr(0, count);
  framing_.left -= count;
  if (framing_.left == 0) state_ = state_ == State::body ? State::done : State::chunk_end;
  return count;
}

/// The number of bytes of a line that is whole, with its end; else 0.
size_t RequestReader::read_line(std::string_view bytes) {
  for (; scanned_ < bytes.size(); ++scanned_) {
    const std::string_view fault = fault_of(bytes[scanned_], scanned_ > 0 ? bytes[scanned_ - 1] : '\0');
    check_length_of_line(scanned_);
    if (!fault.empty()) refuse(400, std::string(fault));
    if (bad_) return 0;
    if (bytes[scanned_] != '\n') continue;
    const size_t count = std::exchange(scanned_, 0) + 1;
    hear_line(bytes.substr(0, count - 2));
    return count;
  }
  return 0;
}

void RequestReader::check_length_of_line(size_t length) {
  switch (state_) {
    case State::first_line:
      if (length > limits_.target_bytes + line_slack)
        refuse(414, fmt::format("the target is longer than {} bytes", limits_.target_bytes));
      return;
    case State::chunk_size:
      if (length > chunk_line_bytes) refuse(400, "the line before a chunk of the body is too long");
      return;
    case State::chunk_end:
      if (length > 1) refuse(400, "a chunk of the body is longer than it says");
      return;
    default:
      if (framing_.field_bytes + length > limits_.header_bytes)
        refuse(431, fmt::format("the headers are longer than {} bytes", limits_.header_bytes));
  }
}

void RequestReader::hear_line(std::string_view line) {
  switch (state_) {
    case State::first_line: return hear_first_line(line);
    case State::fields: return line.empty() ? end_head() : hear_field(line);
    case State::chunk_size: return hear_chunk_size(line);
    case State::chunk_end:
      if (!line.empty()) return refuse(400, "a chunk of the body is longer than it says");
      state_ = State::chunk_size;
      return;
    case State::trailers:
      if (!line.empty()) return hear_field(line);
      state_ = State::done;
      return;
    default: return;
  }
}

void RequestReader::hear_first_line(std::string_view line) {
  Request& request = read_.request;
  const size_t first = std::min(line.find(' '), line.size());
  const size_t last = line.rfind(' ');
  if (!is_token(line.substr(0, first)))
    return refuse(400, "the request does not begin with a method; this port speaks plain HTTP/1.1");
  const std::string_view version = last == line.npos || last == first ? "" : line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0")
    return refuse(400, "the first line is not METHOD TARGET HTTP/1.1");
  const std::string_view target = line.substr(first + 1, last - first - 1);
  if (target.size() > limits_.target_bytes)
    return refuse(414, fmt::format("the target is longer than {} bytes", limits_.target_bytes));
  auto parts = parse_target(target);
  if (!parts || target.find_first_of(" \t") != target.npos)
    return refuse(400, "the target is no path, or has a % that two digits do not follow, or a blank");
  request.method = line.substr(0, first);
  request.target = target;
  request.path = std::move(parts->path);
  request.query = std::move(parts->query);
  framing_.target_names_host = !parts->authority.empty();
  if (framing_.target_names_host) request.headers.emplace_back("host", std::move(parts->authority));
  read_.http_1_0 = version == "HTTP/1.0";
  read_.keep_alive = !read_.http_1_0;
  state_ = State::fields;
}

void RequestReader::hear_field(std::string_view line) {
  framing_.field_bytes += line.size() + 2;
  if (++framing_.fields > limits_.headers)
    return refuse(431, fmt::format("the request has more than {}", plural(limits_.headers, "header")));
  const size_t colon = std::min(line.find(':'), line.size());
  if (colon == line.size() || !is_token(line.substr(0, colon)))
    return refuse(400, "a header is not a name, a colon and a value, or goes on in the next line");
  if (state_ == State::trailers) return;
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "content-length") hear_length(value);
  if (name == "connection") hear_connection(value);
  if (name == "host" && ++framing_.hosts > 1) refuse(400, "Host is there twice");
  if (name == "host" && framing_.target_names_host) return;  // the target's counts (RFC 9112, 3.2.2)
  if (name == "transfer-encoding") {
    if (!same_word(value, "chunked") || std::exchange(framing_.chunked, true) || read_.http_1_0)
      refuse(400, "a body may have no Transfer-Encoding but chunked, once, in HTTP/1.1");
  }
  read_.request.headers.emplace_back(name, value);
}

void RequestReader::hear_length(std::string_view value) {
  if (framing_.length) return refuse(400, "Content-Length is there twice");
  if (value.empty() || value.find_first_not_of("0123456789") != value.npos)
    return refuse(400, "Content-Length is no number");
  framing_.length = 0;
  for (const char c : value)  // a number that no limit allows stays one
    framing_.length = std::min<uint64_t>(*framing_.length * 10 + static_cast<uint64_t>(c - '0'), UINT64_MAX / 20);
}

void RequestReader::hear_connection(std::string_view value) {
  while (!value.empty()) {
    const std::string_view word = value.substr(0, value.find(','));
    value.remove_prefix(std::min(value.size(), word.size() + 1));
    if (same_word(trimmed(word), "close")) read_.keep_alive = false;
    if (same_word(trimmed(word), "keep-alive") && read_.http_1_0) read_.keep_alive = true;
  }
}

void RequestReader::end_head() {
  if (framing_.hosts == 0 && !read_.http_1_0) return refuse(400, "Host is missing, which HTTP/1.1 wants");
  if (framing_.length && framing_.chunked) return refuse(400, "Content-Length stands beside Transfer-Encoding");
  if (framing_.length.value_or(0) > limits_.body_bytes)
    return refuse(413, fmt::format("the body is longer than {}", human_bytes(double(limits_.body_bytes))));
  const std::string_view id = read_.request.header("x-request-id");
  if (is_fit_id(id)) read_.request.id = id;
  const std::string_view expected = read_.request.header("expect");
  if (!expected.empty() && !read_.http_1_0) {
    if (!same_word(expected, "100-continue")) return refuse(417, "nothing may be expected but 100-continue");
    framing_.expects_continue = framing_.chunked || framing_.length.value_or(0) > 0;
  }
  framing_.left = framing_.length.value_or(0);
  state_ = framing_.chunked ? State::chunk_size : framing_.left > 0 ? State::body : State::done;
}

void RequestReader::hear_chunk_size(std::string_view line) {
  size_t digits = 0;
  framing_.left = 0;
  for (; digits < line.size() && hex_digit(line[digits]) >= 0; ++digits)
    framing_.left =
        std::min<uint64_t>(framing_.left * 16 + static_cast<uint64_t>(hex_digit(line[digits])), UINT64_MAX / 32);
  const std::string_view rest = trimmed(line.substr(digits));
  if (digits == 0 || (!rest.empty() && rest.front() != ';'))
    return refuse(400, "a chunk of the body does not begin with its length in hexadecimal digits");
  if (framing_.left > limits_.body_bytes - std::min(limits_.body_bytes, read_.request.body.size()))
    return refuse(413, fmt::format("the body is longer than {}", human_bytes(double(limits_.body_bytes))));
  state_ = framing_.left > 0 ? State::chunk_data : State::trailers;
}

bool RequestReader::take_expectation() { return std::exchange(framing_.expects_continue, false); }

std::optional<ReadRequest> RequestReader::take() {
  if (bad_ || state_ != State::done) return {};
  state_ = State::blank;
  framing_ = {};
  return std::exchange(read_, {});
}

}  // namespace mxpath::http
