// SPDX-License-Identifier: Apache-2.0
// Kernels of mig-workload. Compiled once to PTX by make_ptx.sh (any later GPU's driver compiles it on
// load), embedded by CMake. extern "C" names are looked up by name.
#include <cuda_bf16.h>
#include <cstdint>

namespace {

// Counter-based generator (a 64-bit finaliser in three rounds): the value is a function of seed and position, so data need
// no state and are the same for every precision.
__device__ __forceinline__ uint64_t mix(uint64_t x) {
  x ^= x >> 30; x *= 0xbf58476d1ce4e5b9ull;
  x ^= x >> 27; x *= 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}
__device__ __forceinline__ float unit(uint32_t bits) { return (bits + 0.5f) * 2.3283064e-10f; }

}  // namespace

// scalars[0] = lr / (1 - b1^t), scalars[1] = 1 / sqrt(1 - b2^t); step counts from 1.
extern "C" __global__ void tick(unsigned long long* step, float* scalars, float lr, float b1, float b2) {
  const unsigned long long t = ++*step;
  scalars[0] = lr / (1.0 - pow((double)b1, (double)t));
  scalars[1] = rsqrt(1.0 - pow((double)b2, (double)t));
}

extern "C" __global__ void fill_uniform(float* out, unsigned long long n, unsigned long long seed, float bound) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n;
       i += (unsigned long long)gridDim.x * blockDim.x)
    out[i] = (2.0f * unit((uint32_t)(mix(seed ^ mix(i + 1)) >> 32)) - 1.0f) * bound;
}

extern "C" __global__ void fill_constant(float* out, __nv_bfloat16* out16, unsigned long long n, float value) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n;
       i += (unsigned long long)gridDim.x * blockDim.x) {
    if (out16) out16[i] = __float2bfloat16(value); else out[i] = value;
  }
}

// A new batch of normal samples each step (Box-Muller), as torch.randn would give the job.
extern "C" __global__ void fill_normal(float* out, __nv_bfloat16* out16, unsigned long long n,
                                       unsigned long long seed, const unsigned long long* step) {
  const unsigned long long pairs = n / 2, key = mix(seed + *step * 0x9e3779b97f4a7c15ull);
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < pairs;
       i += (unsigned long long)gridDim.x * blockDim.x) {
    const uint64_t bits = mix(key ^ mix(i + 1));
    const float r = sqrtf(-2.0f * logf(unit((uint32_t)bits)));
    float s, c;
    sincospif(2.0f * unit((uint32_t)(bits >> 32)), &s, &c);
    if (out16) {
      out16[2 * i] = __float2bfloat16(r * c);
      out16[2 * i + 1] = __float2bfloat16(r * s);
    } else {
      out[2 * i] = r * c;
      out[2 * i + 1] = r * s;
    }
  }
}

// Adam over a run of parameters, four at a time; moments and weights are streamed past the L2 cache
// so that the gradient the previous kernel wrote stays in it. w16 (may be null): bf16 copy for GEMMs.
extern "C" __global__ void __launch_bounds__(256)
adam(float4* w, const float4* g, float4* m, float4* v, uint2* w16, unsigned long long n4,
     const float* scalars, float b1, float b2, float eps) {
  const float lr = scalars[0], root = scalars[1];
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n4;
       i += (unsigned long long)gridDim.x * blockDim.x) {
    const float4 gi = g[i];
    float4 mi = __ldcs(m + i), vi = __ldcs(v + i), wi = w16 ? __ldcs(w + i) : w[i];
#define LANE(x)                                             \
    mi.x = b1 * mi.x + (1.0f - b1) * gi.x;                  \
    vi.x = b2 * vi.x + (1.0f - b2) * gi.x * gi.x;           \
    wi.x -= lr * mi.x / (sqrtf(vi.x) * root + eps);
    LANE(x) LANE(y) LANE(z) LANE(w)
#undef LANE
    __stcs(m + i, mi);
    __stcs(v + i, vi);
    if (w16) {
      __stcs(w + i, wi);
      union { __nv_bfloat162 h[2]; uint2 u; } pack;
      pack.h[0] = __floats2bfloat162_rn(wi.x, wi.y);
      pack.h[1] = __floats2bfloat162_rn(wi.z, wi.w);
      w16[i] = pack.u;
    } else {
      w[i] = wi;
    }
  }
}

extern "C" __global__ void to_bf16(const float* in, __nv_bfloat16* out, unsigned long long n) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n;
       i += (unsigned long long)gridDim.x * blockDim.x)
    out[i] = __float2bfloat16(in[i]);
}

