#include "cli/lost_file.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/mappings.h"
#include "cli/terminal.h"

namespace mxpath::cli {
namespace {

constexpr int exit_failed = 1;
constexpr size_t stack_bytes = 64 << 10;

struct sigaction before;
std::atomic<bool> as_json = false;
std::atomic<bool> told = false;
bool bar_may_be_drawn = false, text_may_be_dim = false;
alignas(16) char stack[stack_bytes];

/// Text put together without memory of the heap, for a signal handler. One thread alone gets so far.
class Line {
 public:
  void add(std::string_view text) {
    const size_t count = std::min(text.size(), sizeof bytes_ - size_);
    std::memcpy(bytes_ + size_, text.data(), count);
    size_ += count;
  }
  /// The name of a file without control characters, for a terminal or inside a text of JSON.
  void add_name(std::string_view name, bool json) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (size_t i = 0; i < name.size(); ++i) {
      const auto byte = static_cast<unsigned char>(name[i]),
                 after = static_cast<unsigned char>(i + 1 < name.size() ? name[i + 1] : 0xff);
      const bool c1 = byte == 0xc2 && after < 0xa0;
      if (byte < 0x20 || byte == 0x7f || c1)
        add(json ? "\\\\x" : "\\x"), add(digits.substr(byte >> 4, 1)), add(digits.substr(byte & 15, 1));
      else if (json && (byte == '"' || byte == '\\')) add("\\"), add(name.substr(i, 1));
      else add(name.substr(i, 1));
    }
  }
  void write_to(int fd) {
    for (size_t done = 0; done < size_;) {
      const ssize_t count = ::write(fd, bytes_ + done, size_ - done);
      if (count <= 0) break;
      done += static_cast<size_t>(count);
    }
    size_ = 0;
  }

 private:
  char bytes_[16384];
  size_t size_ = 0;
};
Line line;

std::string_view what_happened(const MappingAt& at) {
  struct stat now {};
  const bool short_now = ::stat(at.path, &now) != 0 || static_cast<uint64_t>(now.st_size) <= at.offset;
  return short_now ? ": was cut short while it was read; put the whole file in its place and start again"
                   : ": cannot be read, the system reports an error of its disk or network drive; copy the file to "
                     "another one";
}

void tell_loss(const MappingAt& at) {
  if (text_may_be_dim) line.add("\x1b[0m\n"), line.write_to(STDOUT_FILENO);
  if (bar_may_be_drawn) line.add("\r\x1b[K");
  line.add("mxpath: "), line.add_name(at.path, false), line.add(what_happened(at)), line.add("\n");
  line.write_to(STDERR_FILENO);
  if (!as_json) return;
  line.add("{\n  \"error\": {\n    \"message\": \""), line.add_name(at.path, true), line.add(what_happened(at));
  line.add("\"\n  }\n}\n"), line.write_to(STDOUT_FILENO);
}

/// Passes the signal on to its earlier handler: as soon as this returns, the access is tried again, or the signal comes
/// again.
void pass_on(int signal, const siginfo_t* info) {
  ::sigaction(signal, &before, nullptr);
  if (info->si_code <= 0) ::raise(signal);  // sent by a process, so nothing would repeat it
}

void on_bus_error(int signal, siginfo_t* info, void*) {
  const MappingAt at = info->si_code > 0 ? mapping_at(info->si_addr) : MappingAt{};
  if (!at.path) return pass_on(signal, info);
  while (told.exchange(true)) ::pause();  // another thread is telling it, and then ends the program
  tell_loss(at);
  ::_exit(exit_failed);
}

}  // namespace

void catch_lost_files() {
  bar_may_be_drawn = understands_codes(STDERR_FILENO), text_may_be_dim = wants_colour(STDOUT_FILENO);
  const stack_t alternate{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  ::sigaltstack(&alternate, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGBUS, &action, &before);
}

void tell_lost_files_as_json() { as_json = true; }

}  // namespace mxpath::cli
