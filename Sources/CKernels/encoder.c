// Chooses the instruction set once and forwards to its kernels.
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "encoder_table.h"

static _Atomic(const rbk_encoder_table *) chosen;
static _Thread_local const rbk_encoder_table *restricted;

static bool is_available(const rbk_encoder_table *table) {
#if defined(__x86_64__)
  if (table == &rbk_encoder_avx512)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (table == &rbk_encoder_avx2)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
  return table == &rbk_encoder_portable;
}

static const rbk_encoder_table *const candidates[] = {
#if defined(__x86_64__)
    &rbk_encoder_avx512,
    &rbk_encoder_avx2,
#endif
    &rbk_encoder_portable,
};
enum { CANDIDATES = sizeof candidates / sizeof candidates[0] };

const rbk_encoder_table *rbk_kernels(void) {
  if (restricted) return restricted;
  const rbk_encoder_table *now = atomic_load_explicit(&chosen, memory_order_acquire);
  if (now) return now;
  for (int i = 0; i < CANDIDATES; i++)
    if (is_available(candidates[i])) {
      atomic_store_explicit(&chosen, candidates[i], memory_order_release);
      return candidates[i];
    }
  return &rbk_encoder_portable;
}

const char *rbk_instruction_set(void) { return rbk_kernels()->name; }

bool rbk_use_instruction_set(const char *name) {
  restricted = NULL;
  if (!name) return true;
  for (int i = 0; i < CANDIDATES; i++)
    if (strcmp(candidates[i]->name, name) == 0 && is_available(candidates[i]))
      restricted = candidates[i];
  return restricted != NULL;
}

size_t rbk_packed_count(size_t outputs, size_t inputs) {
  return (outputs + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL * inputs;
}

void rbk_pack(const float *weight, size_t outputs, size_t inputs, float *packed) {
  size_t padded = (outputs + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
  for (size_t panel = 0; panel < padded; panel += RBK_PANEL) {
    float *to = packed + panel * inputs;
    for (size_t p = 0; p < inputs; p++)
      for (size_t j = 0; j < RBK_PANEL; j++)
        to[p * RBK_PANEL + j] = panel + j < outputs ? weight[(panel + j) * inputs + p] : 0;
  }
}

void rbk_linear(const float *x, size_t x_stride, size_t rows, const float *packed, size_t outputs,
                size_t inputs, const float *bias, rbk_activation activation, float *y,
                size_t y_stride, size_t first_panel, size_t last_panel) {
  rbk_kernels()->linear(x, x_stride, rows, packed, outputs, inputs, bias, activation, y, y_stride,
                  first_panel, last_panel);
}

size_t rbk_attention_scratch(size_t tokens, size_t head_size) {
  return rbk_kernels()->attention_scratch(tokens, head_size);
}

void rbk_attention(const float *q, const float *k, const float *v, size_t stride, size_t tokens,
                   size_t head_size, float scale, const float *relative_bias, size_t bias_centre,
                   float *out, size_t out_stride, float *scratch) {
  rbk_kernels()->attention(q, k, v, stride, tokens, head_size, scale, relative_bias, bias_centre, out,
                     out_stride, scratch);
}

void rbk_layer_norm(const float *x, const float *residual, size_t rows, size_t columns,
                    const float *gamma, const float *beta, float epsilon, float *y) {
  rbk_kernels()->layer_norm(x, residual, rows, columns, gamma, beta, epsilon, y);
}

void rbk_embed(const float *a, const int32_t *ids_a, const float *b, const int32_t *ids_b,
               const float *c, const int32_t *ids_c, size_t rows, size_t columns, float *y) {
  rbk_kernels()->embed(a, ids_a, b, ids_b, c, ids_c, rows, columns, y);
}

void rbk_mean(const float *x, size_t stride, size_t rows, size_t columns, float *y) {
  rbk_kernels()->mean(x, stride, rows, columns, y);
}

float rbk_dot(const float *a, const float *b, size_t count) { return rbk_kernels()->dot(a, b, count); }

static float bits_to_float(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

void rbk_widen_f16(const uint16_t *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i++) {
    uint32_t sign = (uint32_t)(x[i] & 0x8000) << 16;
    uint32_t exponent = (x[i] >> 10) & 0x1F, fraction = x[i] & 0x3FF;
    if (exponent == 0)  // zero or subnormal: fraction * 2^-24
      y[i] = (sign ? -1.0f : 1.0f) * (float)fraction * 5.9604644775390625e-8f;
    else if (exponent == 31)
      y[i] = bits_to_float(sign | 0x7F800000 | fraction << 13);
    else
      y[i] = bits_to_float(sign | (exponent + 112) << 23 | fraction << 13);
  }
}

void rbk_widen_bf16(const uint16_t *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i++) y[i] = bits_to_float((uint32_t)x[i] << 16);
}

size_t rbk_first_nonfinite(const float *x, size_t count) {
  const uint32_t exponent = 0x7F800000;
  for (size_t start = 0; start < count; start += 1024) {
    size_t end = start + 1024 < count ? start + 1024 : count;
    uint32_t found = 0;
    for (size_t i = start; i < end; i++) {
      uint32_t bits;
      memcpy(&bits, x + i, sizeof bits);
      found |= (bits & exponent) == exponent;
    }
    for (size_t i = start; found && i < end; i++)
      if (!isfinite(x[i])) return i;
  }
  return count;
}
