// The encoder kernels for portable.
#define RBK_NAME(x) x##_portable
#define RBK_LABEL "portable"
#define RBK_ROWS 3
#define RBK_VECTORS 1
#include "encoder_kernels.h"
