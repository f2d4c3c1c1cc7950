// Asio puts fences around handlers for threads that share an io_context; here one thread runs it, and what others post
// comes through a mutex. Thread sanitizers do not know fences, and gcc says so with a warning.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK

#include "server/http/loop.h"

#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace mxpath::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// No exception leaves the loop: one faulty callback must not end the answers of all others.
void call(const std::function<void()>& function) {
  try {
    function();
  } catch (...) {
  }
}

class AsioDescriptor final : public Descriptor, public std::enable_shared_from_this<AsioDescriptor> {
 public:
  AsioDescriptor(asio::io_context& context, int fd) : descriptor_(context, fd), fd_(fd) {}

  int fd() const override { return fd_; }
  void when_readable(std::function<void()> then) override {
    wait(asio::posix::descriptor_base::wait_read, std::move(then));
  }
  void when_writable(std::function<void()> then) override {
    wait(asio::posix::descriptor_base::wait_write, std::move(then));
  }
  void close() override {
    error_code ignored;
    closed_ = true;
    descriptor_.close(ignored);
  }

 private:
  void wait(asio::posix::descriptor_base::wait_type what, std::function<void()> then) {
    if (closed_) return;
    // An error is not looked at: whoever reads or writes next gets it.
    descriptor_.async_wait(what, [self = shared_from_this(), then = std::move(then)](error_code) {
      if (!self->closed_) call(then);
    });
  }

  asio::posix::stream_descriptor descriptor_;
  int fd_;
  bool closed_ = false;
};

/// Functions wait in a list of its own and not in Asio's: they may hold what holds the loop, and close() lets go of
/// them.
class AsioLoop final : public Loop {
 public:
  void run() override {
    thread_ = std::this_thread::get_id();
    const auto work = asio::make_work_guard(context_);
    context_.run();
    thread_ = std::thread::id();
  }
  void stop() override { context_.stop(); }
  void close() override;
  bool on_its_thread() const override { return thread_ == std::this_thread::get_id(); }
  bool post(std::function<void()> function) override;
  void every(std::chrono::milliseconds interval, std::function<void()> function) override;
  void after(std::chrono::milliseconds time, std::function<void()> function) override;
  std::shared_ptr<Descriptor> watch(int fd) override;

 private:
  void run_posted();
  void repeat(const std::shared_ptr<asio::steady_timer>& timer, std::chrono::milliseconds interval,
              std::function<void()> function);

  std::atomic<std::thread::id> thread_ = std::thread::id();
  std::mutex mutex_;
  bool open_ = true;
  std::vector<std::function<void()>> posted_;
  asio::io_context context_{1};
};

void AsioLoop::close() {
  std::vector<std::function<void()>> forgotten;  // what it holds may post while it goes
  {
    const std::lock_guard lock(mutex_);
    open_ = false;
    forgotten.swap(posted_);
  }
}

bool AsioLoop::post(std::function<void()> function) {
  const std::lock_guard lock(mutex_);
  if (!open_) return false;
  posted_.push_back(std::move(function));
  if (posted_.size() == 1) asio::post(context_, [this] { run_posted(); });
  return true;
}

void AsioLoop::run_posted() {
  std::vector<std::function<void()>> now;
  {
    const std::lock_guard lock(mutex_);
    now.swap(posted_);
  }
  for (auto& function : now) {
    call(function);
    function = nullptr;  // what it holds goes here, and not after those behind it
  }
}

void AsioLoop::repeat(const std::shared_ptr<asio::steady_timer>& timer, std::chrono::milliseconds interval,
                      std::function<void()> function) {
  timer->expires_after(interval);
  timer->async_wait([this, timer, interval, function = std::move(function)](error_code error) mutable {
    if (error) return;
    call(function);
    repeat(timer, interval, std::move(function));
  });
}

void AsioLoop::every(std::chrono::milliseconds interval, std::function<void()> function) {
  repeat(std::make_shared<asio::steady_timer>(context_), interval, std::move(function));
}

void AsioLoop::after(std::chrono::milliseconds time, std::function<void()> function) {
  const auto timer = std::make_shared<asio::steady_timer>(context_, time);
  timer->async_wait([timer, function = std::move(function)](error_code error) {
    if (!error) call(function);
  });
}

std::shared_ptr<Descriptor> AsioLoop::watch(int fd) {
  try {
    return std::make_shared<AsioDescriptor>(context_, fd);
  } catch (const std::exception&) {
    ::close(fd);
    return nullptr;
  }
}

}  // namespace

std::shared_ptr<Loop> Loop::make() { return std::make_shared<AsioLoop>(); }

}  // namespace mxpath::http
