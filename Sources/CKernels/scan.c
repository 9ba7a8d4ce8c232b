// Exact search: one row against one query, see rbk_scan.h for the order of the sums.

#include "rbk_scan.h"

#include <math.h>

#if defined(__x86_64__)
#include <immintrin.h>
#define RBK_AVX2 __attribute__((target("avx2,fma")))
#define RBK_AVX512 __attribute__((target("avx512f")))
#endif

enum { lanes = 32 };

static float portable_score(rbk_scan_measure measure, const float *row, const float *query,
                            size_t dimension) {
  float sums[lanes] = {0};
  for (size_t i = 0; i < dimension; i++) {
    const size_t lane = i % lanes;
    if (measure == RBK_SCAN_DOT) {
      sums[lane] = fmaf(row[i], query[i], sums[lane]);
    } else {
      const float difference = row[i] - query[i];
      sums[lane] = fmaf(difference, difference, sums[lane]);
    }
  }
  for (size_t width = lanes / 2; width > 0; width /= 2) {
    for (size_t lane = 0; lane < width; lane++) sums[lane] += sums[lane + width];
  }
  return sums[0];
}

static void portable_scores(rbk_scan_measure measure, const float *rows, size_t row_count,
                            const float *queries, size_t query_count, size_t dimension,
                            float *out) {
  for (size_t r = 0; r < row_count; r++) {
    for (size_t q = 0; q < query_count; q++) {
      out[q * row_count + r] =
          portable_score(measure, rows + r * dimension, queries + q * dimension, dimension);
    }
  }
}

#if defined(__x86_64__)

RBK_AVX2 static inline float sum8(__m256 v) {
  __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

// MARK: AVX2

RBK_AVX2 __attribute__((always_inline)) static inline __m256 step8(int squared, __m256 row,
                                                                   __m256 query, __m256 sum) {
  if (!squared) return _mm256_fmadd_ps(row, query, sum);
  const __m256 difference = _mm256_sub_ps(row, query);
  return _mm256_fmadd_ps(difference, difference, sum);
}

/// `tile` rows against one query.
RBK_AVX2 __attribute__((always_inline)) static inline void avx2_tile(
    int squared, int tile, const float *rows, const float *query, size_t dimension, float *out) {
  __m256 sums[2][4];
  for (int r = 0; r < tile; r++) {
    for (int part = 0; part < 4; part++) sums[r][part] = _mm256_setzero_ps();
  }
  size_t i = 0;
  for (; i + lanes <= dimension; i += lanes) {
    for (int part = 0; part < 4; part++) {
      const __m256 q = _mm256_loadu_ps(query + i + 8 * part);
      for (int r = 0; r < tile; r++) {
        const __m256 x = _mm256_loadu_ps(rows + (size_t)r * dimension + i + 8 * part);
        sums[r][part] = step8(squared, x, q, sums[r][part]);
      }
    }
  }
  const __m256i order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  for (int part = 0; i < dimension; part++, i += 8) {
    const int left = dimension - i < 8 ? (int)(dimension - i) : 8;
    const __m256i mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(left), order);
    const __m256 q = _mm256_maskload_ps(query + i, mask);
    for (int r = 0; r < tile; r++) {
      const __m256 x = _mm256_maskload_ps(rows + (size_t)r * dimension + i, mask);
      sums[r][part] = step8(squared, x, q, sums[r][part]);
    }
  }
  for (int r = 0; r < tile; r++) {
    const __m256 low = _mm256_add_ps(sums[r][0], sums[r][2]);
    const __m256 high = _mm256_add_ps(sums[r][1], sums[r][3]);
    out[r] = sum8(_mm256_add_ps(low, high));
  }
}

RBK_AVX2 __attribute__((always_inline)) static inline void avx2_scores(
    int squared, const float *rows, size_t row_count, const float *queries, size_t query_count,
    size_t dimension, float *out) {
  size_t r = 0;
  for (; r + 2 <= row_count; r += 2) {
    for (size_t q = 0; q < query_count; q++) {
      avx2_tile(squared, 2, rows + r * dimension, queries + q * dimension, dimension,
                out + q * row_count + r);
    }
  }
  for (; r < row_count; r++) {
    for (size_t q = 0; q < query_count; q++) {
      avx2_tile(squared, 1, rows + r * dimension, queries + q * dimension, dimension,
                out + q * row_count + r);
    }
  }
}

RBK_AVX2 static void avx2_dot(const float *rows, size_t row_count, const float *queries,
                              size_t query_count, size_t dimension, float *out) {
  avx2_scores(0, rows, row_count, queries, query_count, dimension, out);
}

RBK_AVX2 static void avx2_squared(const float *rows, size_t row_count, const float *queries,
                                  size_t query_count, size_t dimension, float *out) {
  avx2_scores(1, rows, row_count, queries, query_count, dimension, out);
}

// MARK: AVX-512

RBK_AVX512 __attribute__((always_inline)) static inline __m512 step16(int squared, __m512 row,
                                                                      __m512 query, __m512 sum) {
  if (!squared) return _mm512_fmadd_ps(row, query, sum);
  const __m512 difference = _mm512_sub_ps(row, query);
  return _mm512_fmadd_ps(difference, difference, sum);
}

