// Attention with a causal mask, rotary positions and grouped heads, and the gradient of attention;
// compiled once for each instruction set behind product_kernels.h.
//
// Queries are taken in blocks, so that memory grows with the number of tokens and not with its
// square. The gradient computes the softmax anew instead of keeping it.

enum { QUERY_BLOCK = 96 };  // a multiple of RBK_ROWS for each instruction set

INLINE size_t padded_to_panels(size_t count) {
  return (count + RBK_PANEL - 1) / RBK_PANEL * RBK_PANEL;
}

/// to[p * RBK_PANEL + j] = w[j * stride + p] for 16 by 16 numbers: blocks of 1, 2, 4 and 8 change
/// places across the diagonal.
INLINE void transpose16(const float *w, size_t stride, float *to) {
  v16 r[16];
  for (int j = 0; j < 16; j++) r[j] = load(w + (size_t)j * stride);
#define EXCHANGE(d, ...)                                            \
  for (int i = 0; i < 16; i++)                                      \
    if (!(i & d)) {                                                 \
      v16 a = r[i], b = r[i + d];                                   \
      r[i] = __builtin_shufflevector(a, b, __VA_ARGS__);            \
      r[i + d] = __builtin_shufflevector(a, b, SECOND_##d);         \
    }
#define SECOND_1 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31
#define SECOND_2 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31
#define SECOND_4 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31
#define SECOND_8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
  EXCHANGE(1, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30)
  EXCHANGE(2, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
  EXCHANGE(4, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27)
  EXCHANGE(8, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23)
#undef EXCHANGE
#undef SECOND_1
#undef SECOND_2
#undef SECOND_4
#undef SECOND_8
  for (int p = 0; p < 16; p++) store(to + p * RBK_PANEL, r[p]);
}

static void pack_rows(const float *w, size_t stride, size_t columns, size_t inner, float *packed,
                      size_t first_panel, size_t last_panel) {
  for (size_t panel = first_panel; panel < last_panel; panel++) {
    float *to = packed + panel * RBK_PANEL * inner;
    size_t at = panel * RBK_PANEL;
    size_t count = columns - at < RBK_PANEL ? columns - at : RBK_PANEL;
    if (count < RBK_PANEL) memset(to, 0, inner * RBK_PANEL * sizeof(float));
    for (size_t start = 0; start < inner; start += 16) {
      size_t end = start + 16 < inner ? start + 16 : inner;
      size_t done = 0;
      for (; end - start == 16 && done + 16 <= count; done += 16)
        transpose16(w + (at + done) * stride + start, stride, to + start * RBK_PANEL + done);
      for (size_t j = done; j < count; j++)
        for (size_t p = start; p < end; p++) to[p * RBK_PANEL + j] = w[(at + j) * stride + p];
    }
  }
}

static void pack_columns(const float *b, size_t stride, size_t inner, size_t columns,
                         const float *weights, float *packed, size_t first_panel,
                         size_t last_panel) {
  for (size_t panel = first_panel; panel < last_panel; panel++) {
    float *to = packed + panel * RBK_PANEL * inner;
    size_t at = panel * RBK_PANEL;
    size_t count = columns - at < RBK_PANEL ? columns - at : RBK_PANEL;
    for (size_t p = 0; p < inner; p++, to += RBK_PANEL) {
      const float *from = b + p * stride + at;
      for (size_t j = 0; j < RBK_PANEL; j += 16) {
        v16 x = j >= count ? splat(0) : load_up_to(from + j, count - j);
        store(to + j, weights ? x * splat(weights[p]) : x);
      }
    }
  }
}

/// out = rotated x; `direction` -1 turns back.
static void rotate(const float *x, size_t stride, size_t tokens, size_t head_size,
                   const float *cosines, const float *sines, float direction, float *out,
                   size_t out_stride) {
  size_t half = head_size / 2;
  for (size_t t = 0; t < tokens; t++, x += stride, out += out_stride)
    for (size_t c = 0; c < half; c++) {
      float cosine = cosines[t * half + c], sine = direction * sines[t * half + c];
      float a = x[c], b = x[c + half];
      out[c] = a * cosine - b * sine;
      out[c + half] = b * cosine + a * sine;
    }
}

/// Where the parts of the scratch memory lie.
typedef struct {
  float *keys;          // rotated keys
  float *queries;       // rotated queries of a block
  float *packed_keys;   // as columns of scores
  float *packed_values; // as columns of scores, or as rows for the output
  float *key_rows;      // as rows, for the queries' gradient
  float *block;         // rows of a block of queries or of output gradients, packed
  float *scores, *score_gradients;
  float *key_gradients, *query_gradients;
  float *product;
  size_t count;         // floats of all parts
} attention_parts;

static attention_parts divide(const rbk_attention_shape *s, float *scratch) {
  attention_parts parts = {0};
  const size_t keys = padded_to_panels(s->tokens), columns = padded_to_panels(s->head_size);
  const struct {
    float **part;
    size_t count;
  } plan[] = {
      {&parts.keys, s->tokens * s->head_size},
      {&parts.queries, QUERY_BLOCK * s->head_size},
      {&parts.packed_keys, keys * s->head_size},
      {&parts.packed_values, keys * columns},
      {&parts.key_rows, s->tokens * columns},
      {&parts.block, QUERY_BLOCK * columns},
      {&parts.scores, QUERY_BLOCK * keys},
      {&parts.score_gradients, QUERY_BLOCK * keys},
      {&parts.key_gradients, s->tokens * s->head_size},
      {&parts.query_gradients, QUERY_BLOCK * s->head_size},
      {&parts.product, product_scratch()},
  };
  for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++) {
    if (scratch) *plan[i].part = scratch + parts.count;
    parts.count += (plan[i].count + 15) / 16 * 16;
  }
  return parts;
}

static size_t attention_gradient_scratch(const rbk_attention_shape *shape) {
  return divide(shape, NULL).count;
}

static void small_product(const float *a, size_t a_row_stride, size_t a_column_stride, size_t rows,
                          const float *packed, size_t columns, size_t inner, float *c,
                          size_t c_stride, bool accumulate, float *scratch) {
  rbk_product job = {
      .a = a, .a_row_stride = a_row_stride, .a_column_stride = a_column_stride, .packed = packed,
      .columns = columns, .inner = inner, .c = c, .c_stride = c_stride, .accumulate = accumulate,
      .bias = NULL, .activation = RBK_ACTIVATION_NONE,
  };
  multiply(&job, 0, rows, scratch);
}

/// Softmax of the scores of queries [first, first + rows) of head g; keys up to `seen` have scores.
static void mask_and_normalise(const rbk_attention_shape *s, size_t g, size_t first, size_t rows,
                               size_t seen, float *scores, size_t stride) {
  for (size_t i = 0; i < rows; i++) {
    float *row = scores + i * stride;
    size_t count = s->causal ? first + i + 1 : seen;
    softmax_row(row, count, s->scale,
                s->relative_bias
                    ? s->relative_bias + g * s->bias_stride + s->bias_centre - (first + i)
                    : NULL);
    if (count < seen) memset(row + count, 0, (seen - count) * sizeof(float));
  }
}

static void grouped_attention(const rbk_attention_shape *s, const float *q, const float *k,
                              const float *v, float *out, size_t out_stride, float *scratch) {
  const attention_parts parts = divide(s, scratch);
  const size_t keys = padded_to_panels(s->tokens), head = s->head_size;
  size_t k_stride = s->stride;
  if (s->cosines) {
    rotate(k, s->stride, s->tokens, head, s->cosines, s->sines, 1, parts.keys, head);
    k = parts.keys;
    k_stride = head;
  }
  pack_rows(k, k_stride, s->tokens, head, parts.packed_keys, 0, keys / RBK_PANEL);
  pack_columns(v, s->stride, s->tokens, head, NULL, parts.packed_values, 0,
               padded_to_panels(head) / RBK_PANEL);
  for (size_t g = 0; g < s->group; g++)
    for (size_t first = 0; first < s->tokens; first += QUERY_BLOCK) {
      size_t rows = s->tokens - first < QUERY_BLOCK ? s->tokens - first : QUERY_BLOCK;
      size_t seen = s->causal ? first + rows : s->tokens;
      const float *queries = q + first * s->stride + g * head;
      size_t q_stride = s->stride;
      if (s->cosines) {
        rotate(queries, s->stride, rows, head, s->cosines + first * (head / 2),
               s->sines + first * (head / 2), 1, parts.queries, head);
        queries = parts.queries;
        q_stride = head;
      }
      small_product(queries, q_stride, 1, rows, parts.packed_keys, seen, head, parts.scores, keys,
                    false, parts.product);
      mask_and_normalise(s, g, first, rows, seen, parts.scores, keys);
      rbk_product job = {
          .a = parts.scores, .a_row_stride = keys, .a_column_stride = 1,
          .packed = parts.packed_values, .columns = head, .inner = s->tokens,
          .c = out + first * out_stride + g * head, .c_stride = out_stride,
      };
      // Keys that nobody sees yet have no scores: they are zeros.
      for (size_t i = 0; i < rows && seen < s->tokens; i++)
        memset(parts.scores + i * keys + seen, 0, (s->tokens - seen) * sizeof(float));
      multiply(&job, 0, rows, parts.product);
    }
}

static void attention_gradient(const rbk_attention_shape *s, const float *q, const float *k,
                               const float *v, const float *dout, size_t out_stride, float *dq,
                               float *dk, float *dv, float *dbias, float *scratch) {
  const attention_parts parts = divide(s, scratch);
  const size_t keys = padded_to_panels(s->tokens), head = s->head_size;
  const size_t head_panels = padded_to_panels(head) / RBK_PANEL, key_panels = keys / RBK_PANEL;
  size_t k_stride = s->stride;
  if (s->cosines) {
    rotate(k, s->stride, s->tokens, head, s->cosines, s->sines, 1, parts.keys, head);
    k = parts.keys;
    k_stride = head;
  }
  pack_rows(k, k_stride, s->tokens, head, parts.packed_keys, 0, key_panels);
  pack_rows(v, s->stride, s->tokens, head, parts.packed_values, 0, key_panels);
  pack_columns(k, k_stride, s->tokens, head, NULL, parts.key_rows, 0, head_panels);
  memset(parts.key_gradients, 0, s->tokens * head * sizeof(float));
  for (size_t t = 0; t < s->tokens; t++) memset(dv + t * s->stride, 0, head * sizeof(float));
  for (size_t g = 0; g < s->group; g++)
    for (size_t first = 0; first < s->tokens; first += QUERY_BLOCK) {
      size_t rows = s->tokens - first < QUERY_BLOCK ? s->tokens - first : QUERY_BLOCK;
      size_t seen = s->causal ? first + rows : s->tokens;
      const float *cosines = s->cosines ? s->cosines + first * (head / 2) : NULL;
      const float *sines = s->sines ? s->sines + first * (head / 2) : NULL;
      const float *queries = q + first * s->stride + g * head;
      const float *gradients = dout + first * out_stride + g * head;
      size_t q_stride = s->stride;
      if (cosines) {
        rotate(queries, s->stride, rows, head, cosines, sines, 1, parts.queries, head);
        queries = parts.queries;
        q_stride = head;
      }
      // P = softmax(scale q kᵀ + bias), dP = dout vᵀ
      small_product(queries, q_stride, 1, rows, parts.packed_keys, seen, head, parts.scores, keys,
                    false, parts.product);
      mask_and_normalise(s, g, first, rows, seen, parts.scores, keys);
      small_product(gradients, out_stride, 1, rows, parts.packed_values, seen, head,
                    parts.score_gradients, keys, false, parts.product);
      // dv += Pᵀ dout
      pack_columns(gradients, out_stride, rows, head, NULL, parts.block, 0, head_panels);
      small_product(parts.scores, 1, keys, seen, parts.block, head, rows, dv, s->stride, true,
                    parts.product);
      // dS = P (dP - Σ P dP)
      for (size_t i = 0; i < rows; i++) {
        const float *p = parts.scores + i * keys;
        float *d = parts.score_gradients + i * keys;
        v16 mean = splat(dot(p, d, seen)), scale = splat(s->scale);
        float *bias = dbias ? dbias + g * s->bias_stride + s->bias_centre - (first + i) : NULL;
        for (size_t j = 0; j < seen; j += 16) {
          size_t count = seen - j;
          v16 value = load_up_to(p + j, count) * (load_up_to(d + j, count) - mean);
          if (bias) store_up_to(bias + j, load_up_to(bias + j, count) + value, count);
          store_up_to(d + j, scale * value, count);
        }
        if (seen < s->tokens) memset(d + seen, 0, (s->tokens - seen) * sizeof(float));
      }
      // dq = scale dS k
      float *to = dq + first * s->stride + g * head;
      bool turns = cosines != NULL;
      small_product(parts.score_gradients, keys, 1, rows, parts.key_rows, head, s->tokens,
                    turns ? parts.query_gradients : to, turns ? head : s->stride, false,
                    parts.product);
      if (turns)
        rotate(parts.query_gradients, head, rows, head, cosines, sines, -1, to, s->stride);
      // dk += scale dSᵀ q
      pack_columns(queries, q_stride, rows, head, NULL, parts.block, 0, head_panels);
      small_product(parts.score_gradients, 1, keys, seen, parts.block, head, rows,
                    parts.key_gradients, head, true, parts.product);
    }
  if (s->cosines) {
    rotate(parts.key_gradients, head, s->tokens, head, s->cosines, s->sines, -1, dk, s->stride);
  } else {
    for (size_t t = 0; t < s->tokens; t++)
      memcpy(dk + t * s->stride, parts.key_gradients + t * head, head * sizeof(float));
  }
}
