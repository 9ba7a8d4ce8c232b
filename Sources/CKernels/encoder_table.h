// The kernels of one instruction set.
#ifndef RBK_ENCODER_TABLE_H
#define RBK_ENCODER_TABLE_H

#include "include/rbk_encoder.h"

typedef struct {
  const char *name;
  void (*linear)(const float *x, size_t x_stride, size_t rows, const float *packed, size_t outputs,
                 size_t inputs, const float *bias, rbk_activation activation, float *y,
                 size_t y_stride, size_t first_panel, size_t last_panel);
  size_t (*attention_scratch)(size_t tokens, size_t head_size);
  void (*attention)(const float *q, const float *k, const float *v, size_t stride, size_t tokens,
                    size_t head_size, float scale, const float *relative_bias, size_t bias_centre,
                    float *out, size_t out_stride, float *scratch);
  void (*layer_norm)(const float *x, const float *residual, size_t rows, size_t columns,
                     const float *gamma, const float *beta, float epsilon, float *y);
  void (*embed)(const float *a, const int32_t *ids_a, const float *b, const int32_t *ids_b,
                const float *c, const int32_t *ids_c, size_t rows, size_t columns, float *y);
  void (*mean)(const float *x, size_t stride, size_t rows, size_t columns, float *y);
  float (*dot)(const float *a, const float *b, size_t count);
} rbk_encoder_table;

extern const rbk_encoder_table rbk_encoder_avx512, rbk_encoder_avx2, rbk_encoder_portable;

#endif
