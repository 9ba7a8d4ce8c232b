// Kernels of training: products of every orientation, gradients of activations, normalisations and
// attention, reductions in a fixed order, updates of optimizers.
//
// As in rbk_encoder.h the instruction set is chosen once, and each number is computed in an order
// that depends on nothing but the operands' shapes: any number of threads gives the same bits.
//
// All matrices are Float32 and row-major; a "stride" counts floats from one row to the next.
#ifndef RBK_TRAINING_H
#define RBK_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rbk_encoder.h"

#ifdef __cplusplus
extern "C" {
#endif

/// C = A B, or C += A B.
typedef struct {
  /// [rows, inner]; element (i, p) lies at a[i * a_row_stride + p * a_column_stride]. One of the
  /// strides is 1: a_row_stride = 1 is a matrix that lies transposed.
  const float *a;
  size_t a_row_stride, a_column_stride;
  /// [inner, columns], packed by rbk_pack_rows or rbk_pack_columns.
  const float *packed;
  size_t columns, inner;
  /// [rows, columns].
  float *c;
  size_t c_stride;
  /// Whether the product is added to what C holds.
  bool accumulate;
  /// [columns] or NULL; added, with the activation after it, once the sum is complete.
  const float *bias;
  rbk_activation activation;
} rbk_product;

/// Packs the panels [first, last) of B = Wᵀ for W [columns, inner].
void rbk_pack_rows(const float *w, size_t stride, size_t columns, size_t inner, float *packed,
                   size_t first_panel, size_t last_panel);

/// Packs the panels [first, last) of B [inner, columns]. `weights`: NULL, or what each row of B is
/// multiplied by, [inner].
void rbk_pack_columns(const float *b, size_t stride, size_t inner, size_t columns,
                      const float *weights, float *packed, size_t first_panel, size_t last_panel);

/// Floats of scratch memory for rbk_multiply.
size_t rbk_product_scratch(void);

/// The rows [first, last) of a product.
void rbk_multiply(const rbk_product *job, size_t first_row, size_t last_row, float *scratch);

/// y = activation(x).
void rbk_activate(rbk_activation activation, const float *x, size_t count, float *y);

/// dx = dy activation'(x); dx may be dy.
void rbk_activate_gradient(rbk_activation activation, const float *x, const float *dy, size_t count,
                           float *dx);

/// y = gate σ(gate) up.
void rbk_swiglu(const float *gate, const float *up, size_t count, float *y);

/// Gradients of rbk_swiglu.
void rbk_swiglu_gradient(const float *gate, const float *up, const float *dy, size_t count,
                         float *dgate, float *dup);

/// LayerNorm of x + residual that keeps what its gradient needs: normalised = (x + r - mean) scale
/// and scale, one a row. The bits of y are rbk_layer_norm's.
void rbk_layer_norm_keeping(const float *x, const float *residual, size_t rows, size_t columns,
                            const float *gamma, const float *beta, float epsilon, float *y,
                            float *normalised, float *scale);

/// y = normalised gamma with normalised = x scale, scale = 1 / sqrt(mean(x²) + epsilon).
void rbk_rms_norm(const float *x, size_t rows, size_t columns, const float *gamma, float epsilon,
                  float *y, float *normalised, float *scale);

/// dx of both normalisations: scale (g - [mean(g)] - n mean(g n)) with g = dy gamma; the mean of g
/// only where `centred`, which is LayerNorm.
void rbk_norm_gradient(const float *dy, const float *normalised, const float *scale, size_t rows,
                       size_t columns, const float *gamma, bool centred, float *dx);

/// out[j] += Σ_r weights[r] dy[r][j] factor[r][j] for the columns [first, last); weights and factor
/// may be NULL.
void rbk_column_sums(const float *dy, size_t stride, size_t rows, const float *factor,
                     size_t factor_stride, const float *weights, size_t first, size_t last,
                     float *out);

/// y[i] = a[i] + b[i]; y may be a or b.
void rbk_add(const float *a, const float *b, size_t count, float *y);

/// y[i] += scale x[i].
void rbk_add_scaled(const float *x, float scale, size_t count, float *y);

/// Largest number of a row; NaN if there is one.
float rbk_largest(const float *x, size_t count);

/// Σ exp(x[i] - shift).
double rbk_exp_sum(const float *x, size_t count, float shift);

/// y[i] = scale exp(x[i] - shift); y may be x.
void rbk_exp_scaled(const float *x, size_t count, float shift, float scale, float *y);

/// Words of 64 random bits, aligned or not, that rbk_add_noise takes for each 16 numbers, the last of
/// which may be fewer.
enum { RBK_NOISE_WORDS = 64 };

/// values[i] = factor (values[i] + deviation n), n half the sum of four independent standard normal
/// numbers, computed in Float64 and rounded once. The two numbers of a pair go to different values.
void rbk_add_noise(const void *bits, double deviation, double factor, size_t count,
                   float *values);

/// Σ x[i]² in Float64.
double rbk_squared_norm(const float *x, size_t count);

/// One head of keys and values with the queries that share it, over one sequence.
typedef struct {
  size_t tokens, head_size;
  /// Query heads that share this head of keys and values; they lie side by side.
  size_t group;
  /// Of the rows of queries, keys, values and their gradients.
  size_t stride;
  float scale;
  /// Whether a query sees only keys up to its own position.
  bool causal;
  /// NULL, or [tokens, head_size / 2]: rotary positions over the pairs (c, c + head_size / 2).
  const float *cosines, *sines;
  /// NULL, or what is added to the score of (query i, key j) of query head g, at index
  /// g * bias_stride + bias_centre + j - i.
  const float *relative_bias;
  size_t bias_stride, bias_centre;
} rbk_attention_shape;

/// Floats of scratch memory for the two functions below.
size_t rbk_attention_gradient_scratch(const rbk_attention_shape *shape);

/// out = softmax(scale q kᵀ + bias) v for every query head of the group.
void rbk_grouped_attention(const rbk_attention_shape *shape, const float *q, const float *k,
                           const float *v, float *out, size_t out_stride, float *scratch);

/// Gradients of rbk_grouped_attention; dq, dk, dv are written. `dbias`: NULL, or laid out as
/// relative_bias, added to.
void rbk_attention_gradient(const rbk_attention_shape *shape, const float *q, const float *k,
                            const float *v, const float *dout, size_t out_stride, float *dq,
                            float *dk, float *dv, float *dbias, float *scratch);

#ifdef __cplusplus
}
#endif

#endif
