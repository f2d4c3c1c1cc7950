#include "diagnose/log_decoder.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace mxpath::diagnose {
namespace {

constexpr size_t piece = 256 * 1024;
enum class Encoding { unknown, utf8, utf16le, utf16be };

/// Guesses from the start of the text; `skip` is the length of the byte order mark.
Encoding detect(std::string_view start, size_t& skip) {
  const auto is = [&](std::string_view mark) { return start.substr(0, mark.size()) == mark; };
  skip = 0;
  if (is("\xff\xfe")) return skip = 2, Encoding::utf16le;
  if (is("\xfe\xff")) return skip = 2, Encoding::utf16be;
  if (is("\xef\xbb\xbf")) return skip = 3, Encoding::utf8;
  const size_t looked = std::min<size_t>(start.size(), 1024) & ~size_t{1};
  size_t zero[2] = {0, 0};
  for (size_t i = 0; i < looked; ++i) zero[i % 2] += start[i] == 0;
  if (looked >= 8 && zero[1] * 5 > looked * 2 && zero[0] * 20 < looked) return Encoding::utf16le;
  if (looked >= 8 && zero[0] * 5 > looked * 2 && zero[1] * 20 < looked) return Encoding::utf16be;
  return Encoding::utf8;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xe0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

}  // namespace

ByteSource source_of(std::string_view text) {
  return [text](char* buffer, size_t capacity) mutable {
    const size_t count = std::min(capacity, text.size());
    if (count) std::memcpy(buffer, text.data(), count);
    text.remove_prefix(count);
    return count;
  };
}

struct LogDecoder::State {
  ByteSource source;
  std::string raw, inflated, text;
  std::string odd;  // half of a UTF-16 unit
  Encoding encoding = Encoding::unknown;
  bool gzip = false, started = false, ended = false, damaged = false, stream_open = false;
  z_stream stream = {};

  size_t read_raw() {
    raw.resize(piece);
    size_t filled = 0;
    while (filled < piece) {
      const size_t count = std::min(source(raw.data() + filled, piece - filled), piece - filled);
      if (count == 0) break;
      filled += count;
      if (started) break;
    }
    raw.resize(filled);
    return filled;
  }

  bool open_gzip() {
    stream_open = inflateInit2(&stream, 15 + 32) == Z_OK;
    stream.avail_in = 0;
    return stream_open;
  }

  // One piece of inflated bytes; several gzip members may follow each other.
  bool inflate_piece() {
    inflated.resize(piece);
    stream.next_out = reinterpret_cast<Bytef*>(inflated.data());
    stream.avail_out = piece;
    while (stream.avail_out > 0) {
      if (stream.avail_in == 0) {
        if (read_raw() == 0) break;
        stream.next_in = reinterpret_cast<Bytef*>(raw.data());
        stream.avail_in = static_cast<uInt>(raw.size());
      }
      const int code = inflate(&stream, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        inflateReset(&stream);
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        damaged = ended = true;
        break;
      }
    }
    inflated.resize(piece - stream.avail_out);
    return !inflated.empty();
  }

  std::string_view next_bytes() {
    if (ended && gzip) return {};
    if (gzip) return inflate_piece() ? std::string_view(inflated) : std::string_view();
    return read_raw() ? std::string_view(raw) : std::string_view();
  }

  std::string_view start() {
    read_raw();
    started = true;
    if (raw.size() >= 3 && raw[0] == '\x1f' && raw[1] == '\x8b' && raw[2] == '\x08' && open_gzip()) {
      gzip = true;
      stream.next_in = reinterpret_cast<Bytef*>(raw.data());
      stream.avail_in = static_cast<uInt>(raw.size());
      return inflate_piece() ? std::string_view(inflated) : std::string_view();
    }
    return raw;
  }

  std::string_view from_utf16(std::string_view bytes) {
    text.clear();
    odd.append(bytes);
    const size_t units = odd.size() / 2;
    const int high = encoding == Encoding::utf16le ? 1 : 0;
    for (size_t i = 0; i < units; ++i) {
      const uint32_t unit = static_cast<uint32_t>(static_cast<uint8_t>(odd[2 * i + static_cast<size_t>(high)])) << 8 |
                            static_cast<uint8_t>(odd[2 * i + static_cast<size_t>(1 - high)]);
      append_utf8(text, unit >= 0xd800 && unit < 0xe000 ? 0xfffd : unit);  // surrogates: no signature lies outside the first plane
    }
    odd.erase(0, units * 2);
    return text;
  }

  ~State() {
    if (stream_open) inflateEnd(&stream);
  }
};

LogDecoder::LogDecoder(ByteSource source) : state_(std::make_unique<State>()) { state_->source = std::move(source); }
LogDecoder::~LogDecoder() = default;
LogDecoder::LogDecoder(LogDecoder&&) noexcept = default;

Result<std::string_view> LogDecoder::next() {
  State& s = *state_;
  const bool first = !s.started;
  std::string_view bytes = first ? s.start() : s.next_bytes();
  if (first) {
    if (bytes.empty() && s.damaged)
      return fail("the log looks like gzip but cannot be decompressed: the file is damaged; unpack it by hand");
    size_t skip = 0;
    s.encoding = detect(bytes, skip);
    bytes.remove_prefix(skip);
  }
  if (s.encoding == Encoding::utf8 && !bytes.empty()) return bytes;
  // A piece may hold nothing but a byte order mark or half a unit: read on until there is text or the end.
  while (true) {
    if (!bytes.empty() && s.encoding != Encoding::utf8 && !s.from_utf16(bytes).empty()) return std::string_view(s.text);
    bytes = s.next_bytes();
    if (bytes.empty()) return std::string_view();
    if (s.encoding == Encoding::utf8) return bytes;
  }
}

bool LogDecoder::damaged() const { return state_->damaged; }

std::string LogDecoder::encoding() const {
  const std::string text = state_->encoding == Encoding::utf16le   ? "utf-16le"
                           : state_->encoding == Encoding::utf16be ? "utf-16be"
                                                                   : "plain";
  return state_->gzip ? "gzip" + (text == "plain" ? "" : " " + text) : text;
}

}  // namespace mxpath::diagnose
