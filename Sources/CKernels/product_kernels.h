// Products of training: C = A B and C += A B with A as it lies or transposed, compiled once for each
// instruction set behind encoder_kernels.h, whose vectors it uses.
//
// A transposed A is packed into tiles of RBK_ROWS rows, [inner][row]; tiles of A meet panels of B,
// [inner][RBK_PANEL]. Every element of C is one sum over the inner dimension in order, whatever the
// blocks: where the inner dimension is cut, the sum goes on from the number in C. So the result of
// a row depends neither on the other rows nor on who computes them, and equals `linear`'s bits.

enum {
  INNER_BLOCK = 256,             // a panel of B and a tile of A stay in the first-level cache
  ROW_BLOCK = 16 * RBK_ROWS,     // a block of A stays in the second-level cache
};

/// c[RBK_ROWS, RBK_PANEL] = (accumulate ? c : 0) + tile · panel, then bias and activation. Element
/// (i, p) of the tile lies at a[i * row_step + p * inner_step].
INLINE void tile_product(const float *a, size_t row_step, size_t inner_step, const float *b,
                         size_t inner, float *c, size_t c_stride, bool accumulate,
                         const float *bias, rbk_activation activation) {
  for (size_t half = 0; half < RBK_PANEL; half += 16 * RBK_VECTORS) {
    v16 acc[RBK_ROWS][RBK_VECTORS];
    if (accumulate) {
      _Pragma("unroll") for (int i = 0; i < RBK_ROWS; i++)
          _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++)
              acc[i][j] = load(c + (size_t)i * c_stride + half + 16 * j);
    } else {
      _Pragma("unroll") for (int i = 0; i < RBK_ROWS; i++)
          _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++) acc[i][j] = splat(0);
    }
    const float *from = a, *panel = b + half;
    for (size_t p = 0; p < inner; p++, from += inner_step, panel += RBK_PANEL) {
      v16 column[RBK_VECTORS];
      _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++) column[j] = load(panel + 16 * j);
      _Pragma("unroll") for (int i = 0; i < RBK_ROWS; i++) {
        v16 x = splat(from[(size_t)i * row_step]);
        _Pragma("unroll") for (int j = 0; j < RBK_VECTORS; j++) acc[i][j] += x * column[j];
      }
    }
    for (int j = 0; j < RBK_VECTORS; j++) {
      v16 add = bias ? load(bias + half + 16 * j) : splat(0);
      for (int i = 0; i < RBK_ROWS; i++) {
        v16 value = bias ? acc[i][j] + add : acc[i][j];
        store(c + (size_t)i * c_stride + half + 16 * j,
              activation == RBK_ACTIVATION_NONE ? value : activate(value, activation));
      }
    }
  }
}

/// Of a packed tile.
static void product_tile(const float *a, const float *b, size_t inner, float *c, size_t c_stride,
                         bool accumulate, const float *bias, rbk_activation activation) {
  tile_product(a, 1, RBK_ROWS, b, inner, c, c_stride, accumulate, bias, activation);
}

/// Of rows as they lie, which is faster than packing them.
static void product_rows(const float *a, size_t a_stride, const float *b, size_t inner, float *c,
                         size_t c_stride, bool accumulate, const float *bias,
                         rbk_activation activation) {
  tile_product(a, a_stride, 1, b, inner, c, c_stride, accumulate, bias, activation);
}

/// The same for a tile that reaches over the edge of C: on a copy.
static void product_edge(const float *a, const float *b, size_t inner, float *c, size_t c_stride,
                         size_t rows, size_t columns, bool accumulate, const float *bias,
                         rbk_activation activation) {
  float edge[RBK_ROWS * RBK_PANEL] = {0}, edge_bias[RBK_PANEL] = {0};
  if (accumulate)
    for (size_t i = 0; i < rows; i++)
      memcpy(edge + i * RBK_PANEL, c + i * c_stride, columns * sizeof(float));
  if (bias) memcpy(edge_bias, bias, columns * sizeof(float));
  product_tile(a, b, inner, edge, RBK_PANEL, accumulate, bias ? edge_bias : NULL, activation);
  for (size_t i = 0; i < rows; i++)
    memcpy(c + i * c_stride, edge + i * RBK_PANEL, columns * sizeof(float));
}

