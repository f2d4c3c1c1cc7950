#include "kv/prefix_file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <utility>

#include "base/system_file.h"
#include "base/text.h"
#include "checkpoint/new_file.h"
#include "kv/prefix_nodes.h"
#include "kv/xxh3.h"

namespace mxpath {
namespace {

// A header, the nodes (prefix_nodes), then the pages of each node in the order of the groups, as the memory has them,
// and the XXH3 of all that. Numbers are little-endian, as on all that this program runs on.

constexpr std::string_view magic = "mxpathKV";
constexpr uint64_t format_version = 1;
constexpr size_t piece_bytes = size_t{1} << 20;
/// A pool may have become smaller since the file was written, but what is that many times as large is something else.
constexpr uint64_t most_nodes_per_page = 16;

struct Header {
  std::array<char, magic.size()> magic_bytes = {};
  uint64_t version = format_version;
  uint64_t program = 0, model = 0, paths = 0, layout = 0, kv = 0;
  uint64_t nodes = 0, node_bytes = 0;
};
static_assert(sizeof(Header) == 72, "no gaps");

Header header_of(const PrefixFileKey& key) {
  Header header{.program = key.program,
                .model = key.model,
                .paths = key.paths,
                .layout = key.layout,
                .kv = static_cast<uint64_t>(key.kv)};
  std::ranges::copy(magic, header.magic_bytes.begin());
  return header;
}

std::span<uint8_t> bytes_of(Header& header) { return {reinterpret_cast<uint8_t*>(&header), sizeof header}; }

std::string_view name_of_kv(uint64_t kv) {
  for (const NumberFormat format :
       {NumberFormat::bf16, NumberFormat::fp16, NumberFormat::fp32, NumberFormat::fp8_e4m3, NumberFormat::int8})
    if (static_cast<uint64_t>(format) == kv) return name_of(format);
  return "another format";
}

Error not_used(const std::string& path, std::string_view why) { return fail("{}: {}; it is not used", path, why); }
Error damaged(const std::string& path) { return not_used(path, "this file of prompts is damaged"); }

Status check_header(const std::string& path, const Header& have, const PrefixFileKey& key) {
  const Header want = header_of(key);
  if (have.magic_bytes != want.magic_bytes) return not_used(path, "no file of prompts that mxpath has read");
  if (have.version != want.version || have.program != want.program)
    return not_used(path, "another version of mxpath has written it");
  if (have.model != want.model)
    return not_used(path, "another model has read these prompts, or its files have changed");
  if (have.kv != want.kv)
    return not_used(path, fmt::format("its keys and values are {}, not {}", name_of_kv(have.kv), name_of(key.kv)));
  if (have.paths != want.paths)
    return not_used(path, "these prompts were read on other kernel paths, which round otherwise");
  if (have.layout != want.layout) return not_used(path, "its pages of keys and values have another layout");
  return {};
}

/// Reads from front to back and sums up what it has read.
class Reader {
 public:
  Reader(std::string path, RegularFile file)
      : path_(std::move(path)),
        file_(std::move(file.file)),
        left_(file.size),
        buffer_(std::min<uint64_t>(piece_bytes, left_)) {
    ::posix_fadvise(file_.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  /// Bytes of the file that have not been read.
  uint64_t left() const { return left_; }
  Status read(std::span<uint8_t> to) {
    if (to.size() > left_) return damaged(path_);
    left_ -= to.size();
    while (!to.empty()) {
      if (begin_ == end_) MXPATH_CHECK(fill());
      const size_t count = std::min(to.size(), end_ - begin_);
      std::memcpy(to.data(), buffer_.data() + begin_, count);
      sum_.add(to.first(count));
      begin_ += count, to = to.subspan(count);
    }
    return {};
  }
  /// Whether the rest of the file is the sum of what is before it.
  Status check_sum() {
    const uint64_t expected = sum_.value();
    uint64_t have = 0;
    if (left_ != sizeof have) return damaged(path_);
    MXPATH_CHECK(read({reinterpret_cast<uint8_t*>(&have), sizeof have}));
    return have == expected ? Status() : damaged(path_);
  }
  const std::string& path() const { return path_; }

 private:
  Status fill() {
    for (;;) {
      const ssize_t got = ::read(file_.fd(), buffer_.data(), buffer_.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return not_used(path_, fmt::format("cannot be read: {}", std::strerror(errno)));
      if (got == 0) return damaged(path_);  // cut short meanwhile
      begin_ = 0, end_ = static_cast<size_t>(got);
      return {};
    }
  }

  std::string path_;
  SystemFile file_;
  uint64_t left_;
  std::vector<uint8_t> buffer_;
  size_t begin_ = 0, end_ = 0;
  Xxh3 sum_;
};

/// Pages that nobody else holds yet.
class LoosePages {
 public:
  LoosePages(const PageShape& shape, std::span<PagePool> pools, size_t nodes)
      : shape_(shape), pools_(pools), ids_(nodes * shape.groups.size(), no_page) {}
  ~LoosePages() {
    for (size_t i = 0; i < ids_.size(); ++i)
      if (ids_[i] != no_page) pool(i).release(ids_[i]);
  }
  LoosePages(const LoosePages&) = delete;
  LoosePages& operator=(const LoosePages&) = delete;

  PageId take(size_t i, int filled) {
    ids_[i] = pool(i).take();
    pool(i).set_filled(ids_[i], filled);
    return ids_[i];
  }
  std::span<const PageId> ids() const { return ids_; }

 private:
  PagePool& pool(size_t i) { return pools_[static_cast<size_t>(shape_.groups[i % shape_.groups.size()].pool)]; }

  const PageShape& shape_;
  std::span<PagePool> pools_;
  std::vector<PageId> ids_;  // [nodes][groups]
};

/// The nodes of a file whose size is the one that they ask for.
Result<std::vector<SavedNode>> read_nodes(Reader& file, const Header& header, const PageShape& shape,
                                          std::span<const PagePool> pools, const PageBytes& pages) {
  uint64_t most = 0;
  for (const PagePool& pool : pools) most += most_nodes_per_page * static_cast<uint64_t>(pool.size());
  if (header.nodes > most || header.node_bytes > header.nodes * most_node_bytes(shape) ||
      header.node_bytes > file.left())
    return damaged(file.path());
  std::vector<uint8_t> bytes(header.node_bytes);
  MXPATH_CHECK(file.read(bytes));
  auto nodes = parse_nodes(bytes, header.nodes, shape);
  if (!nodes) return damaged(file.path());
  uint64_t expected = sizeof(uint64_t);
  for (const SavedNode& node : *nodes)
    for (size_t g = 0; g < shape.groups.size(); ++g)
      if (node.filled[g] > 0) expected += pages.size[static_cast<size_t>(shape.groups[g].pool)];
  if (expected != file.left()) return damaged(file.path());
  return std::move(*nodes);
}

Status read_pages(Reader& file, std::span<const SavedNode> nodes, const WantedPages& wanted, const PageShape& shape,
                  const PageBytes& pages, LoosePages& loose) {
  std::vector<uint8_t> page(std::ranges::max(pages.size));
  for (size_t n = 0; n < nodes.size(); ++n)
    for (size_t g = 0; g < shape.groups.size(); ++g) {
      const int filled = nodes[n].filled[g], pool = shape.groups[g].pool;
      if (filled == 0) continue;
      const auto bytes = std::span(page).first(pages.size[static_cast<size_t>(pool)]);
      MXPATH_CHECK(file.read(bytes));
      const size_t i = n * shape.groups.size() + g;
      if (wanted.pages[i]) MXPATH_CHECK(pages.write(pool, loose.take(i, filled), bytes));
    }
  return {};
}

/// Writes pieces, and sums them up.
class Writer {
 public:
  explicit Writer(NewFile file) : file_(std::move(file)) { buffer_.reserve(piece_bytes); }
  Status write(std::span<const uint8_t> bytes) {
    sum_.add(bytes);
    if (buffer_.size() + bytes.size() > piece_bytes) MXPATH_CHECK(flush());
    if (bytes.size() > piece_bytes) return file_.write(bytes);
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Status finish() {
    const uint64_t sum = sum_.value();
    MXPATH_CHECK(write({reinterpret_cast<const uint8_t*>(&sum), sizeof sum}));
    MXPATH_CHECK(flush());
    return file_.finish();
  }

 private:
  Status flush() {
    MXPATH_CHECK(file_.write(buffer_));
    buffer_.clear();
    return {};
  }

  NewFile file_;
  std::vector<uint8_t> buffer_;
  Xxh3 sum_;
};

}  // namespace

Status write_prefixes(const std::string& path, const PrefixFileKey& key, const PageShape& shape,
                      const PrefixCache& cache, const PageBytes& pages) {
  Header header = header_of(key);
  std::vector<uint8_t> nodes;
  std::vector<std::pair<int, PageId>> held;
  cache.visit([&](const PrefixCache::Entry& entry) {
    ++header.nodes;
    append_node(nodes, entry);
    for (size_t g = 0; g < entry.pages.size(); ++g)
      if (entry.pages[g].id != no_page) held.emplace_back(shape.groups[g].pool, entry.pages[g].id);
  });
  header.node_bytes = nodes.size();
  MXPATH_TRY(NewFile file, NewFile::create(path));
  Writer writer(std::move(file));
  MXPATH_CHECK(writer.write(bytes_of(header)));
  MXPATH_CHECK(writer.write(nodes));
  std::vector<uint8_t> page(std::ranges::max(pages.size));
  for (const auto& [pool, id] : held) {
    const auto bytes = std::span(page).first(pages.size[static_cast<size_t>(pool)]);
    MXPATH_CHECK(pages.read(pool, id, bytes));
    MXPATH_CHECK(writer.write(bytes));
  }
  return writer.finish();
}

Result<int64_t> read_prefixes(const std::string& path, const PrefixFileKey& key, int64_t context,
                              const PageShape& shape, std::span<PagePool> pools, PrefixCache& cache,
                              const PageBytes& pages) {
  MXPATH_TRY(RegularFile opened, open_regular_file(path));
  Reader file(path, std::move(opened));
  Header header;
  MXPATH_CHECK(file.read(bytes_of(header)));
  MXPATH_CHECK(check_header(path, header, key));
  MXPATH_TRY(const auto nodes, read_nodes(file, header, shape, pools, pages));
  const WantedPages wanted = wanted_pages(nodes, context, shape, pools);
  LoosePages loose(shape, pools, nodes.size());
  MXPATH_CHECK(read_pages(file, nodes, wanted, shape, pages, loose));
  MXPATH_CHECK(file.check_sum());
  for (const size_t end : wanted.ends) {
    SavedText text = text_of(nodes, end, shape, loose.ids());
    const SequencePages sequence(shape, pools, std::ssize(text.ids), std::move(text.tables));
    cache.insert(text.ids, sequence, nodes[end].salt);
  }
  int64_t tokens = 0;
  cache.visit([&](const PrefixCache::Entry& entry) { tokens += std::ssize(entry.tokens); });
  return tokens;
}

Status check_prefix_file(const std::string& path) {
  MXPATH_CHECK(check_new_file(path));
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  MXPATH_TRY(const RegularFile there, open_regular_file(path));
  std::array<char, magic.size()> begin = {};
  const ssize_t got = ::pread(there.file.fd(), begin.data(), begin.size(), 0);
  if (got == 0 || (got > 0 && std::string_view(begin.data(), static_cast<size_t>(got)) == magic)) return {};
  return fail("{}: holds something else than prompts that were read, and would be replaced; give another name", path);
}

}  // namespace mxpath
