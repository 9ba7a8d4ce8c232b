// Kernels of the transformer encoders: packed matrix products, attention, normalisation, pooling.
//
// Every kernel computes one output row from one input row in an order that does not depend on the
// other rows. So an embedding has the same bits whatever batch it was computed in and however many
// threads worked on it. The instruction set is chosen once, at the first call (AVX-512, AVX2 with
// FMA, or portable C); the result may differ in the last bits between instruction sets.
//
// NaN in an input gives NaN in every output that depends on it, so that it is found at the end.
//
// All matrices are Float32 and row-major; a "stride" counts floats from one row to the next.
#ifndef RBK_ENCODER_H
#define RBK_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Columns of one panel of a packed matrix.
enum { RBK_PANEL = 32 };

/// What follows a matrix product, fused into it.
typedef enum {
  RBK_ACTIVATION_NONE = 0,
  RBK_ACTIVATION_GELU = 1,       ///< x Φ(x), the exact form with erf
  RBK_ACTIVATION_GELU_TANH = 2,  ///< the tanh approximation ("gelu_new", "gelu_pytorch_tanh")
  RBK_ACTIVATION_RELU = 3
} rbk_activation;

/// Name of the instruction set in use: "avx512", "avx2" or "portable".
const char *rbk_instruction_set(void);

/// Restricts the kernels that the calling thread runs to an instruction set, for tests; NULL lifts
/// the restriction. False, and no restriction, if this machine lacks it.
bool rbk_use_instruction_set(const char *name);

/// Floats that a packed [outputs, inputs] matrix takes: outputs are padded to whole panels.
size_t rbk_packed_count(size_t outputs, size_t inputs);

/// Packs a weight [outputs, inputs] (the layout of PyTorch's Linear) into panels of 32 outputs.
void rbk_pack(const float *weight, size_t outputs, size_t inputs, float *packed);

/// y = activation(x Wᵀ + bias) for the output columns of the panels [first_panel, last_panel).
///
/// x: [rows, inputs]; y: [rows, outputs]; bias: [outputs] or NULL.
void rbk_linear(const float *x, size_t x_stride, size_t rows, const float *packed, size_t outputs,
                size_t inputs, const float *bias, rbk_activation activation, float *y,
                size_t y_stride, size_t first_panel, size_t last_panel);

/// Floats of scratch memory that rbk_attention needs for a sequence of `tokens`.
size_t rbk_attention_scratch(size_t tokens, size_t head_size);

/// Scaled dot-product attention of one head over one sequence, without a mask.
///
/// q, k, v: [tokens, head_size] with a common stride; out: [tokens, head_size].
/// relative_bias: NULL, or the value added to the score of (query i, key j) at index
/// `bias_centre + j - i`.
void rbk_attention(const float *q, const float *k, const float *v, size_t stride, size_t tokens,
                   size_t head_size, float scale, const float *relative_bias, size_t bias_centre,
                   float *out, size_t out_stride, float *scratch);

/// y = LayerNorm(x + residual) row by row. residual may be NULL; y may be x.
void rbk_layer_norm(const float *x, const float *residual, size_t rows, size_t columns,
                    const float *gamma, const float *beta, float epsilon, float *y);

/// Sum of table rows: y[i] = a[ids_a[i]] + b[ids_b[i]] + c[ids_c[i]]; tables b and c may be NULL.
void rbk_embed(const float *a, const int32_t *ids_a, const float *b, const int32_t *ids_b,
               const float *c, const int32_t *ids_c, size_t rows, size_t columns, float *y);

/// Mean of `rows` rows: y[j] = Σ x[i][j] / rows; zeros if there is no row.
void rbk_mean(const float *x, size_t stride, size_t rows, size_t columns, float *y);

/// Sum of a[i] b[i].
float rbk_dot(const float *a, const float *b, size_t count);

/// Widens IEEE half-precision numbers.
void rbk_widen_f16(const uint16_t *x, size_t count, float *y);

/// Widens bfloat16 numbers.
void rbk_widen_bf16(const uint16_t *x, size_t count, float *y);

/// Index of the first number that is not finite, or `count`.
size_t rbk_first_nonfinite(const float *x, size_t count);

#ifdef __cplusplus
}
#endif

#endif
