// The kernels of encoders and training, written once over vectors of 16 floats and compiled once for each
// instruction set. The includer defines RBK_NAME(x), RBK_LABEL, RBK_ROWS (rows of a register tile)
// and RBK_VECTORS (16-float vectors of a register tile: 1 or 2).

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "encoder_table.h"

// Wide vectors are passed only between functions that are inlined: no ABI is at stake.
#pragma clang diagnostic ignored "-Wpsabi"

typedef float v16 __attribute__((vector_size(64), aligned(4)));
typedef int32_t i16 __attribute__((vector_size(64), aligned(4)));

#define INLINE static inline __attribute__((always_inline))

INLINE v16 load(const float *p) { return *(const v16 *)p; }
INLINE void store(float *p, v16 x) { *(v16 *)p = x; }
INLINE v16 splat(float x) { return (v16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }

INLINE v16 load_some(const float *p, size_t count) {
  v16 x = splat(0);
  memcpy(&x, p, count * sizeof(float));
  return x;
}

INLINE v16 select16(i16 mask, v16 yes, v16 no) {
  return (v16)((mask & (i16)yes) | (~mask & (i16)no));
}
// Both give b where either is NaN: the limit stands first, so that NaN stays NaN.
INLINE v16 min16(v16 a, v16 b) { return select16(a < b, a, b); }
INLINE v16 max16(v16 a, v16 b) { return select16(a > b, a, b); }

// Pairwise over the lanes: the same tree on every instruction set.
INLINE float sum16(v16 x) {
  float lane[16];
  memcpy(lane, &x, sizeof lane);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] += lane[i + width];
  return lane[0];
}
INLINE float largest16(v16 x) {
  float lane[16];
  memcpy(lane, &x, sizeof lane);
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
  return lane[0];
}

// e^x: x = n ln 2 + r with |r| <= ln 2 / 2, Taylor polynomial of degree 7 in r (error 6e-9), times
// 2^n by the exponent bits. Inputs below -87 give e^-87, NaN gives NaN.
INLINE v16 exp16(v16 x) {
  x = min16(splat(88.0f), max16(splat(-87.0f), x));
  v16 shifted = x * splat(1.44269504f) + splat(12582912.0f);  // 1.5 * 2^23: rounds to an integer
  v16 n = shifted - splat(12582912.0f);
  v16 r = x - n * splat(0.693359375f);
  r = r - n * splat(-2.12194440e-4f);
  v16 p = splat(1.0f / 5040);
  p = p * r + splat(1.0f / 720);
  p = p * r + splat(1.0f / 120);
  p = p * r + splat(1.0f / 24);
  p = p * r + splat(1.0f / 6);
  p = p * r + splat(0.5f);
  p = p * r + splat(1.0f);
  p = p * r + splat(1.0f);
  i16 exponent = ((i16)shifted - (i16)splat(12582912.0f)) << 23;
  return select16(x == x, (v16)((i16)p + exponent), x);
}

// erf(x) = x P(x²) / Q(x²) on |x| <= 4 and ±1 beyond, fitted by Tests/Fixtures/kernels/fit_erf.py.
INLINE v16 erf16(v16 x) {
#include "erf_coefficients.h"
  x = min16(splat(RBK_ERF_LIMIT), max16(splat(-RBK_ERF_LIMIT), x));
  v16 s = x * x;
  v16 p = splat(erf_p[RBK_ERF_P - 1]);
  for (int i = RBK_ERF_P - 2; i >= 0; i--) p = p * s + splat(erf_p[i]);
  v16 q = splat(erf_q[RBK_ERF_Q - 1]);
  for (int i = RBK_ERF_Q - 2; i >= 0; i--) q = q * s + splat(erf_q[i]);
  return min16(splat(1), max16(splat(-1), x * p / q));
}

INLINE v16 activate(v16 x, rbk_activation activation) {
  switch (activation) {
    case RBK_ACTIVATION_GELU:
      return splat(0.5f) * x * (splat(1) + erf16(x * splat(0.70710678f)));
    case RBK_ACTIVATION_GELU_TANH: {
      // tanh(u) = 1 - 2 / (e^2u + 1)
      v16 u = splat(0.79788456f) * (x + splat(0.044715f) * x * x * x);
      v16 t = splat(1) - splat(2) / (exp16(splat(2) * u) + splat(1));
      return splat(0.5f) * x * (splat(1) + t);
    }
    case RBK_ACTIVATION_RELU:
      return max16(splat(0), x);
    default:
      return x;
  }
}

