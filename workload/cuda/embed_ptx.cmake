# SPDX-License-Identifier: Apache-2.0
# Embeds INPUT (text) in OUTPUT as kKernelsPtx, in pieces that fit a raw string literal.
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
set(body "")
set(at 0)
while(at LESS length)
  string(SUBSTRING "${text}" ${at} 8000 piece)
  string(APPEND body "R\"ptx(${piece})ptx\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE ${OUTPUT}
     "#include \"workload/cuda/kernels.h\"\nnamespace workload::cuda {\nextern const char kKernelsPtx[] =\n${body};\n}\n")