/// tile[p][i] = A[i][p]; rows that are not there are zeros.
static void pack_tile(const float *a, size_t row_stride, size_t column_stride, size_t rows,
                      size_t inner, float *tile) {
  if (rows < RBK_ROWS) memset(tile, 0, inner * RBK_ROWS * sizeof(float));
  if (row_stride == 1 && rows == RBK_ROWS) {
    for (size_t p = 0; p < inner; p++)
      memcpy(tile + p * RBK_ROWS, a + p * column_stride, RBK_ROWS * sizeof(float));
    return;
  }
  for (size_t start = 0; start < inner; start += 16) {
    size_t end = start + 16 < inner ? start + 16 : inner;
    for (size_t i = 0; i < rows; i++)
      for (size_t p = start; p < end; p++)
        tile[p * RBK_ROWS + i] = a[i * row_stride + p * column_stride];
  }
}

static size_t product_scratch(void) { return (size_t)ROW_BLOCK * INNER_BLOCK; }

static void multiply(const rbk_product *job, size_t first_row, size_t last_row, float *scratch) {
  if (job->inner == 0) {
    for (size_t i = first_row; i < last_row; i++)
      for (size_t j = 0; j < job->columns; j++) {
        float value = job->accumulate ? job->c[i * job->c_stride + j] : 0;
        if (job->bias) value += job->bias[j];
        v16 one = activate(splat(value), job->activation);
        job->c[i * job->c_stride + j] = one[0];
      }
    return;
  }
  for (size_t start = first_row; start < last_row; start += ROW_BLOCK) {
    size_t rows = last_row - start < ROW_BLOCK ? last_row - start : ROW_BLOCK;
    for (size_t from = 0; from < job->inner; from += INNER_BLOCK) {
      size_t inner = job->inner - from < INNER_BLOCK ? job->inner - from : INNER_BLOCK;
      bool accumulate = job->accumulate || from > 0;
      bool is_last = from + inner == job->inner;
      const bool in_place = job->a_column_stride == 1;
      const float *bias = is_last ? job->bias : NULL;
      rbk_activation activation = is_last ? job->activation : RBK_ACTIVATION_NONE;
      for (size_t row = 0; row < rows; row += RBK_ROWS) {
        size_t count = rows - row < RBK_ROWS ? rows - row : RBK_ROWS;
        // Whole tiles of rows as they lie are packed only for an edge of C.
        if (in_place && count == RBK_ROWS && job->columns % RBK_PANEL == 0) continue;
        pack_tile(job->a + (start + row) * job->a_row_stride + from * job->a_column_stride,
                  job->a_row_stride, job->a_column_stride, count, inner, scratch + row * inner);
      }
      for (size_t at = 0; at < job->columns; at += RBK_PANEL) {
        size_t columns = job->columns - at < RBK_PANEL ? job->columns - at : RBK_PANEL;
        const float *panel = job->packed + at * job->inner + from * RBK_PANEL;
        const float *add = bias ? bias + at : NULL;
        for (size_t row = 0; row < rows; row += RBK_ROWS) {
          size_t count = rows - row < RBK_ROWS ? rows - row : RBK_ROWS;
          float *c = job->c + (start + row) * job->c_stride + at;
          if (count == RBK_ROWS && columns == RBK_PANEL && in_place)
            product_rows(job->a + (start + row) * job->a_row_stride + from, job->a_row_stride,
                         panel, inner, c, job->c_stride, accumulate, add, activation);
          else if (count == RBK_ROWS && columns == RBK_PANEL)
            product_tile(scratch + row * inner, panel, inner, c, job->c_stride, accumulate, add,
                         activation);
          else
            product_edge(scratch + row * inner, panel, inner, c, job->c_stride, count, columns,
                         accumulate, add, activation);
        }
      }
    }
  }
}
