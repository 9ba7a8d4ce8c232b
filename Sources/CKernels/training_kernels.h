// Gradients of the encoder kernels and what else training needs, compiled once for each instruction
// set behind encoder_kernels.h, whose vectors and activations it uses.

INLINE v16 load_up_to(const float *p, size_t count) {
  return count >= 16 ? load(p) : load_some(p, count);
}
INLINE void store_up_to(float *p, v16 x, size_t count) {
  if (count >= 16) store(p, x);
  else memcpy(p, &x, count * sizeof(float));
}

static void activate_all(rbk_activation activation, const float *x, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16)
    store_up_to(y + i, activate(load_up_to(x + i, count - i), activation), count - i);
}

// activation'(x).
INLINE v16 slope(v16 x, rbk_activation activation) {
  switch (activation) {
    case RBK_ACTIVATION_GELU: {
      // Φ(x) + x φ(x)
      v16 below = splat(0.5f) * (splat(1) + erf16(x * splat(0.70710678f)));
      return below + x * splat(0.39894228f) * exp16(splat(-0.5f) * x * x);
    }
    case RBK_ACTIVATION_GELU_TANH: {
      v16 u = splat(0.79788456f) * (x + splat(0.044715f) * x * x * x);
      v16 t = splat(1) - splat(2) / (exp16(splat(2) * u) + splat(1));
      v16 du = splat(0.79788456f) * (splat(1) + splat(3 * 0.044715f) * x * x);
      return splat(0.5f) * (splat(1) + t) + splat(0.5f) * x * (splat(1) - t * t) * du;
    }
    case RBK_ACTIVATION_RELU:
      return select16(x > splat(0), splat(1), x - x);  // NaN stays NaN
    default:
      return splat(1);
  }
}

static void activate_gradient(rbk_activation activation, const float *x, const float *dy,
                              size_t count, float *dx) {
  for (size_t i = 0; i < count; i += 16) {
    v16 value = slope(load_up_to(x + i, count - i), activation) * load_up_to(dy + i, count - i);
    store_up_to(dx + i, value, count - i);
  }
}

INLINE v16 sigmoid16(v16 x) { return splat(1) / (splat(1) + exp16(-x)); }

static void swiglu(const float *gate, const float *up, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16) {
    v16 g = load_up_to(gate + i, count - i);
    store_up_to(y + i, g * sigmoid16(g) * load_up_to(up + i, count - i), count - i);
  }
}

static void swiglu_gradient(const float *gate, const float *up, const float *dy, size_t count,
                            float *dgate, float *dup) {
  for (size_t i = 0; i < count; i += 16) {
    v16 g = load_up_to(gate + i, count - i), u = load_up_to(up + i, count - i);
    v16 d = load_up_to(dy + i, count - i);
    v16 s = sigmoid16(g);
    store_up_to(dup + i, d * g * s, count - i);
    store_up_to(dgate + i, d * u * (s + g * s * (splat(1) - s)), count - i);
  }
}

static void layer_norm_keeping(const float *x, const float *residual, size_t rows, size_t columns,
                               const float *gamma, const float *beta, float epsilon, float *y,
                               float *normalised, float *scales) {
  // As layer_norm does it, sum by sum.
  for (size_t row = 0; row < rows; row++, x += columns, y += columns, normalised += columns) {
    v16 total = splat(0);
    size_t j = 0;
    for (; j < columns; j += 16) {
      v16 value = load_up_to(x + j, columns - j);
      if (residual) value += load_up_to(residual + j, columns - j);
      store_up_to(normalised + j, value, columns - j);
      total += value;
    }
    float mean = sum16(total) / (float)columns;
    v16 squares = splat(0);
    for (j = 0; j + 16 <= columns; j += 16) {
      v16 d = load(normalised + j) - splat(mean);
      squares += d * d;
    }
    float rest = 0;
    for (; j < columns; j++) rest += (normalised[j] - mean) * (normalised[j] - mean);
    float scale = 1.0f / sqrtf((sum16(squares) + rest) / (float)columns + epsilon);
    for (j = 0; j + 16 <= columns; j += 16) {
      v16 n = (load(normalised + j) - splat(mean)) * splat(scale);
      store(normalised + j, n);
      store(y + j, n * load(gamma + j) + load(beta + j));
    }
    for (; j < columns; j++) {
      normalised[j] = (normalised[j] - mean) * scale;
      y[j] = normalised[j] * gamma[j] + beta[j];
    }
    scales[row] = scale;
    if (residual) residual += columns;
  }
}

