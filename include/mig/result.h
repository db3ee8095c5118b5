// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or an Error. Wraps tl::expected so that an ignored result does not compile,
// and so that the library underneath can change. Our functions never throw.
//
//   Result<int> parse(std::string_view text);
//   MIG_ASSIGN_OR_RETURN(int n, parse(text));   // propagates the Error
//   MIG_TRY(write(n));                          // for Result<void>
//   return fail(ErrorCode::kInvalidInput, "...");
#ifndef MIG_RESULT_H_
#define MIG_RESULT_H_

#include <string>
#include <utility>

#include <tl/expected.hpp>

#include "mig/error.h"

namespace mig {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
  using Base = tl::expected<T, Error>;

 public:
  using Base::Base;

  // NOLINTNEXTLINE(google-explicit-constructor): implicit by design, like std::expected
  Result(Base base) : Base(std::move(base)) {}

  // NOLINTNEXTLINE(google-explicit-constructor): `return Error{...}` reads well
  Result(Error error) : Base(tl::unexpected(std::move(error))) {}
};

inline tl::unexpected<Error> fail(ErrorCode code, std::string message, std::string hint = {}) {
  return tl::unexpected(Error{code, std::move(message), std::move(hint), {}, {}});
}

}  // namespace mig

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses
#define MIG_CONCAT_(a, b) a##b
#define MIG_CONCAT(a, b) MIG_CONCAT_(a, b)
#define MIG_TRY(expr)                                           \
  do {                                                          \
    if (auto mig_try_result = (expr); !mig_try_result)          \
      return tl::unexpected(std::move(mig_try_result).error()); \
  } while (false)
#define MIG_ASSIGN_OR_RETURN(decl, expr) \
  MIG_ASSIGN_OR_RETURN_(decl, expr, MIG_CONCAT(mig_result_, __LINE__))
#define MIG_ASSIGN_OR_RETURN_(decl, expr, tmp)     \
  auto tmp = (expr);                               \
  if (!tmp)                                        \
    return tl::unexpected(std::move(tmp).error()); \
  decl = *std::move(tmp)
// NOLINTEND(bugprone-macro-parentheses)

#endif  // MIG_RESULT_H_
