// SPDX-License-Identifier: Apache-2.0
// Compiled twice: MIG_ABI_HEADER names the NVML header, MIG_ABI_TABLE the function to define.
#include "abi/check/table.h"

#include <cstddef>
#include <type_traits>

// Without this macro NVIDIA's header renames nvmlInit to nvmlInit_v2 and so on.
#define NVML_NO_UNVERSIONED_FUNC_DEFS
#include MIG_ABI_HEADER

namespace abi_check {
namespace {

template <class T>
concept Complete = requires {
  sizeof(T);
};

// Shape of a parameter as text: the ABI that a caller compiled against another header would use.
template <class T>
std::string shape() {
  if constexpr (std::is_pointer_v<T>) {
    return "*" + shape<std::remove_cv_t<std::remove_pointer_t<T>>>();
  } else if constexpr (std::is_void_v<T>) {
    return "void";
  } else if constexpr (!Complete<T>) {
    return "opaque";
  } else {
    const char* kind = std::is_class_v<T> || std::is_union_v<T> ? "struct" : "int";
    return kind + std::to_string(sizeof(T));
  }
}

template <class R, class... Args>
std::string signature(R (*)(Args...)) {
  std::string text = shape<R>() + "(";
  ((text += shape<Args>() + " "), ...);
  return text + ")";
}

template <class T>
std::string size_of() {
  return "size " + std::to_string(sizeof(T)) + " align " + std::to_string(alignof(T));
}

}  // namespace

#define ABI_STRUCT(type) table[#type] = size_of<type>();
#define ABI_FIELD(type, field)                                                             \
  table[#type "." #field] = "offset " + std::to_string(offsetof(type, field)) + " size " + \
                            std::to_string(sizeof(type::field));
#define ABI_CONST(name) table[#name] = "value " + std::to_string(static_cast<long long>(name));
#define ABI_FUNC(name) table[#name "()"] = signature(static_cast<decltype(&name)>(nullptr));

// NOLINTNEXTLINE(readability-function-size): one line per row of the generated list
Table MIG_ABI_TABLE() {
  Table table;
#include "abi_rows.inc"
  return table;
}

}  // namespace abi_check