/// `row_tile` rows against `query_tile` queries, at most eight pairs: 16 sums stay in registers.
RBK_AVX512 __attribute__((always_inline)) static inline void avx512_tile(
    int squared, int row_tile, int query_tile, const float *rows, size_t row_count,
    const float *queries, size_t dimension, float *out) {
  __m512 sums[4][4][2];
  for (int r = 0; r < row_tile; r++) {
    for (int q = 0; q < query_tile; q++) {
      sums[r][q][0] = _mm512_setzero_ps();
      sums[r][q][1] = _mm512_setzero_ps();
    }
  }
  size_t i = 0;
  for (; i + lanes <= dimension; i += lanes) {
    for (int part = 0; part < 2; part++) {
      __m512 x[4];
      for (int r = 0; r < row_tile; r++) {
        x[r] = _mm512_loadu_ps(rows + (size_t)r * dimension + i + 16 * part);
      }
      for (int q = 0; q < query_tile; q++) {
        const __m512 y = _mm512_loadu_ps(queries + (size_t)q * dimension + i + 16 * part);
        for (int r = 0; r < row_tile; r++) {
          sums[r][q][part] = step16(squared, x[r], y, sums[r][q][part]);
        }
      }
    }
  }
  for (int part = 0; i < dimension; part++, i += 16) {
    const size_t left = dimension - i < 16 ? dimension - i : 16;
    const __mmask16 mask = (__mmask16)((1u << left) - 1);
    for (int q = 0; q < query_tile; q++) {
      const __m512 y = _mm512_maskz_loadu_ps(mask, queries + (size_t)q * dimension + i);
      for (int r = 0; r < row_tile; r++) {
        const __m512 x = _mm512_maskz_loadu_ps(mask, rows + (size_t)r * dimension + i);
        if (part == 0) {
          sums[r][q][0] = step16(squared, x, y, sums[r][q][0]);
        } else {
          sums[r][q][1] = step16(squared, x, y, sums[r][q][1]);
        }
      }
    }
  }
  for (int q = 0; q < query_tile; q++) {
    for (int r = 0; r < row_tile; r++) {
      const __m512 sum = _mm512_add_ps(sums[r][q][0], sums[r][q][1]);
      const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(sum), 1));
      const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sum), high);
      const __m128 four =
          _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
      const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
      out[(size_t)q * row_count + (size_t)r] =
          _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
  }
}

RBK_AVX512 __attribute__((always_inline)) static inline void avx512_scores(
    int squared, const float *rows, size_t row_count, const float *queries, size_t query_count,
    size_t dimension, float *out) {
  const size_t fours = query_count - query_count % 4;
  size_t r = 0;
  for (; r + 4 <= row_count; r += 4) {
    for (size_t pair = 0; pair < 4 && fours > 0; pair += 2) {
      for (size_t q = 0; q < fours; q += 4) {
        avx512_tile(squared, 2, 4, rows + (r + pair) * dimension, row_count,
                    queries + q * dimension, dimension, out + q * row_count + r + pair);
      }
    }
    for (size_t q = fours; q < query_count; q++) {
      avx512_tile(squared, 4, 1, rows + r * dimension, row_count, queries + q * dimension,
                  dimension, out + q * row_count + r);
    }
  }
  for (; r < row_count; r++) {
    for (size_t q = 0; q < query_count; q++) {
      avx512_tile(squared, 1, 1, rows + r * dimension, row_count, queries + q * dimension,
                  dimension, out + q * row_count + r);
    }
  }
}

RBK_AVX512 static void avx512_dot(const float *rows, size_t row_count, const float *queries,
                                  size_t query_count, size_t dimension, float *out) {
  avx512_scores(0, rows, row_count, queries, query_count, dimension, out);
}

RBK_AVX512 static void avx512_squared(const float *rows, size_t row_count, const float *queries,
                                      size_t query_count, size_t dimension, float *out) {
  avx512_scores(1, rows, row_count, queries, query_count, dimension, out);
}

#endif

rbk_scan_path rbk_scan_best_path(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return RBK_SCAN_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return RBK_SCAN_AVX2;
#endif
  return RBK_SCAN_PORTABLE;
}

void rbk_scan_scores(rbk_scan_path path, rbk_scan_measure measure, const float *rows,
                     size_t row_count, const float *queries, size_t query_count, size_t dimension,
                     float *out) {
#if defined(__x86_64__)
  const rbk_scan_path best = rbk_scan_best_path();
  if (path == RBK_SCAN_AVX512 && best == RBK_SCAN_AVX512) {
    (measure == RBK_SCAN_DOT ? avx512_dot : avx512_squared)(rows, row_count, queries, query_count,
                                                            dimension, out);
    return;
  }
  if (path == RBK_SCAN_AVX2 && best >= RBK_SCAN_AVX2) {
    (measure == RBK_SCAN_DOT ? avx2_dot : avx2_squared)(rows, row_count, queries, query_count,
                                                        dimension, out);
    return;
  }
#else
  (void)path;
#endif
  portable_scores(measure, rows, row_count, queries, query_count, dimension, out);
}

float rbk_scan_read(const float *values, size_t count) {
  // 64 independent sums: enough for the compiler to fill the widest registers it may use.
  float sums[64] = {0};
  size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (size_t lane = 0; lane < 64; lane++) sums[lane] += values[i + lane];
  }
  for (; i < count; i++) sums[i % 64] += values[i];
  float total = 0;
  for (size_t lane = 0; lane < 64; lane++) total += sums[lane];
  return total;
}