// One register tile: ROWS rows of a [*, inputs] times VECTORS * 16 columns of a panel. The
// accumulators run over the inputs in order, so a row's result does not depend on ROWS.
#define DEFINE_TILE(ROWS)                                                                          \
  INLINE void tile_##ROWS(const float *a, size_t a_stride, const float *b, size_t inputs,          \
                          v16 acc[ROWS][RBK_VECTORS]) {                                            \
    for (int i = 0; i < ROWS; i++)                                                                 \
      for (int j = 0; j < RBK_VECTORS; j++) acc[i][j] = splat(0);                                  \
    for (size_t p = 0; p < inputs; p++, b += RBK_PANEL) {                                          \
      v16 column[RBK_VECTORS];                                                                     \
      _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++) column[j] = load(b + 16 * j);        \
      _Pragma("unroll") for (int i = 0; i < ROWS; i++) {                                           \
        v16 x = splat(a[(size_t)i * a_stride + p]);                                                \
        _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++) acc[i][j] += x * column[j];        \
      }                                                                                            \
    }                                                                                              \
  }                                                                                                \
  static void product_##ROWS(const float *a, size_t a_stride, const float *panel, size_t inputs,   \
                             const float *bias, rbk_activation activation, float *y,               \
                             size_t y_stride, size_t columns) {                                    \
    for (size_t half = 0; half < RBK_PANEL && half < columns; half += 16 * RBK_VECTORS) {          \
      v16 acc[ROWS][RBK_VECTORS];                                                                  \
      tile_##ROWS(a, a_stride, panel + half, inputs, acc);                                         \
      for (int j = 0; j < RBK_VECTORS; j++) {                                                      \
        size_t at = half + 16 * (size_t)j;                                                         \
        if (at >= columns) break;                                                                  \
        size_t count = columns - at < 16 ? columns - at : 16;                                      \
        v16 add = bias ? load_some(bias + at, count) : splat(0);                                   \
        for (int i = 0; i < ROWS; i++) {                                                           \
          v16 value = activate(acc[i][j] + add, activation);                                       \
          float *out = y + (size_t)i * y_stride + at;                                              \
          if (count == 16) store(out, value);                                                      \
          else memcpy(out, &value, count * sizeof(float));                                         \
        }                                                                                          \
      }                                                                                            \
    }                                                                                              \
  }

DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)
#if RBK_ROWS >= 6
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)
#endif
#if RBK_ROWS >= 12
DEFINE_TILE(7)
DEFINE_TILE(8)
DEFINE_TILE(9)
DEFINE_TILE(10)
DEFINE_TILE(11)
DEFINE_TILE(12)
#endif

static void product(size_t rows, const float *a, size_t a_stride, const float *panel, size_t inputs,
                    const float *bias, rbk_activation activation, float *y, size_t y_stride,
                    size_t columns) {
#define CASE(R) \
  case R: product_##R(a, a_stride, panel, inputs, bias, activation, y, y_stride, columns); break;
  switch (rows) {
    CASE(1) CASE(2) CASE(3)
#if RBK_ROWS >= 6
    CASE(4) CASE(5) CASE(6)
#endif
#if RBK_ROWS >= 12
    CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
  }
#undef CASE
}

static void linear(const float *x, size_t x_stride, size_t rows, const float *packed,
                   size_t outputs, size_t inputs, const float *bias, rbk_activation activation,
                   float *y, size_t y_stride, size_t first_panel, size_t last_panel) {
  // A block of rows stays in the second-level cache while the panels pass over it.
  const size_t block = 16 * RBK_ROWS;
  for (size_t start = 0; start < rows; start += block) {
    size_t end = start + block < rows ? start + block : rows;
    for (size_t panel = first_panel; panel < last_panel; panel++) {
      size_t at = panel * RBK_PANEL;
      size_t columns = outputs - at < RBK_PANEL ? outputs - at : RBK_PANEL;
      for (size_t row = start; row < end; row += RBK_ROWS) {
        size_t count = end - row < RBK_ROWS ? end - row : RBK_ROWS;
        product(count, x + row * x_stride, x_stride, packed + at * inputs, inputs,
                bias ? bias + at : NULL, activation, y + row * y_stride + at, y_stride, columns);
      }
    }
  }
}

