// Forwards to the kernels of generation of the chosen instruction set.
#include "encoder_table.h"

size_t rbk_cached_keys(const rbk_cache_shape *shape) { return shape->capacity * shape->head_size; }

size_t rbk_cached_values(const rbk_cache_shape *shape) {
  return (shape->head_size + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL * shape->capacity;
}

void rbk_append_to_cache(const rbk_cache_shape *shape, const float *k, const float *v, float *keys,
                         float *values) {
  rbk_kernels()->append_to_cache(shape, k, v, keys, values);
}

size_t rbk_cached_attention_scratch(const rbk_cache_shape *shape) {
  return rbk_kernels()->cached_attention_scratch(shape);
}

void rbk_cached_attention(const rbk_cache_shape *shape, const float *q, const float *keys,
                          const float *values, float *out, size_t out_stride, float *scratch) {
  rbk_kernels()->cached_attention(shape, q, keys, values, out, out_stride, scratch);
}
