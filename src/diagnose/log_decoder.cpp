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

struct Archive {
  std::string_view name, start, unpack;
};
using namespace std::string_view_literals;  // the marks hold zero bytes
constexpr Archive archives[] = {{"zstd", "\x28\xb5\x2f\xfd"sv, "zstd -dc LOG > log.txt"},
                                {"xz",
                                 "\xfd"
                                 "7zXZ\0"sv,
                                 "xz -dc LOG > log.txt"},
                                {"bzip2", "BZh1"sv, "bzip2 -dc LOG > log.txt"},
                                {"zip", "PK\x03\x04"sv, "unzip -p LOG > log.txt"},
                                {"zip", "PK\x05\x06"sv, "unzip -p LOG > log.txt"},
                                {"zip", "PK\x07\x08"sv, "unzip -p LOG > log.txt"},
                                {"7z", "7z\xbc\xaf\x27\x1c"sv, "7z e -so LOG > log.txt"},
                                {"rar", "Rar!\x1a\x07"sv, "unrar p -inul LOG > log.txt"},
                                {"lz4", "\x04\x22\x4d\x18"sv, "lz4 -dc LOG > log.txt"},
                                {"lzip", "LZIP\x01"sv, "lzip -dc LOG > log.txt"},
                                {"lzop", "\x89LZO\0\r\n\x1a\n"sv, "lzop -dc LOG > log.txt"},
                                {"compress (.Z)", "\x1f\x9d"sv, "uncompress -c LOG > log.txt"},
                                {"lzma", "\x5d\0\0"sv, "xz --format=lzma -dc LOG > log.txt"}};

/// bzip2's mark ends in a digit, and the mark of its first block follows: "BZh1" may also begin a line of text.
bool is_bzip2(std::string_view bytes) {
  return bytes.size() >= 4 && bytes.substr(0, 3) == "BZh" && bytes[3] >= '1' && bytes[3] <= '9' &&
         (bytes.size() == 4 || bytes[4] == '\x31' || bytes[4] == '\x17');
}

/// The kind of archive that the bytes begin, null for text.
const Archive* archive_of(std::string_view bytes) {
  for (const Archive& archive : archives) {
    const bool is = archive.name == "bzip2" ? is_bzip2(bytes) : bytes.substr(0, archive.start.size()) == archive.start;
    if (is) return &archive;
  }
  return nullptr;
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

std::string_view name_of(Ending ending) {
  constexpr std::string_view names[] = {"whole", "cut_short", "damaged", "trailing"};
  return names[static_cast<size_t>(ending)];
}

struct LogDecoder::State {
  ByteSource source;
  std::string raw, inflated, text;
  std::string odd;  // half of a UTF-16 unit
  Encoding encoding = Encoding::unknown;
  Ending ending = Ending::whole;
  bool gzip = false, started = false, ended = false, stream_open = false, another_member = false, half_pair = false;
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

  bool refill() {
    if (read_raw() == 0) return false;
    take_raw();
    return true;
  }

  void take_raw() {
    stream.next_in = reinterpret_cast<Bytef*>(raw.data());
    stream.avail_in = static_cast<uInt>(raw.size());
  }

  bool open_gzip() {
    stream_open = inflateInit2(&stream, 15 + 16) == Z_OK;
    stream.avail_in = 0;
    return stream_open;
  }

  void end(Ending how) { ended = true, ending = how; }

  // Behind a member: another one, zeros (tapes and some archivers pad with them), or something that is no gzip.
  void look_behind_member() {
    bool padded = false;
    do {
      while (stream.avail_in > 0 && *stream.next_in == 0) ++stream.next_in, --stream.avail_in, padded = true;
    } while (stream.avail_in == 0 && refill());
    if (stream.avail_in == 0) return end(Ending::whole);
    if (padded || *stream.next_in != 0x1f) return end(Ending::trailing);
    inflateReset(&stream);
    another_member = true;
  }

  void note(int code) {
    if (code == Z_STREAM_END) return look_behind_member();
    if (code == Z_OK || code == Z_BUF_ERROR) return;
    // No header of gzip where the second member should begin.
    end(another_member && stream.total_out == 0 && stream.total_in < 10 ? Ending::trailing : Ending::damaged);
  }

  // One piece of inflated bytes; several gzip members may follow each other.
  bool inflate_piece() {
    inflated.resize(piece);
    stream.next_out = reinterpret_cast<Bytef*>(inflated.data());
    stream.avail_out = piece;
    while (stream.avail_out > 0 && !ended) {
      if (stream.avail_in == 0 && !refill()) end(Ending::cut_short);
      else note(inflate(&stream, Z_NO_FLUSH));
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
    if (raw.size() < 2 || raw[0] != '\x1f' || raw[1] != '\x8b' || !open_gzip()) return raw;
    gzip = true;
    take_raw();
    return inflate_piece() ? std::string_view(inflated) : std::string_view();
  }

  // Half a unit, or a surrogate without its second half, at the very end.
  void finish_utf16() {
    if (encoding != Encoding::utf8 && (!odd.empty() || half_pair) && ending == Ending::whole) ending = Ending::cut_short;
  }

  std::string_view from_utf16(std::string_view bytes) {
    text.clear();
    odd.append(bytes);
    const size_t units = odd.size() / 2;
    const int high = encoding == Encoding::utf16le ? 1 : 0;
    for (size_t i = 0; i < units; ++i) {
      const uint32_t unit = static_cast<uint32_t>(static_cast<uint8_t>(odd[2 * i + static_cast<size_t>(high)])) << 8 |
                            static_cast<uint8_t>(odd[2 * i + static_cast<size_t>(1 - high)]);
      half_pair = unit >= 0xd800 && unit < 0xdc00;
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
    if (bytes.empty() && s.ending == Ending::damaged)
      return fail("the log looks like gzip but cannot be decompressed: the file is damaged; copy it again from where it was written");
    if (const Archive* other = s.gzip ? nullptr : archive_of(bytes))
      return fail("the log is a {} archive, which is not read here; unpack it first: {}", other->name, other->unpack);
    size_t skip = 0;
    s.encoding = detect(bytes, skip);
    bytes.remove_prefix(skip);
  }
  if (s.encoding == Encoding::utf8 && !bytes.empty()) return bytes;
  // A piece may hold nothing but a byte order mark or half a unit: read on until there is text or the end.
  while (true) {
    if (!bytes.empty() && s.encoding != Encoding::utf8 && !s.from_utf16(bytes).empty()) return std::string_view(s.text);
    bytes = s.next_bytes();
    if (bytes.empty()) return s.finish_utf16(), std::string_view();
    if (s.encoding == Encoding::utf8) return bytes;
  }
}

Ending LogDecoder::ending() const { return state_->ending; }

std::string LogDecoder::encoding() const {
  const std::string text = state_->encoding == Encoding::utf16le   ? "utf-16le"
                           : state_->encoding == Encoding::utf16be ? "utf-16be"
                                                                   : "plain";
  return state_->gzip ? "gzip" + (text == "plain" ? "" : " " + text) : text;
}

}  // namespace mxpath::diagnose
