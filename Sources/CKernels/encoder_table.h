// The kernels of one instruction set.
#ifndef RBK_ENCODER_TABLE_H
#define RBK_ENCODER_TABLE_H

#include "include/rbk_cache.h"
#include "include/rbk_encoder.h"
#include "include/rbk_training.h"

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
  // Training.
  void (*pack_rows)(const float *w, size_t stride, size_t columns, size_t inner, float *packed,
                    size_t first_panel, size_t last_panel);
  void (*pack_columns)(const float *b, size_t stride, size_t inner, size_t columns,
                       const float *weights, float *packed, size_t first_panel, size_t last_panel);
  size_t (*product_scratch)(void);
  void (*multiply)(const rbk_product *job, size_t first_row, size_t last_row, float *scratch);
  void (*activate)(rbk_activation activation, const float *x, size_t count, float *y);
  void (*activate_gradient)(rbk_activation activation, const float *x, const float *dy,
                            size_t count, float *dx);
  void (*swiglu)(const float *gate, const float *up, size_t count, float *y);
  void (*swiglu_gradient)(const float *gate, const float *up, const float *dy, size_t count,
                          float *dgate, float *dup);
  void (*layer_norm_keeping)(const float *x, const float *residual, size_t rows, size_t columns,
                             const float *gamma, const float *beta, float epsilon, float *y,
                             float *normalised, float *scale);
  void (*rms_norm)(const float *x, size_t rows, size_t columns, const float *gamma, float epsilon,
                   float *y, float *normalised, float *scale);
  void (*norm_gradient)(const float *dy, const float *normalised, const float *scale, size_t rows,
                        size_t columns, const float *gamma, bool centred, float *dx);
  void (*column_sums)(const float *dy, size_t stride, size_t rows, const float *factor,
                      size_t factor_stride, const float *weights, size_t first, size_t last,
                      float *out);
  void (*add)(const float *a, const float *b, size_t count, float *y);
  void (*add_scaled)(const float *x, float scale, size_t count, float *y);
  float (*largest)(const float *x, size_t count);
  double (*exp_sum)(const float *x, size_t count, float shift);
  void (*exp_scaled)(const float *x, size_t count, float shift, float scale, float *y);
  double (*squared_norm)(const float *x, size_t count);
  void (*add_noise)(const void *bits, double deviation, double factor, size_t count,
                    float *values);
  size_t (*attention_gradient_scratch)(const rbk_attention_shape *shape);
  void (*grouped_attention)(const rbk_attention_shape *shape, const float *q, const float *k,
                            const float *v, float *out, size_t out_stride, float *scratch);
  void (*attention_gradient)(const rbk_attention_shape *shape, const float *q, const float *k,
                             const float *v, const float *dout, size_t out_stride, float *dq,
                             float *dk, float *dv, float *dbias, float *scratch);
  // Generation.
  void (*append_to_cache)(const rbk_cache_shape *shape, const float *k, const float *v, float *keys,
                          float *values);
  size_t (*cached_attention_scratch)(const rbk_cache_shape *shape);
  void (*cached_attention)(const rbk_cache_shape *shape, const float *q, const float *keys,
                           const float *values, float *out, size_t out_stride, float *scratch);
} rbk_encoder_table;

extern const rbk_encoder_table rbk_encoder_avx512, rbk_encoder_avx2, rbk_encoder_portable;


/// The kernels that the calling thread runs.
const rbk_encoder_table *rbk_kernels(void);

#endif
