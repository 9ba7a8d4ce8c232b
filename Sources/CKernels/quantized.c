#include "rbk_quantized.h"

#include <stdint.h>
#include <string.h>

#include "rbk_encoder.h"

// Product and sum are rounded each, as in gguf-py: the same weights on every machine.
#pragma STDC FP_CONTRACT OFF

enum { block = 32 };

static float half_at(const uint8_t *bytes) {
  uint16_t half;
  float value;
  memcpy(&half, bytes, sizeof half);
  rbk_widen_f16(&half, 1, &value);
  return value;
}

void rbk_expand_q4_0(const void *source, size_t blocks, float *y) {
  const uint8_t *x = source;
  for (size_t i = 0; i < blocks; i++, x += 2 + block / 2, y += block) {
    const float d = half_at(x);
    for (int j = 0; j < block / 2; j++) {
      y[j] = d * (float)((x[2 + j] & 0xF) - 8);
      y[j + block / 2] = d * (float)((x[2 + j] >> 4) - 8);
    }
  }
}

void rbk_expand_q4_1(const void *source, size_t blocks, float *y) {
  const uint8_t *x = source;
  for (size_t i = 0; i < blocks; i++, x += 4 + block / 2, y += block) {
    const float d = half_at(x), m = half_at(x + 2);
    for (int j = 0; j < block / 2; j++) {
      y[j] = d * (float)(x[4 + j] & 0xF) + m;
      y[j + block / 2] = d * (float)(x[4 + j] >> 4) + m;
    }
  }
}

void rbk_expand_q8_0(const void *source, size_t blocks, float *y) {
  const uint8_t *x = source;
  for (size_t i = 0; i < blocks; i++, x += 2 + block, y += block) {
    const float d = half_at(x);
    for (int j = 0; j < block; j++) y[j] = d * (float)(int8_t)x[2 + j];
  }
}