static size_t attention_scratch(size_t tokens, size_t head_size) {
  size_t keys = (tokens + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
  size_t columns = (head_size + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
  return keys * head_size + tokens * columns + RBK_ROWS * keys;
}

static void softmax_row(float *row, size_t count, float scale, const float *bias) {
  v16 top = splat(-INFINITY);
  size_t j = 0;
  for (; j + 16 <= count; j += 16) {
    v16 x = load(row + j) * splat(scale);
    if (bias) x += load(bias + j);
    store(row + j, x);
    top = max16(x, top);
  }
  float largest = largest16(top);
  for (; j < count; j++) {
    row[j] = row[j] * scale + (bias ? bias[j] : 0);
    if (row[j] > largest) largest = row[j];
  }
  v16 total = splat(0);
  for (j = 0; j + 16 <= count; j += 16) {
    v16 e = exp16(load(row + j) - splat(largest));
    store(row + j, e);
    total += e;
  }
  if (j < count) {
    v16 e = exp16(load_some(row + j, count - j) - splat(largest));
    memcpy(row + j, &e, (count - j) * sizeof(float));
    v16 kept = load_some(row + j, count - j);
    total += kept;
  }
  v16 scaled = splat(1.0f / sum16(total));
  for (j = 0; j + 16 <= count; j += 16) store(row + j, load(row + j) * scaled);
  for (; j < count; j++) row[j] *= scaled[0];
}

static void attention(const float *q, const float *k, const float *v, size_t stride, size_t tokens,
                      size_t head_size, float scale, const float *relative_bias,
                      size_t bias_centre, float *out, size_t out_stride, float *scratch) {
  size_t keys = (tokens + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
  size_t columns = (head_size + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
  float *packed_keys = scratch;
  float *packed_values = packed_keys + keys * head_size;
  float *scores = packed_values + tokens * columns;
  // Keys as the columns of panels: packed_keys[panel][component][key in panel].
  for (size_t key = 0; key < keys; key++) {
    float *to = packed_keys + key / RBK_PANEL * RBK_PANEL * head_size + key % RBK_PANEL;
    for (size_t c = 0; c < head_size; c++)
      to[c * RBK_PANEL] = key < tokens ? k[key * stride + c] : 0;
  }
  // Values as panels of 32 components: packed_values[panel][token][component in panel].
  for (size_t panel = 0; panel * RBK_PANEL < head_size; panel++) {
    size_t at = panel * RBK_PANEL;
    size_t count = head_size - at < RBK_PANEL ? head_size - at : RBK_PANEL;
    for (size_t token = 0; token < tokens; token++) {
      float *to = packed_values + (panel * tokens + token) * RBK_PANEL;
      memcpy(to, v + token * stride + at, count * sizeof(float));
      if (count < RBK_PANEL) memset(to + count, 0, (RBK_PANEL - count) * sizeof(float));
    }
  }
  for (size_t row = 0; row < tokens; row += RBK_ROWS) {
    size_t rows = tokens - row < RBK_ROWS ? tokens - row : RBK_ROWS;
    for (size_t key = 0; key < keys; key += RBK_PANEL)
      product(rows, q + row * stride, stride, packed_keys + key * head_size, head_size, NULL,
              RBK_ACTIVATION_NONE, scores + key, keys, RBK_PANEL);
    for (size_t i = 0; i < rows; i++)
      softmax_row(scores + i * keys, tokens, scale,
                  relative_bias ? relative_bias + bias_centre - (row + i) : NULL);
    for (size_t at = 0; at < head_size; at += RBK_PANEL) {
      size_t count = head_size - at < RBK_PANEL ? head_size - at : RBK_PANEL;
      product(rows, scores, keys, packed_values + at * tokens, tokens, NULL, RBK_ACTIVATION_NONE,
              out + row * out_stride + at, out_stride, count);
    }
  }
}

static void layer_norm(const float *x, const float *residual, size_t rows, size_t columns,
                       const float *gamma, const float *beta, float epsilon, float *y) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns) {
    v16 total = splat(0);
    size_t j = 0;
    for (; j < columns; j += 16) {
      size_t count = columns - j < 16 ? columns - j : 16;
      v16 value = count == 16 ? load(x + j) : load_some(x + j, count);
      if (residual) value += count == 16 ? load(residual + j) : load_some(residual + j, count);
      if (count == 16) store(y + j, value);
      else memcpy(y + j, &value, count * sizeof(float));
      total += value;
    }
    float mean = sum16(total) / (float)columns;
    v16 squares = splat(0);
    for (j = 0; j + 16 <= columns; j += 16) {
      v16 d = load(y + j) - splat(mean);
      squares += d * d;
    }
    float rest = 0;
    for (; j < columns; j++) rest += (y[j] - mean) * (y[j] - mean);
    float scale = 1.0f / sqrtf((sum16(squares) + rest) / (float)columns + epsilon);
    for (j = 0; j + 16 <= columns; j += 16)
      store(y + j, (load(y + j) - splat(mean)) * splat(scale) * load(gamma + j) + load(beta + j));
    for (; j < columns; j++) y[j] = (y[j] - mean) * scale * gamma[j] + beta[j];
    if (residual) residual += columns;
  }
}

static void embed(const float *a, const int32_t *ids_a, const float *b, const int32_t *ids_b,
                  const float *c, const int32_t *ids_c, size_t rows, size_t columns, float *y) {
  for (size_t row = 0; row < rows; row++, y += columns) {
    const float *pa = a + (size_t)ids_a[row] * columns;
    const float *pb = b ? b + (size_t)ids_b[row] * columns : NULL;
    const float *pc = c ? c + (size_t)ids_c[row] * columns : NULL;
    for (size_t j = 0; j < columns; j++) {
      float value = pa[j];
      if (pc) value += pc[j];
      if (pb) value += pb[j];
      y[j] = value;
    }
  }
}

static void mean(const float *x, size_t stride, size_t rows, size_t columns, float *y) {
  memset(y, 0, columns * sizeof(float));
  for (size_t row = 0; row < rows; row++)
    for (size_t j = 0; j < columns; j++) y[j] += x[row * stride + j];
  if (rows > 0)
    for (size_t j = 0; j < columns; j++) y[j] /= (float)rows;
}

static float dot(const float *a, const float *b, size_t count) {
  v16 total = splat(0);
  size_t j = 0;
  for (; j + 16 <= count; j += 16) total += load(a + j) * load(b + j);
  if (j < count) total += load_some(a + j, count - j) * load_some(b + j, count - j);
  return sum16(total);
}

#include "training_kernels.h"
#include "product_kernels.h"
#include "attention_kernels.h"
#include "cache_kernels.h"
#include "noise_kernels.h"

const rbk_encoder_table RBK_NAME(rbk_encoder) = {
    .name = RBK_LABEL,
    .linear = linear,
    .attention_scratch = attention_scratch,
    .attention = attention,
    .layer_norm = layer_norm,
    .embed = embed,
    .mean = mean,
    .dot = dot,
    .pack_rows = pack_rows,
    .pack_columns = pack_columns,
    .product_scratch = product_scratch,
    .multiply = multiply,
    .activate = activate_all,
    .activate_gradient = activate_gradient,
    .swiglu = swiglu,
    .swiglu_gradient = swiglu_gradient,
    .layer_norm_keeping = layer_norm_keeping,
    .rms_norm = rms_norm,
    .norm_gradient = norm_gradient,
    .column_sums = column_sums,
    .add = add_all,
    .add_scaled = add_scaled,
    .largest = largest,
    .exp_sum = exp_sum,
    .exp_scaled = exp_scaled,
    .squared_norm = squared_norm,
    .add_noise = add_noise,
    .attention_gradient_scratch = attention_gradient_scratch,
    .grouped_attention = grouped_attention,
    .attention_gradient = attention_gradient,
    .append_to_cache = append_to_cache,
    .cached_attention_scratch = cached_attention_scratch,
    .cached_attention = cached_attention,
};
