#include "diagnose/log_scan.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "diagnose/compiled_signatures.h"
#include "diagnose/log_facts.h"
#include "diagnose/pattern.h"
#include "diagnose/phrase_search.h"

namespace mxpath::diagnose {
namespace {

constexpr size_t lines_before = 14, lines_after = 8, ring_size = lines_before + lines_after + 2;
constexpr size_t near_before = 4;  // what a pattern sees first; the wider window only if that fails
constexpr int looks_for_each_row = 3000, looks_in_all = 40000;
constexpr size_t most_processes = 64;
constexpr size_t lines_of_remedy = 6, statement_limit = LineSplitter::longest;

struct RecentLine {
  size_t number = 0, prefix = 0;
  Level level = Level::unmarked;
  bool continues = false;  // a piece of the line before
  std::string text;
};

struct Pending {
  uint32_t row, phrase;
  size_t sequence;
  size_t offset;  // in the line, behind the phrase
};

/// The lines of one process, apart from those of the others.
struct Stream {
  PhraseSearch::State state = 0;
  size_t next = 0;  // sequence number of the next line
  std::array<RecentLine, ring_size> recent;
  std::vector<Pending> pending;
  RecentLine& at(size_t sequence) { return recent[sequence % ring_size]; }
};

/// The lines around a hit as one normalised text, with the way back to line numbers.
struct Window {
  std::string text;
  std::vector<std::pair<size_t, size_t>> starts;  // offset in text, sequence number
};

Window window_of(Stream& stream, size_t first, size_t last, std::string_view joint) {
  Window window;
  for (size_t s = first; s <= last; ++s) {
    const RecentLine& line = stream.at(s);
    window.starts.emplace_back(window.text.size(), s);
    window.text += normalised(std::string_view(line.text).substr(line.prefix));
    window.text += joint;
  }
  return window;
}

/// The first and the last line of evidence, as sequence numbers.
struct EvidenceLines {
  size_t first = 0, last = 0;
};

class Scanner {
 public:
  Scanner() : table_(compiled_signatures()), state_of_row_(table_.rows.size()) { current_ = &streams_[0]; }

  void line(const LinePiece& piece) {
    LinePrefix prefix;
    if (!piece.continues) {
      prefix = prefix_of(piece.text);
      choose_stream(prefix);
    }
    Stream& stream = *current_;
    const size_t sequence = stream.next++;
    RecentLine& kept = stream.at(sequence);
    kept.number = piece.number;
    kept.prefix = prefix.length;
    kept.level = prefix.level;
    kept.continues = piece.continues;
    kept.text.assign(piece.text);
    // A line end is no white space inside a word, but the automaton skips white space anyway: wrapped phrases are
    // found.
    stream.state = table_.search->feed(stream.state, piece.text.substr(prefix.length),
                                       [&](uint32_t phrase, size_t offset) { hit(stream, phrase, sequence, offset); });
    look_at_frame(kept);
    note_width(kept.text.size());
    if (prefix.level == Level::error && result_.error_level.size() < 64)
      result_.error_level.push_back({kept.number, excerpt(kept.text, prefix.length)});
    settle(stream, stream.next > lines_after ? stream.next - lines_after : 0);
  }

  ScanResult finish() {
    for (auto& [tag, stream] : streams_) settle(stream, ~size_t{0});
    for (uint32_t r = 0; r < table_.rows.size(); ++r) {
      RowState& state = state_of_row_[r];
      if (state.firm) result_.found.push_back(std::move(*state.firm));
      else if (state.warned) result_.found.push_back(std::move(*state.warned));
    }
    return std::move(result_);
  }

 private:
  struct RowState {
    std::optional<Found> firm, warned;
    int looks = 0;
    size_t last_sequence = ~size_t{0};
    const Stream* last_stream = nullptr;
  };

  void choose_stream(const LinePrefix& prefix) {
    if (prefix.process == 0 && prefix.length == 0) return;  // the rest of a wrapped line
    if (prefix.process == 0 && !prefix.dated && prefix.level == Level::unmarked) return;
    const auto found = streams_.find(prefix.process);
    if (found != streams_.end()) current_ = &found->second;
    else current_ = streams_.size() < most_processes ? &streams_[prefix.process] : &streams_[0];
  }

  void hit(Stream& stream, uint32_t phrase, size_t sequence, size_t offset) {
    const uint32_t r = table_.row_of_phrase[phrase];
    if (r == table_.rows.size()) {
      if (facts_asked_ < 4000 && (fact_stream_ != &stream || fact_sequence_ != sequence)) {
        ++facts_asked_;
        fact_stream_ = &stream;
        fact_sequence_ = sequence;
        read_facts(normalised(stream.at(sequence).text), result_);
      }
      return;
    }
    RowState& state = state_of_row_[r];
    const Signature& row = *table_.rows[r].row;
    if (state.firm || (row.kind == Kind::context && result_.contexts.has(row.sets) && !(row.sets == Context::failure)))
      return;
    if (state.last_stream == &stream && state.last_sequence == sequence) return;
    if (state.looks >= looks_for_each_row || looks_ >= looks_in_all) return;
    state.last_stream = &stream;
    state.last_sequence = sequence;
    ++state.looks;
    ++looks_;
    stream.pending.push_back({r, phrase, sequence, offset});
  }

