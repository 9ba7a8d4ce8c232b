// The encoder kernels for avx2.
#if defined(__x86_64__)
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define RBK_NAME(x) x##_avx2
#define RBK_LABEL "avx2"
#define RBK_ROWS 6
#define RBK_VECTORS 1
#include "encoder_kernels.h"
#pragma clang attribute pop
#endif
