// SPDX-License-Identifier: Apache-2.0
// Writes the sample report: report_sample FOLDER [PICTURE.png] makes report.html, report.md and
// report.json there.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "model/testing/test_report.h"
#include "report/report.h"
#include "wire/report.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: report_sample FOLDER [PICTURE.png]\n", stderr);
    return 2;
  }
  std::string picture;
  if (argc > 2) {
    std::ifstream file(argv[2], std::ios::binary);
    picture.assign(std::istreambuf_iterator<char>(file), {});
  }
  const auto report = mig::report::test_report(picture);
  const std::filesystem::path folder = argv[1];
  std::ofstream(folder / "report.html", std::ios::binary) << mig::report::report_html(report);
  std::ofstream(folder / "report.md", std::ios::binary) << mig::report::report_markdown(report);
  std::ofstream(folder / "report.json", std::ios::binary) << mig::wire::report_document(report);
  return 0;
}
