// The encoder kernels for avx512.
#if defined(__x86_64__)
#include <math.h>
#include <stdint.h>
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), apply_to = function)
#define RBK_NAME(x) x##_avx512
#define RBK_LABEL "avx512"
#define RBK_ROWS 12
#define RBK_VECTORS 2
#include "encoder_kernels.h"
#pragma clang attribute pop
#endif
