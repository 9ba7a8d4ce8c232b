// Normal noise from random bits, compiled once for each instruction set behind encoder_kernels.h.
//
// The method of Box and Muller in Float64: radius sqrt(-2 log u), angle 2 pi t. u has 52 bits, so the
// tail reaches to 8.5 standard deviations with its true frequencies. Series end where they are exact to
// 1e-13, far below what Float32 holds.

typedef double d8 __attribute__((vector_size(64), aligned(8)));
typedef float f8 __attribute__((vector_size(32), aligned(4)));
typedef int64_t l8 __attribute__((vector_size(64), aligned(8)));

INLINE d8 splat8(double x) { return (d8){x, x, x, x, x, x, x, x}; }
INLINE l8 splat8l(int64_t x) { return (l8){x, x, x, x, x, x, x, x}; }
INLINE d8 select8(l8 mask, d8 yes, d8 no) {
  return (d8)((mask & (l8)yes) | (~mask & (l8)no));
}

/// A number in [1, 2) from the upper 52 bits.
INLINE d8 one_to_two(l8 bits) {
  typedef uint64_t u8 __attribute__((vector_size(64), aligned(8)));
  return (d8)((l8)((u8)bits >> 12) | splat8l(0x3FF0000000000000));
}

/// -2 log u for u in (0, 1], u at least 2^-52.
INLINE d8 minus_two_log(d8 u) {
  // u = m 2^e with m from sqrt(1/2) to sqrt(2); log m = 2 atanh((m - 1) / (m + 1)).
  d8 m = (d8)(((l8)u & splat8l(0x000FFFFFFFFFFFFF)) | splat8l(0x3FF0000000000000));
  l8 high = m > splat8(1.4142135623730951);
  // The biased exponent, 971 to 1023, as a number: placed into the last bits of 2^52.
  l8 exponent = ((l8)u >> 52) | splat8l(0x4330000000000000);
  d8 e = (d8)exponent - splat8(4503599627370496.0 + 1023);
  m = select8(high, m * splat8(0.5), m);
  e = select8(high, e + splat8(1), e);
  d8 f = (m - splat8(1)) / (m + splat8(1));
  d8 s = f * f;
  d8 p = splat8(1.0 / 17);
  p = p * s + splat8(1.0 / 15);
  p = p * s + splat8(1.0 / 13);
  p = p * s + splat8(1.0 / 11);
  p = p * s + splat8(1.0 / 9);
  p = p * s + splat8(1.0 / 7);
  p = p * s + splat8(1.0 / 5);
  p = p * s + splat8(1.0 / 3);
  p = p * s + splat8(1);
  d8 log = e * splat8(0.6931471805599453) + splat8(2) * f * p;
  return splat8(-2) * log;
}

/// cos and sin of 2 pi t for t in [0, 1).
INLINE void cos_sin_turns(d8 t, d8 *cosine, d8 *sine) {
  // The nearest quarter q; what is left is at most an eighth of a turn.
  d8 shifted = splat8(4) * t + splat8(6755399441055744.0);  // 1.5 * 2^52: rounds to an integer
  l8 q = (l8)shifted;
  d8 x = (splat8(4) * t - (shifted - splat8(6755399441055744.0))) * splat8(1.5707963267948966);
  d8 s = x * x;
  d8 a = splat8(1.0 / 6227020800);
  a = a * s - splat8(1.0 / 39916800);
  a = a * s + splat8(1.0 / 362880);
  a = a * s - splat8(1.0 / 5040);
  a = a * s + splat8(1.0 / 120);
  a = a * s - splat8(1.0 / 6);
  a = a * s * x + x;  // sin x
  d8 c = splat8(-1.0 / 87178291200);
  c = c * s + splat8(1.0 / 479001600);
  c = c * s - splat8(1.0 / 3628800);
  c = c * s + splat8(1.0 / 40320);
  c = c * s - splat8(1.0 / 720);
  c = c * s + splat8(1.0 / 24);
  c = c * s - splat8(0.5);
  c = c * s + splat8(1);  // cos x
  l8 odd = (q & splat8l(1)) != splat8l(0);
  l8 sine_sign = (q & splat8l(2)) << 62, cosine_sign = ((q + splat8l(1)) & splat8l(2)) << 62;
  *sine = (d8)((l8)select8(odd, c, a) ^ sine_sign);
  *cosine = (d8)((l8)select8(odd, a, c) ^ cosine_sign);
}

static void add_noise(const void *bits, double deviation, double factor, size_t count,
                      float *values) {
  const d8 scale = splat8(0.5 * deviation);
  const char *words = bits;
  for (size_t i = 0; i < count; i += 16, words += 8 * RBK_NOISE_WORDS) {
    d8 first = splat8(0), second = splat8(0);
    for (int draw = 0; draw < 4; draw++) {
      l8 a, b;
      memcpy(&a, words + 128 * draw, sizeof a);
      memcpy(&b, words + 128 * draw + 64, sizeof b);
      d8 square = minus_two_log(splat8(2) - one_to_two(a));
      // log 1 may round to a number below 0 or to -0.
      d8 radius = __builtin_elementwise_sqrt(select8(square > splat8(0), square, splat8(0)));
      d8 cosine, sine;
      cos_sin_turns(one_to_two(b) - splat8(1), &cosine, &sine);
      first += radius * cosine;
      second += radius * sine;
    }
    // The last numbers are fewer than 16, and go through a block.
    float block[16] = {0};
    float *target = count - i < 16 ? block : values + i;
    if (target == block) memcpy(block, values + i, (count - i) * sizeof(float));
    f8 halves[2];
    memcpy(halves, target, sizeof halves);
    halves[0] = __builtin_convertvector(
        splat8(factor) * (__builtin_convertvector(halves[0], d8) + scale * first), f8);
    halves[1] = __builtin_convertvector(
        splat8(factor) * (__builtin_convertvector(halves[1], d8) + scale * second), f8);
    memcpy(target, halves, sizeof halves);
    if (target == block) memcpy(values + i, block, (count - i) * sizeof(float));
  }
}
