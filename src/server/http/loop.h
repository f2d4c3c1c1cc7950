// One thread that waits for descriptors, timers and what other threads want done. All of Asio is behind it.
#pragma once
#include <chrono>
#include <functional>
#include <memory>

namespace mxpath::http {

/// A descriptor that the loop waits for; it is closed with it. On the thread of the loop alone.
class Descriptor {
 public:
  virtual ~Descriptor() = default;
  virtual int fd() const = 0;
  /// Calls once, later, when reading would not block, the other side has closed, or there is an error to be read.
  virtual void when_readable(std::function<void()> then) = 0;
  virtual void when_writable(std::function<void()> then) = 0;
  /// Nothing that was asked for is called any more.
  virtual void close() = 0;
};

/// What an exception leaves is lost: whoever is called here says what went wrong in another way.
class Loop {
 public:
  static std::shared_ptr<Loop> make();
  virtual ~Loop() = default;

  /// Runs on the calling thread until stop().
  virtual void run() = 0;
  virtual void stop() = 0;
  /// Nothing is taken or done any more; what waited is forgotten.
  virtual void close() = 0;
  /// Whether the caller is on the thread that is in run().
  virtual bool on_its_thread() const = 0;

  /// From any thread: runs it on the thread of the loop, after all that was posted before. False after close().
  virtual bool post(std::function<void()> function) = 0;
  /// On the thread of the loop, or before run().
  virtual void every(std::chrono::milliseconds interval, std::function<void()> function) = 0;
  virtual void after(std::chrono::milliseconds time, std::function<void()> function) = 0;
  /// Owns `fd` from now on. Null, and the descriptor closed, where the system has no room to wait for it.
  virtual std::shared_ptr<Descriptor> watch(int fd) = 0;
};

}  // namespace mxpath::http
