// SPDX-License-Identifier: Apache-2.0
// The driver's libraries and programs on this host, for mounts into a container.
//
// Threading: functions of the file system.
#ifndef MIGCTL_CDI_LIBRARIES_H_
#define MIGCTL_CDI_LIBRARIES_H_

#include <string>
#include <vector>

#include "mig/result.h"

namespace mig::cdi {

struct Library {
  std::string file;                // the file itself, no link: ".../libcuda.so.580.159.04"
  std::vector<std::string> names;  // its own and those of links to it: "libcuda.so.1"
};

struct LibrarySearch {
  std::string driver_version;
  std::string nvml;                  // the file of the NVML library that is loaded
  std::vector<std::string> folders;  // the user's, searched first
  std::string loader_cache = "/etc/ld.so.cache";
};

// Libraries of the driver's version: *.so.<version>, each from the first folder that has it. The
// order is the user's folders, that of the loaded NVML, those of the loader's cache, and the known
// ones. kNotFound when libcuda is in none, with the folders that were searched.
Result<std::vector<Library>> find_libraries(const LibrarySearch& search);

// nvidia-smi and the like; in the folders of $PATH's usual value.
std::vector<std::string> find_programs();

// Folders of a file in the cache of the dynamic loader (the format since glibc 2.2), in order.
std::vector<std::string> folders_in_loader_cache(const std::string& cache, const std::string& name);

// Folders in which the dynamic loader of a container's image looks without a cache and without
// LD_LIBRARY_PATH: Debian's and Red Hat's.
std::vector<std::string> default_folders();

}  // namespace mig::cdi

#endif  // MIGCTL_CDI_LIBRARIES_H_
