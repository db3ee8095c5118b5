// SPDX-License-Identifier: Apache-2.0
// Reads our ABI headers and writes one macro row for each struct, field, constant, version word and
// function in them, so that the comparison with NVIDIA's header cannot omit one. Understands the
// plain style of abi/nvml*.h only; text that does not parse is an error, never skipped.
// Declarations marked [not in the vendor's header] get no row.
#include <fstream>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

namespace {

const char* const kMarker = "[not in the vendor's header]";

struct Scanner {
  std::string text;
  std::set<std::string> rows;

  void emit(const std::string& macro, const std::string& args) {
    rows.insert(macro + "(" + args + ")");
  }

  // Removes comments; a marker inside a comment becomes the word ABSENT.
  void strip_comments() {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      if (text.compare(i, 2, "/*") != 0) {
        out += text[i++];
        continue;
      }
      const std::size_t end = text.find("*/", i);
      const std::string comment = text.substr(i, end - i);
      out += comment.find(kMarker) != std::string::npos ? " ABSENT " : " ";
      i = end + 2;
    }
    text = out;
  }

  template <class F>
  void each(const char* pattern, F&& use) {
    const std::regex regex(pattern);
    for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
      use(*it);
    }
  }

  void fields(const std::string& type, const std::string& body) {
    static const std::regex declaration(R"(([^;]+);)");
    static const std::regex name(R"(\**\s*(\w+)\s*(\[\w+\])?\s*$)");
    for (std::sregex_iterator it(body.begin(), body.end(), declaration), end; it != end; ++it) {
      std::stringstream list((*it)[1].str());
      for (std::string part; std::getline(list, part, ',');) {
        std::smatch match;
        if (!std::regex_search(part, match, name)) {
          throw std::runtime_error("cannot read a field of " + type + ": " + part);
        }
        emit("ABI_FIELD", type + ", " + match[1].str());
      }
    }
  }

  void scan() {
    strip_comments();
    each(R"((ABSENT\s+)?typedef (struct|union) \{([^}]*)\} (\w+);([ \t]+ABSENT)?)",
         [&](const std::smatch& m) {
           if (!m[1].matched && !m[5].matched) {
             emit("ABI_STRUCT", m[4]);
             fields(m[4], m[3]);
           }
         });
    each(R"(enum \{([^}]*)\})", [&](const std::smatch& m) {
      const std::string body = m[1];
      static const std::regex enumerator(R"((NVML_\w+) =)");
      for (std::sregex_iterator it(body.begin(), body.end(), enumerator), end; it != end; ++it) {
        emit("ABI_CONST", (*it)[1]);
      }
    });
    each(R"(#define ((NVML_|INVALID_|nvml)\w+) (0x\w+))",
         [&](const std::smatch& m) { emit("ABI_CONST", m[1]); });
    each(R"(#define (nvml\w+) NVML_STRUCT_VERSION\()",
         [&](const std::smatch& m) { emit("ABI_CONST", m[1]); });
    each(R"(typedef [\w ]+\*? ?(nvml\w+_t);)",
         [&](const std::smatch& m) { emit("ABI_STRUCT", m[1]); });
    each(R"(\n(?:nvmlReturn_t|const char\*) (nvml\w+)\([^)]*\);([ \t]*ABSENT)?)",
         [&](const std::smatch& m) {
           if (!m[2].matched) {
             emit("ABI_FUNC", m[1]);
           }
         });
  }
};

int list_rows(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: abi_list_rows OUT HEADER...\n";
    return 2;
  }
  Scanner scanner;
  for (int i = 2; i < argc; ++i) {
    std::ifstream in(argv[i]);
    if (!in) {
      std::cerr << "cannot read " << argv[i] << "\n";
      return 1;
    }
    std::stringstream content;
    content << in.rdbuf();
    scanner.text = content.str();
    scanner.scan();
  }
  std::ofstream out(argv[1]);
  for (const std::string& row : scanner.rows) {
    out << row << "\n";
  }
  return out.flush() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return list_rows(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "abi_list_rows: " << e.what() << "\n";
    return 1;
  }
}
