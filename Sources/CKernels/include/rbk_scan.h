#ifndef RBK_SCAN_H
#define RBK_SCAN_H

/// Scores of a few queries against consecutive rows of a Float32 matrix: the inner loop of exact
/// search.
///
/// The sum is defined, not left to the compiler: 32 partial sums, element i goes to sum i mod 32
/// by one fused multiply-add in ascending order, then halves are added (16, 8, 4, 2, 1). So one
/// row and one query give the same bits on every path, at any number of rows, queries and threads.

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rbk_scan_measure {
  RBK_SCAN_DOT = 0,               ///< Inner product.
  RBK_SCAN_SQUARED_DISTANCE = 1,  ///< Squared Euclidean distance.
} rbk_scan_measure;

typedef enum rbk_scan_path {
  RBK_SCAN_PORTABLE = 0,
  RBK_SCAN_AVX2 = 1,
  RBK_SCAN_AVX512 = 2,
} rbk_scan_path;

/// The best path that this processor runs.
rbk_scan_path rbk_scan_best_path(void);

/// `out[q * row_count + r]` = measure of query q and row r.
///
/// `rows` is `[row_count, dimension]` and `queries` `[query_count, dimension]`, both row-major
/// without gaps and with any alignment. A path that the processor lacks falls back to portable.
void rbk_scan_scores(rbk_scan_path path, rbk_scan_measure measure, const float *_Nonnull rows,
                     size_t row_count, const float *_Nonnull queries, size_t query_count,
                     size_t dimension, float *_Nonnull out);

/// Plain sum of `count` floats at full width: reads memory and does next to nothing else. The
/// yardstick that exact search is measured against.
float rbk_scan_read(const float *_Nonnull values, size_t count);

#ifdef __cplusplus
}
#endif

#endif