static void rms_norm(const float *x, size_t rows, size_t columns, const float *gamma, float epsilon,
                     float *y, float *normalised, float *scales) {
  for (size_t row = 0; row < rows; row++, x += columns, y += columns, normalised += columns) {
    float scale = 1.0f / sqrtf(dot(x, x, columns) / (float)columns + epsilon);
    for (size_t j = 0; j < columns; j += 16) {
      v16 n = load_up_to(x + j, columns - j) * splat(scale);
      store_up_to(normalised + j, n, columns - j);
      store_up_to(y + j, n * load_up_to(gamma + j, columns - j), columns - j);
    }
    scales[row] = scale;
  }
}

static void norm_gradient(const float *dy, const float *normalised, const float *scales,
                          size_t rows, size_t columns, const float *gamma, bool centred,
                          float *dx) {
  for (size_t row = 0; row < rows; row++, dy += columns, normalised += columns, dx += columns) {
    v16 total = splat(0), along = splat(0);
    for (size_t j = 0; j < columns; j += 16) {
      v16 g = load_up_to(dy + j, columns - j) * load_up_to(gamma + j, columns - j);
      total += g;
      along += g * load_up_to(normalised + j, columns - j);
    }
    v16 mean = splat(centred ? sum16(total) / (float)columns : 0);
    v16 slant = splat(sum16(along) / (float)columns), scale = splat(scales[row]);
    for (size_t j = 0; j < columns; j += 16) {
      v16 g = load_up_to(dy + j, columns - j) * load_up_to(gamma + j, columns - j);
      v16 n = load_up_to(normalised + j, columns - j);
      store_up_to(dx + j, scale * (g - mean - n * slant), columns - j);
    }
  }
}

static void column_sums(const float *dy, size_t stride, size_t rows, const float *factor,
                        size_t factor_stride, const float *weights, size_t first, size_t last,
                        float *out) {
  // Sums of 64 rows, then the sum of these: the rounding grows with rows / 64.
  for (size_t j = first; j < last; j += 16) {
    size_t count = last - j;
    v16 total = load_up_to(out + j, count);
    for (size_t start = 0; start < rows; start += 64) {
      size_t end = start + 64 < rows ? start + 64 : rows;
      v16 part = splat(0);
      for (size_t row = start; row < end; row++) {
        v16 value = load_up_to(dy + row * stride + j, count);
        if (factor) value *= load_up_to(factor + row * factor_stride + j, count);
        if (weights) value *= splat(weights[row]);
        part += value;
      }
      total += part;
    }
    store_up_to(out + j, total, count);
  }
}

static void add_all(const float *a, const float *b, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16)
    store_up_to(y + i, load_up_to(a + i, count - i) + load_up_to(b + i, count - i), count - i);
}

static void add_scaled(const float *x, float scale, size_t count, float *y) {
  for (size_t i = 0; i < count; i += 16) {
    v16 sum = load_up_to(y + i, count - i) + splat(scale) * load_up_to(x + i, count - i);
    store_up_to(y + i, sum, count - i);
  }
}

static float largest(const float *x, size_t count) {
  v16 top = splat(-INFINITY);
  size_t j = 0;
  i16 odd = (i16)splat(0);
  for (; j + 16 <= count; j += 16) {
    v16 value = load(x + j);
    top = max16(value, top);
    odd |= value != value;
  }
  float result = largest16(top);
  bool has_nan = false;
  for (int lane = 0; lane < 16; lane++) has_nan |= odd[lane] != 0;
  for (; j < count; j++) {
    has_nan |= x[j] != x[j];
    if (x[j] > result) result = x[j];
  }
  return has_nan ? NAN : result;
}

static double exp_sum(const float *x, size_t count, float shift) {
  // Float32 within blocks of 1024, Float64 over them.
  double total = 0;
  for (size_t start = 0; start < count; start += 1024) {
    size_t end = start + 1024 < count ? start + 1024 : count;
    v16 part = splat(0);
    size_t j = start;
    for (; j + 16 <= end; j += 16) part += exp16(load(x + j) - splat(shift));
    if (j < end) {
      v16 e = exp16(load_some(x + j, end - j) - splat(shift));
      float rest[16] = {0};
      memcpy(rest, &e, (end - j) * sizeof(float));
      part += load(rest);
    }
    total += sum16(part);
  }
  return total;
}

static void exp_scaled(const float *x, size_t count, float shift, float scale, float *y) {
  for (size_t i = 0; i < count; i += 16) {
    v16 e = exp16(load_up_to(x + i, count - i) - splat(shift)) * splat(scale);
    store_up_to(y + i, e, count - i);
  }
}

static double squared_norm(const float *x, size_t count) {
  double lane[16] = {0};
  size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int j = 0; j < 16; j++) lane[j] += (double)x[i + j] * (double)x[i + j];
  for (int j = 0; i < count; i++, j++) lane[j] += (double)x[i] * (double)x[i];
  for (int width = 8; width > 0; width /= 2)
    for (int j = 0; j < width; j++) lane[j] += lane[j + width];
  return lane[0];
}
