// Result<T>: a value or one sentence that says what went wrong, where, and what to do.
#pragma once
#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace mxpath {

/// What kind of failure an Error is. The command line maps each kind to an exit code.
enum class ErrorKind {
  failed,     ///< the input or the machine does not allow it (exit 1)
  wrong_use,  ///< the caller asked for something that cannot be meant (exit 2)
  refused,    ///< the caller asked to be strict: it does not accept what would have to be done (exit 3)
};

/// One sentence for a person: what, where (file, tensor, line), what to do.
struct Error {
  std::string message;
  ErrorKind kind = ErrorKind::failed;
};

/// A T, or the error that explains why there is none. Reading value() of an error is a bug in the caller. Faces that
/// owe their callers more than a sentence have an E of their own.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : content_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    assert(ok());
    return *std::get_if<0>(&content_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&content_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&content_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const& {
    assert(!ok());
    return *std::get_if<1>(&content_);
  }
  E&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&content_));
  }

 private:
  std::variant<T, E> content_;
};

/// Success, or an error.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)) {}
  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const E& error() const& {
    assert(!ok());
    return *error_;
  }
  E&& error() && {
    assert(!ok());
    return std::move(*error_);
  }

 private:
  std::optional<E> error_;
};
using Status = Result<void>;

}  // namespace mxpath

#define MXPATH_CONCAT_(a, b) a##b
#define MXPATH_CONCAT(a, b) MXPATH_CONCAT_(a, b)

/// Returns the error of `expression` from the enclosing function, if it has one.
#define MXPATH_CHECK(expression)                                                                            \
  do {                                                                                                      \
    if (auto mxpath_status_ = (expression); !mxpath_status_.ok()) return std::move(mxpath_status_).error(); \
  } while (0)

/// `MXPATH_TRY(auto x, f())`: x = the value of f(), or returns its error from the enclosing function.
#define MXPATH_TRY(declaration, expression)                            \
  auto MXPATH_CONCAT(mxpath_result_, __LINE__) = (expression);         \
  if (!MXPATH_CONCAT(mxpath_result_, __LINE__).ok())                   \
    return std::move(MXPATH_CONCAT(mxpath_result_, __LINE__)).error(); \
  declaration = std::move(MXPATH_CONCAT(mxpath_result_, __LINE__)).value()