  // Looks at hits whose following lines are there.
  void settle(Stream& stream, size_t before) {
    size_t kept = 0;
    for (size_t i = 0; i < stream.pending.size(); ++i) {
      const Pending pending = stream.pending[i];
      if (pending.sequence >= before) stream.pending[kept++] = pending;
      else if (!state_of_row_[pending.row].firm) examine(stream, pending);
    }
    stream.pending.resize(kept);
  }

  void examine(Stream& stream, const Pending& pending) {
    const CompiledSignatures::Row& row = table_.rows[pending.row];
    Found found{row.row, 0, Level::unmarked, {}, {}, {}};
    EvidenceLines lines;
    const bool matches = row.pattern ? find_pattern(stream, pending, *row.pattern, found, lines)
                                     : find_phrase(stream, pending, found, lines);
    if (!matches) return;
    const bool aside = found.level == Level::debug || found.level == Level::info;
    if (aside && !row.row->any_level) return;
    if (row.row->kind == Kind::context) return set_context(stream, *row.row, found, lines);
    if (row.row->kind == Kind::finding) found.statement = statement_of(stream, lines);
    RowState& state = state_of_row_[pending.row];
    if (found.level == Level::warning && !row.row->any_level) {
      if (!state.warned) state.warned = std::move(found);
    } else if (!state.firm) {
      state.firm = std::move(found);
    }
  }

  void set_context(Stream& stream, const Signature& row, const Found& found, const EvidenceLines& lines) {
    if (row.sets == Context::failure && !found.evidence.empty() && earlier(found, result_.error_line)) {
      result_.error_line = found.evidence.front();
      result_.error_statement = statement_of(stream, lines);
    }
    if (row.meaning == Meaning::exception && !found.evidence.empty() && earlier(found, result_.exception)) {
      result_.exception = found.evidence.back();
      result_.exception_statement = statement_of(stream, {lines.last, lines.last});
    }
    result_.contexts.add(row.sets);
  }

  static bool earlier(const Found& found, const Evidence& other) { return other.line == 0 || found.line < other.line; }

  static size_t first_of(const Stream& stream, const Pending& pending, size_t before) {
    const size_t oldest = stream.next > ring_size ? stream.next - ring_size : 0;
    return std::max(oldest, pending.sequence > before ? pending.sequence - before : 0);
  }

  bool find_pattern(Stream& stream, const Pending& pending, const Pattern& pattern, Found& found,
                    EvidenceLines& lines) {
    const size_t last = std::min(stream.next - 1, pending.sequence + lines_after);
    PatternMatch match;
    for (const size_t before : {near_before, lines_before})
      for (const std::string_view joint : {std::string_view("\n"), std::string_view()}) {
        const Window window = window_of(stream, first_of(stream, pending, before), last, joint);
        if (!pattern.find(window.text, match)) continue;
        prefer_message(stream, window, pattern, match);
        lines = add_evidence(stream, window, match.begin, match.end, found);
        found.groups = std::move(match.groups);
        return true;
      }
    return false;
  }

  // Python prints the line of code that raised before the message: the message is what was said.
  static bool is_code(const RecentLine& line) {
    std::string_view text = std::string_view(line.text).substr(line.prefix);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    return text.substr(0, 6) == "raise " || text.substr(0, 7) == "assert ";
  }

  static bool in_code(Stream& stream, const Window& window, size_t offset) {
    size_t sequence = window.starts.front().second;
    for (const auto& [start, s] : window.starts)
      if (start <= offset) sequence = s;
    return is_code(stream.at(sequence));
  }

  static void prefer_message(Stream& stream, const Window& window, const Pattern& pattern, PatternMatch& match) {
    if (!in_code(stream, window, match.begin)) return;
    PatternMatch later;
    const size_t passed = match.end;
    if (!pattern.find(std::string_view(window.text).substr(passed), later)) return;
    later.begin += passed;
    later.end += passed;
    if (!in_code(stream, window, later.begin)) match = std::move(later);
  }

  // The phrase ends in this line; it may begin in one before it.
  bool find_phrase(Stream& stream, Pending pending, Found& found, EvidenceLines& lines) {
    const std::string& wanted = table_.phrases[pending.phrase];
    for (size_t s = pending.sequence + 1;
         is_code(stream.at(pending.sequence)) && s < stream.next && s <= pending.sequence + 2; ++s)
      if (!is_code(stream.at(s)) && squeeze(stream.at(s).text).find(wanted) != std::string::npos)
        pending = {pending.row, pending.phrase, s, 0};
    size_t first = pending.sequence;
    const size_t oldest = first_of(stream, pending, near_before);
    std::string seen = squeeze(std::string_view(stream.at(first).text).substr(stream.at(first).prefix));
    while (seen.find(wanted) == std::string::npos && first > oldest) {
      --first;
      seen = squeeze(std::string_view(stream.at(first).text).substr(stream.at(first).prefix)) + seen;
    }
    for (size_t s = first; s <= pending.sequence; ++s) {
      const RecentLine& line = stream.at(s);
      found.evidence.push_back(
          {line.number, excerpt(line.text, s == pending.sequence ? line.prefix + pending.offset : line.text.size())});
    }
    lines = {first, pending.sequence};
    found.line = stream.at(first).number;
    found.level = level_at(stream, first);
    if (found.level == Level::unmarked) found.level = level_at(stream, pending.sequence);
    return true;
  }

