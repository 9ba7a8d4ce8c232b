// Attention of new tokens over a cache of keys and values, compiled once for each instruction set
// behind attention_kernels.h.
//
// Every number is the sum that grouped_attention makes with a causal mask, term by term: a token that
// comes alone has the bits that it has among all others.

static void append_to_cache(const rbk_cache_shape *s, const float *k, const float *v, float *keys,
                            float *values) {
  const size_t head = s->head_size, columns = padded_to_panels(head);
  float turned[RBK_MAXIMUM_CACHED_HEAD];
  for (size_t row = 0; row < s->rows; row++, k += s->stride, v += s->stride) {
    size_t at = s->before + row;
    rotate(k, 0, 1, head, s->cosines + at * (head / 2), s->sines + at * (head / 2), 1, turned, 0);
    float *panel = keys + at / RBK_PANEL * RBK_PANEL * head;
    if (at % RBK_PANEL == 0) memset(panel, 0, RBK_PANEL * head * sizeof(float));
    for (size_t c = 0; c < head; c++) panel[c * RBK_PANEL + at % RBK_PANEL] = turned[c];
    for (size_t c = 0; c < columns; c += RBK_PANEL) {
      float *to = values + (c * s->capacity + at * RBK_PANEL);
      size_t count = head - c < RBK_PANEL ? head - c : RBK_PANEL;
      memcpy(to, v + c, count * sizeof(float));
      if (count < RBK_PANEL) memset(to + count, 0, (RBK_PANEL - count) * sizeof(float));
    }
  }
}

static size_t cached_attention_scratch(const rbk_cache_shape *s) {
  return RBK_ROWS * (2 * s->head_size + s->capacity);
}

static void cached_attention(const rbk_cache_shape *s, const float *q, const float *keys,
                             const float *values, float *out, size_t out_stride, float *scratch) {
  const size_t head = s->head_size, capacity = s->capacity, items = s->rows * s->group;
  float *queries = scratch, *results = queries + RBK_ROWS * head, *scores = results + RBK_ROWS * head;
  // The heads of one token stand together: they read the same keys.
  for (size_t first = 0; first < items; first += RBK_ROWS) {
    size_t count = items - first < RBK_ROWS ? items - first : RBK_ROWS;
    for (size_t i = 0; i < count; i++) {
      size_t row = (first + i) / s->group, g = (first + i) % s->group, at = s->before + row;
      rotate(q + row * s->stride + g * head, 0, 1, head, s->cosines + at * (head / 2),
             s->sines + at * (head / 2), 1, queries + i * head, 0);
    }
    size_t seen = s->before + (first + count - 1) / s->group + 1;
    for (size_t key = 0; key < seen; key += RBK_PANEL)
      product(count, queries, head, keys + key * head, head, NULL, RBK_ACTIVATION_NONE,
              scores + key, capacity, RBK_PANEL);
    for (size_t i = 0; i < count; i++) {
      size_t own = s->before + (first + i) / s->group + 1;
      softmax_row(scores + i * capacity, own, s->scale, NULL);
      memset(scores + i * capacity + own, 0, (seen - own) * sizeof(float));
    }
    for (size_t c = 0; c < head; c += RBK_PANEL)
      product(count, scores, capacity, values + c * capacity, seen, NULL, RBK_ACTIVATION_NONE,
              results + c, head, head - c < RBK_PANEL ? head - c : RBK_PANEL);
    for (size_t i = 0; i < count; i++)
      memcpy(out + (first + i) / s->group * out_stride + (first + i) % s->group * head,
             results + i * head, head * sizeof(float));
  }
}
