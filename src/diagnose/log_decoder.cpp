#include "diagnose/log_decoder.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.h"

namespace mxpath::diagnose {
namespace {

constexpr size_t piece = 256 * 1024;
constexpr size_t most_zeros =
    64 << 20;  // before the first character: a log that was emptied while it was written may begin with some
constexpr int most_wrappings = 3;  // gzip in gzip
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

struct Kind {
  std::string_view name, start, advice;
};
using namespace std::string_view_literals;  // the marks hold zero bytes
constexpr std::string_view bzip2 = "a bzip2 archive", zlib_data = "zlib data";
constexpr Kind kinds[] = {{"a zstd archive", "\x28\xb5\x2f\xfd"sv, "unpack it first: zstd -dc LOG > log.txt"},
                          {"an xz archive",
                           "\xfd"
                           "7zXZ\0"sv,
                           "unpack it first: xz -dc LOG > log.txt"},
                          {bzip2, "BZh1"sv, "unpack it first: bzip2 -dc LOG > log.txt"},
                          {"a zip archive", "PK\x03\x04"sv, "unpack it first: unzip -p LOG > log.txt"},
                          {"a zip archive", "PK\x05\x06"sv, "unpack it first: unzip -p LOG > log.txt"},
                          {"a zip archive", "PK\x07\x08"sv, "unpack it first: unzip -p LOG > log.txt"},
                          {"a 7z archive", "7z\xbc\xaf\x27\x1c"sv, "unpack it first: 7z e -so LOG > log.txt"},
                          {"a rar archive", "Rar!\x1a\x07"sv, "unpack it first: unrar p -inul LOG > log.txt"},
                          {"an lz4 archive", "\x04\x22\x4d\x18"sv, "unpack it first: lz4 -dc LOG > log.txt"},
                          {"an lzip archive", "LZIP\x01"sv, "unpack it first: lzip -dc LOG > log.txt"},
                          {"an lzop archive", "\x89LZO\0\r\n\x1a\n"sv, "unpack it first: lzop -dc LOG > log.txt"},
                          {"a compress (.Z) archive", "\x1f\x9d"sv, "unpack it first: uncompress -c LOG > log.txt"},
                          {"an lzma archive", "\x5d\0\0"sv, "unpack it first: xz --format=lzma -dc LOG > log.txt"},
                          {zlib_data, {}, "unpack it first: zlib-flate -uncompress < LOG > log.txt"},
                          {"a systemd journal", "LPKSHHRH"sv, "print it first: journalctl --file LOG > log.txt"},
                          {"a PDF document", "%PDF-"sv, "save its text first: pdftotext LOG log.txt"},
                          {"a picture (PNG)", "\x89PNG\r\n\x1a\n"sv, "copy the text itself from where it was shown"},
                          {"a picture (JPEG)", "\xff\xd8\xff"sv, "copy the text itself from where it was shown"},
                          {"a program or a core dump (ELF)",
                           "\x7f"
                           "ELF"sv,
                           "name the log that it wrote"},
                          {"a GGUF model", "GGUF\x03\0\0\0"sv, "name the log of the program that read it"}};

/// bzip2's mark ends in a digit, and the mark of its first block follows: "BZh1" may also begin a line of text.
bool is_bzip2(std::string_view bytes) {
  return bytes.size() >= 4 && bytes.substr(0, 3) == "BZh" && bytes[3] >= '1' && bytes[3] <= '9' &&
         (bytes.size() == 4 || bytes[4] == '\x31' || bytes[4] == '\x17');
}

/// zlib has no mark, only a header that some text has too ("x^2"): a part of it must unpack.
bool is_zlib(std::string_view bytes) {
  if (bytes.size() < 8 || (bytes[0] & 0x0f) != 8) return false;
  z_stream stream = {};
  char out[64];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out);
  stream.avail_out = sizeof out;
  if (inflateInit2(&stream, 15) != Z_OK) return false;
  const int code = inflate(&stream, Z_SYNC_FLUSH);
  inflateEnd(&stream);
  return code == Z_STREAM_END || (code == Z_OK && stream.avail_out == 0);
}

/// What the bytes begin that is no text, null where nothing is recognised.
const Kind* kind_of(std::string_view bytes) {
  for (const Kind& kind : kinds) {
    const bool is = kind.name == bzip2       ? is_bzip2(bytes)
                    : kind.name == zlib_data ? is_zlib(bytes)
                                             : bytes.substr(0, kind.start.size()) == kind.start;
    if (is) return &kind;
  }
  return nullptr;
}

/// Control characters that no log has stand among the first bytes: about one in ten of random or packed bytes is one. A
/// run of zeros counts once (a log that was cut while it was written begins with one), bytes above 127 do not count
/// (older encodings), and the zeros of a tar are let in.
bool is_binary(std::string_view bytes) {
  constexpr size_t tar_mark = 257;
  if (bytes.size() > tar_mark && bytes.substr(tar_mark, 5) == "ustar") return false;
  size_t odd = 0, counted = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<uint8_t>(bytes[i]);
    if (c == 0 && i > 0 && bytes[i - 1] == 0) continue;
    ++counted;
    odd += c == 0x7f || (c < 0x20 && !(c >= 0x07 && c <= 0x0f) && c != 0x1b);
  }
  return odd >= 4 && odd * 50 > counted;
}