  EvidenceLines add_evidence(Stream& stream, const Window& window, size_t begin, size_t end, Found& found) {
    EvidenceLines lines;
    for (size_t i = 0; i < window.starts.size(); ++i) {
      const size_t line_end = i + 1 < window.starts.size() ? window.starts[i + 1].first : window.text.size() + 1;
      if (line_end <= begin || window.starts[i].first >= std::max(end, begin + 1)) continue;
      const RecentLine& line = stream.at(window.starts[i].second);
      if (found.evidence.empty()) {
        found.line = line.number;
        lines.first = window.starts[i].second;
      }
      lines.last = window.starts[i].second;
      if (found.level == Level::unmarked) found.level = level_at(stream, window.starts[i].second);
      const size_t focus = line.prefix + (begin > window.starts[i].first ? begin - window.starts[i].first : 0);
      const Evidence evidence{line.number, excerpt(line.text, focus)};
      if (found.evidence.size() < 4) found.evidence.push_back(evidence);
      else found.evidence.back() = evidence;  // keep the first three and the last
    }
    return lines;
  }

  // The lines of evidence and those of the same record behind them, in which a remedy may stand.
  std::string statement_of(Stream& stream, const EvidenceLines& lines) {
    std::string text;
    const Level level = level_at(stream, lines.first);
    for (size_t s = lines.first; s < stream.next && s <= lines.last + lines_of_remedy; ++s) {
      const RecentLine& line = stream.at(s);
      const bool rest = s > lines.first && line.prefix == 0 && line.level == Level::unmarked;
      if (s > lines.last && !rest && line.level != level) break;
      const std::string message = message_text(std::string_view(line.text).substr(line.prefix));
      if (s > lines.last && begins_another(message)) break;
      if (s > lines.first) text += joint(stream.at(s - 1), line, rest);
      text += message;
      if (text.size() > statement_limit) break;
    }
    return text;
  }

  static bool begins_another(std::string_view message) {
    for (std::string_view start :
         {"Traceback (most recent call last)", "During handling of", "The above exception was"})
      if (message.find(start) != std::string_view::npos) return true;
    return false;
  }

  // Lines that a terminal cut are put together again; where that is not certain, nothing is read across the joint.
  std::string_view joint(const RecentLine& before, const RecentLine& line, bool rest) const {
    if (line.continues) return "";
    if (!rest || before.text.size() != width_) return "\n";
    return lines_of_width_ >= 2 ? "" : uncertain_joint;
  }

  // A terminal's width shows as the greatest length, met more than once.
  void note_width(size_t length) {
    if (length > width_ && length <= 400) {
      width_ = length;
      lines_of_width_ = 0;
    }
    lines_of_width_ += length == width_;
  }

  // The rest of a hard-wrapped line has the level of the line that it continues.
  Level level_at(Stream& stream, size_t sequence) {
    const size_t oldest = first_of(stream, {0, 0, sequence, 0}, lines_before);
    while (true) {
      const RecentLine& line = stream.at(sequence);
      if (line.level != Level::unmarked || line.prefix != 0 || sequence <= oldest) return line.level;
      if (lines_of_width_ < 2 || stream.at(sequence - 1).text.size() != width_) return Level::unmarked;
      --sequence;
    }
  }

  void look_at_frame(const RecentLine& line) {
    if (result_.has_frames || line.text.size() < line.prefix + 8) return;
    const std::string_view text = std::string_view(line.text).substr(line.prefix, 24);
    const size_t at = text.find("File \"");
    result_.has_frames = at != std::string_view::npos && text.find_first_not_of(' ') == at;
  }

  const CompiledSignatures& table_;
  std::vector<RowState> state_of_row_;
  std::unordered_map<uint64_t, Stream> streams_;
  Stream* current_ = nullptr;
  ScanResult result_;
  int looks_ = 0, facts_asked_ = 0;
  size_t width_ = 0, lines_of_width_ = 0;
  const Stream* fact_stream_ = nullptr;
  size_t fact_sequence_ = 0;
};

}  // namespace

Result<ScanResult> scan_log(ByteSource source) {
  LogDecoder decoder(std::move(source));
  Scanner scanner;
  LineSplitter lines([&](const LinePiece& piece) { scanner.line(piece); });
  while (true) {
    MXPATH_TRY(const std::string_view text, decoder.next());
    if (text.empty()) break;
    lines.feed(text);
  }
  lines.finish();
  ScanResult result = scanner.finish();
  result.lines = lines.lines() - 1;
  result.encoding = decoder.encoding();
  result.ending = decoder.ending();
  return result;
}

}  // namespace mxpath::diagnose