// out[c] = sum over rows of x[row][c]; x is rows x columns, row-major, fp32 or bf16.
extern "C" __global__ void column_sum(const float* x, const __nv_bfloat16* x16, float* out, int rows, int columns) {
  const int c = blockIdx.x * blockDim.x + threadIdx.x;
  if (c >= columns) return;
  float sum = 0.0f;
  for (int r = 0; r < rows; ++r)
    sum += x16 ? __bfloat162float(x16[(long long)r * columns + c]) : x[(long long)r * columns + c];
  out[c] = sum;
}

// *out = sum of all elements; launched as one block.
extern "C" __global__ void sum_all(const float* x, const __nv_bfloat16* x16, unsigned long long n, float* out) {
  __shared__ double part[256];
  double sum = 0.0;
  for (unsigned long long i = threadIdx.x; i < n; i += blockDim.x) sum += x16 ? __bfloat162float(x16[i]) : x[i];
  part[threadIdx.x] = sum;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
    __syncthreads();
  }
  if (threadIdx.x == 0) *out = (float)part[0];
}

// D[m x n] = op(A) op(B), column-major fp32, for machines without cuBLASLt. 64 x 64 tiles, 256
// threads, each 4 x 4 results. bias: one per row, may be null. relu: clamp below at 0. positive
// (may be null): an array of D's shape; results where its value is <= 0 become 0, which is the
// gradient of the clamp.
extern "C" __global__ void __launch_bounds__(256)
gemm(const float* a, const float* b, float* d, int m, int n, int k, int ta, int tb, const float* bias,
     const float* positive, int relu) {
  __shared__ float as[16][65], bs[16][65];
  const int row0 = blockIdx.x * 64, col0 = blockIdx.y * 64, t = threadIdx.x, tr = t % 16, tc = t / 16;
  float sum[4][4] = {};
  for (int k0 = 0; k0 < k; k0 += 16) {
    for (int i = t; i < 64 * 16; i += 256) {
      // Coalesced: neighbouring threads read neighbouring addresses in either orientation.
      const int ar = ta ? i / 16 : i % 64, ak = ta ? i % 16 : i / 64;
      const int bc = tb ? i % 64 : i / 16, bk = tb ? i / 64 : i % 16;
      const int r = row0 + ar, c = col0 + bc, ka = k0 + ak, kb = k0 + bk;
      as[ak][ar] = r < m && ka < k ? a[ta ? (long long)r * k + ka : (long long)ka * m + r] : 0.0f;
      bs[bk][bc] = c < n && kb < k ? b[tb ? (long long)kb * n + c : (long long)c * k + kb] : 0.0f;
    }
    __syncthreads();
    for (int kk = 0; kk < 16; ++kk)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sum[i][j] = fmaf(as[kk][tr + 16 * i], bs[kk][tc + 16 * j], sum[i][j]);
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) {
      const int r = row0 + tr + 16 * i, c = col0 + tc + 16 * j;
      if (r >= m || c >= n) continue;
      const long long at = (long long)c * m + r;
      float x = sum[i][j] + (bias ? bias[r] : 0.0f);
      if (relu && x < 0.0f) x = 0.0f;
      if (positive && positive[at] <= 0.0f) x = 0.0f;
      d[at] = x;
    }
}

// Kernels of the fault and hog commands, which misuse a GPU on purpose.
extern "C" __global__ void illegal_address(unsigned* unused) { *(volatile unsigned*)16 = unused ? 1u : 2u; }
extern "C" __global__ void endless(volatile unsigned* flag) { while (*flag == 0) __nanosleep(1000); }
extern "C" __global__ void device_trap(unsigned* unused) { if (!unused || threadIdx.x == 0) asm volatile("trap;"); }
extern "C" __global__ void nothing() {}

extern "C" __global__ void stream_copy(const float4* in, float4* out, unsigned long long n4) {
  for (unsigned long long i = blockIdx.x * (unsigned long long)blockDim.x + threadIdx.x; i < n4;
       i += (unsigned long long)gridDim.x * blockDim.x)
    __stcs(out + i, __ldcs(in + i));
}

extern "C" __global__ void fma_spin(float* out, int rounds) {
  float a = threadIdx.x, b = 1.0001f, c = 0.5f, d = 0.25f;
  for (int i = 0; i < rounds; ++i) {
    a = fmaf(a, b, c); c = fmaf(c, b, d); d = fmaf(d, b, a); b = fmaf(b, 0.99999f, 1e-6f);
  }
  if (a == 12345.0f) out[0] = a + b + c + d;
}

// Barriers of system scope without pause, each behind a store that it has to order. They reach what MIG
// does not divide: "Behind Bars" (USENIX Security 2026) sees them in the L2 timing of other instances.
extern "C" __global__ void barrier_storm(volatile unsigned* out, int rounds) {
  volatile unsigned* mine = out + blockIdx.x * blockDim.x + threadIdx.x;
  for (int i = 0; i < rounds; ++i) {
    *mine = i;
    __threadfence_system();
  }
}