bool is_gzip(std::string_view bytes) { return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b'; }

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
  std::unique_ptr<State> outer;  // the gzip in which this one lay
  size_t zeros = 0;              // so far, while there was nothing else
  bool blank = true;
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
    if (!is_gzip(raw) || !open_gzip()) return raw;
    gzip = true;
    take_raw();
    return inflate_piece() ? std::string_view(inflated) : std::string_view();
  }

  /// Nothing but zeros, and no end of them: a device or an empty disk.
  bool only_zeros(std::string_view bytes) {
    blank = blank && bytes.find_first_not_of('\0') == std::string_view::npos;
    return blank && (zeros += bytes.size()) > most_zeros;
  }

  // Half a unit, or a surrogate without its second half, at the very end.
  void finish_utf16() {
    if (encoding != Encoding::utf8 && (!odd.empty() || half_pair) && ending == Ending::whole)
      ending = Ending::cut_short;
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
      append_utf8(text, unit >= 0xd800 && unit < 0xe000
                            ? 0xfffd
                            : unit);  // surrogates: no signature lies outside the first plane
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

Result<std::string_view> LogDecoder::start() {
  std::string_view bytes = state_->start();
  for (int depth = 1; state_->gzip && is_gzip(bytes); ++depth) {
    if (depth > most_wrappings)
      return fail("the log is gzip inside gzip, {} times; unpack it first: gzip -dc LOG > log.txt.gz", depth);
    auto inner = std::make_unique<State>();
    inner->outer = std::move(state_);
    inner->source = [outer = inner->outer.get(), rest = bytes](char* buffer, size_t capacity) mutable {
      if (rest.empty()) rest = outer->next_bytes();
      const size_t count = std::min(capacity, rest.size());
      if (count) std::memcpy(buffer, rest.data(), count);
      rest.remove_prefix(count);
      return count;
    };
    state_ = std::move(inner);
    bytes = state_->start();
  }
  if (bytes.empty() && state_->ending == Ending::damaged)
    return fail(
        "the log looks like gzip but cannot be decompressed: the file is damaged; copy it again from where it was "
        "written");
  if (const Kind* kind = kind_of(bytes))
    return fail("the log is {}{}, which is not read here; {}", kind->name,
                state_->gzip || state_->outer ? " inside gzip" : "", kind->advice);
  size_t skip = 0;
  state_->encoding = detect(bytes, skip);
  if (state_->encoding == Encoding::utf8 && is_binary(bytes))
    return fail("the log is no text but binary data of an unknown kind; name the text that the program printed");
  return bytes.substr(skip);
}

Result<std::string_view> LogDecoder::next() {
  bool first = !state_->started;
  std::string_view bytes;
  if (first) {
    MXPATH_TRY(bytes, start());
  } else {
    bytes = state_->next_bytes();
  }
  State& s = *state_;
  // A piece may hold nothing but a byte order mark or half a unit: read on until there is text or the end.
  for (;; bytes = s.next_bytes(), first = false) {
    if (bytes.empty() && first) continue;
    if (bytes.empty()) return s.finish_utf16(), std::string_view();
    if (s.only_zeros(bytes))
      return fail(
          "the log is no text: it begins with more than {} MiB of zeros; if text follows, take them out: tr -d '\\000' "
          "< LOG > log.txt",
          most_zeros >> 20);
    if (s.encoding == Encoding::utf8) return bytes;
    if (!s.from_utf16(bytes).empty()) return std::string_view(s.text);
  }
}

Ending LogDecoder::ending() const {
  const State* state = state_.get();
  while (state->ending == Ending::whole && state->outer) state = state->outer.get();
  return state->ending;
}

std::string LogDecoder::encoding() const {
  const std::string text = state_->encoding == Encoding::utf16le   ? "utf-16le"
                           : state_->encoding == Encoding::utf16be ? "utf-16be"
                                                                   : "plain";
  return state_->gzip || state_->outer ? "gzip" + (text == "plain" ? "" : " " + text) : text;
}

}  // namespace mxpath::diagnose
