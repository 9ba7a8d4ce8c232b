// Forwards to the training kernels of the chosen instruction set.
#include "encoder_table.h"

void rbk_pack_rows(const float *w, size_t stride, size_t columns, size_t inner, float *packed,
                   size_t first_panel, size_t last_panel) {
  rbk_kernels()->pack_rows(w, stride, columns, inner, packed, first_panel, last_panel);
}

void rbk_pack_columns(const float *b, size_t stride, size_t inner, size_t columns,
                      const float *weights, float *packed, size_t first_panel, size_t last_panel) {
  rbk_kernels()->pack_columns(b, stride, inner, columns, weights, packed, first_panel, last_panel);
}

size_t rbk_product_scratch(void) { return rbk_kernels()->product_scratch(); }

void rbk_multiply(const rbk_product *job, size_t first_row, size_t last_row, float *scratch) {
  rbk_kernels()->multiply(job, first_row, last_row, scratch);
}

void rbk_activate(rbk_activation activation, const float *x, size_t count, float *y) {
  rbk_kernels()->activate(activation, x, count, y);
}

void rbk_activate_gradient(rbk_activation activation, const float *x, const float *dy, size_t count,
                           float *dx) {
  rbk_kernels()->activate_gradient(activation, x, dy, count, dx);
}

void rbk_swiglu(const float *gate, const float *up, size_t count, float *y) {
  rbk_kernels()->swiglu(gate, up, count, y);
}

void rbk_swiglu_gradient(const float *gate, const float *up, const float *dy, size_t count,
                         float *dgate, float *dup) {
  rbk_kernels()->swiglu_gradient(gate, up, dy, count, dgate, dup);
}

void rbk_layer_norm_keeping(const float *x, const float *residual, size_t rows, size_t columns,
                            const float *gamma, const float *beta, float epsilon, float *y,
                            float *normalised, float *scale) {
  rbk_kernels()->layer_norm_keeping(x, residual, rows, columns, gamma, beta, epsilon, y, normalised,
                                    scale);
}

void rbk_rms_norm(const float *x, size_t rows, size_t columns, const float *gamma, float epsilon,
                  float *y, float *normalised, float *scale) {
  rbk_kernels()->rms_norm(x, rows, columns, gamma, epsilon, y, normalised, scale);
}

void rbk_norm_gradient(const float *dy, const float *normalised, const float *scale, size_t rows,
                       size_t columns, const float *gamma, bool centred, float *dx) {
  rbk_kernels()->norm_gradient(dy, normalised, scale, rows, columns, gamma, centred, dx);
}

void rbk_column_sums(const float *dy, size_t stride, size_t rows, const float *factor,
                     size_t factor_stride, const float *weights, size_t first, size_t last,
                     float *out) {
  rbk_kernels()->column_sums(dy, stride, rows, factor, factor_stride, weights, first, last, out);
}

void rbk_add(const float *a, const float *b, size_t count, float *y) {
  rbk_kernels()->add(a, b, count, y);
}

void rbk_add_scaled(const float *x, float scale, size_t count, float *y) {
  rbk_kernels()->add_scaled(x, scale, count, y);
}

float rbk_largest(const float *x, size_t count) { return rbk_kernels()->largest(x, count); }

double rbk_exp_sum(const float *x, size_t count, float shift) {
  return rbk_kernels()->exp_sum(x, count, shift);
}

void rbk_exp_scaled(const float *x, size_t count, float shift, float scale, float *y) {
  rbk_kernels()->exp_scaled(x, count, shift, scale, y);
}

void rbk_add_noise(const void *bits, double deviation, double factor, size_t count,
                   float *values) {
  rbk_kernels()->add_noise(bits, deviation, factor, count, values);
}

double rbk_squared_norm(const float *x, size_t count) {
  return rbk_kernels()->squared_norm(x, count);
}

size_t rbk_attention_gradient_scratch(const rbk_attention_shape *shape) {
  return rbk_kernels()->attention_gradient_scratch(shape);
}

void rbk_grouped_attention(const rbk_attention_shape *shape, const float *q, const float *k,
                           const float *v, float *out, size_t out_stride, float *scratch) {
  rbk_kernels()->grouped_attention(shape, q, k, v, out, out_stride, scratch);
}

void rbk_attention_gradient(const rbk_attention_shape *shape, const float *q, const float *k,
                            const float *v, const float *dout, size_t out_stride, float *dq,
                            float *dk, float *dv, float *dbias, float *scratch) {
  rbk_kernels()->attention_gradient(shape, q, k, v, dout, out_stride, dq, dk, dv, dbias, scratch);
}
