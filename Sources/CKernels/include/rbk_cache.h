// Attention of new tokens over a cache of keys and values, for generation.
//
// A cache holds, for one head of keys and values of one sequence, `capacity` tokens (a multiple of
// RBK_PANEL): keys, rotated, as panels of RBK_PANEL tokens [panel][head_size][token], and values as
// panels of RBK_PANEL components [panel][token][component], zeros beyond the head's size. Both are
// what the product kernels read, so a token is written once and never packed again.
#ifndef RBK_CACHE_H
#define RBK_CACHE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Widest head that a cache takes.
enum { RBK_MAXIMUM_CACHED_HEAD = 1024 };

/// Some tokens of one sequence and one head of keys and values.
typedef struct {
  /// New tokens, and tokens of the cache that stand before the first of them.
  size_t rows, before;
  /// Width of a head, even, at most RBK_MAXIMUM_CACHED_HEAD; tokens that the cache has room for.
  size_t head_size, capacity;
  /// Query heads that share this head of keys and values; they lie side by side.
  size_t group;
  /// Of the rows of queries, keys and values.
  size_t stride;
  float scale;
  /// [positions, head_size / 2]: rotary positions over the pairs (c, c + head_size / 2).
  const float *cosines, *sines;
} rbk_cache_shape;

/// Floats of the keys of one head; values take rbk_cached_values.
size_t rbk_cached_keys(const rbk_cache_shape *shape);
/// Floats of the values of one head.
size_t rbk_cached_values(const rbk_cache_shape *shape);

/// Writes the keys and values of the new tokens into a cache.
void rbk_append_to_cache(const rbk_cache_shape *shape, const float *k, const float *v, float *keys,
                         float *values);

/// Floats of scratch memory for rbk_cached_attention.
size_t rbk_cached_attention_scratch(const rbk_cache_shape *shape);

/// out = softmax(scale q kᵀ) v for every query head of the group, each token over those before it and
/// itself; all of them are in the cache. The bits are those of rbk_grouped_attention with `causal`.
void rbk_cached_attention(const rbk_cache_shape *shape, const float *q, const float *keys,
                          const float *values, float *out, size_t out_stride, float *scratch);

#ifdef __cplusplus
}
#endif

#endif
