// Expansion of ggml's quantised blocks of 32 numbers to Float32.
// Layouts: ggml-org/ggml, src/ggml-common.h (block_q4_0, block_q4_1, block_q8_0).
#ifndef RBK_QUANTIZED_H
#define RBK_QUANTIZED_H

#include <stddef.h>

/// Blocks of a half-precision scale d and 16 bytes of 4-bit numbers q: d (q - 8).
/// The low halves of the bytes are the numbers 0 to 15, the high halves 16 to 31.
void rbk_expand_q4_0(const void *source, size_t blocks, float *y);

/// Blocks of half-precision d and m and 16 bytes of 4-bit numbers q: d q + m, rounded twice.
void rbk_expand_q4_1(const void *source, size_t blocks, float *y);

/// Blocks of a half-precision scale d and 32 signed bytes q: d q.
void rbk_expand_q8_0(const void *source, size_t blocks, float *y);

#endif
