// SPDX-License-Identifier: Apache-2.0
// The functions of fmt 9 that its shared library has, compiled into the program: Debian packages no
// archive of fmt. Explicit instantiations of what fmt's headers declare as `extern template`.
// Only migctl is linked with it (CMakeLists.txt beside this folder says why).
#include <fmt/format-inl.h>

FMT_BEGIN_NAMESPACE

namespace detail {

template auto dragonbox::to_decimal(float x) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double x) noexcept -> dragonbox::decimal_fp<double>;
template auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void buffer<char>::append(const char*, const char*);
template void vformat_to<char>(buffer<char>&,
                               basic_string_view<char>,
                               basic_format_args<FMT_BUFFER_CONTEXT(char)>,
                               locale_ref);

}  // namespace detail

FMT_END_NAMESPACE
