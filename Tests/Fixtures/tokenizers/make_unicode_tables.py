"""Writes Sources/Models/Tokenizers/Generated/UnicodeTables.swift from the behaviour of the Python package `tokenizers` itself.

The Rust crates behind `tokenizers` carry Unicode tables of several versions (categories, decompositions,
lowercase mappings). Asking the package about every scalar value is the only way to agree with all of them.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python make_unicode_tables.py > UnicodeTables.swift

Nothing here is random.
"""

import sys
import unicodedata

import tokenizers
from tokenizers import Regex, normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
REMOVED, SPACE, CJK, MARK, PUNCTUATION, DECOMPOSES, LOWERCASES, REORDERS = (1 << i for i in range(8))
LETTER, NUMBER, WHITESPACE, NUMERIC = (1 << i for i in range(8, 12))


def bert(**on):
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return normalizers.BertNormalizer(**{**options, **on})


clean, cjk, strip = bert(clean_text=True), bert(handle_chinese_chars=True), bert(strip_accents=True)
nfd, lowercase, split = normalizers.NFD(), normalizers.Lowercase(), pre_tokenizers.BertPreTokenizer()

# What the regular expressions of byte-level tokenizers ask, and `Digits`, whose table is another.
classes_asked = [
    (LETTER, pre_tokenizers.Split(Regex(r"\p{L}"), "isolated")),
    (NUMBER, pre_tokenizers.Split(Regex(r"\p{N}"), "isolated")),
    (WHITESPACE, pre_tokenizers.Split(Regex(r"\s"), "isolated")),
    (NUMERIC, pre_tokenizers.Digits(individual_digits=True)),
]

flags, decompositions, lowercases = {}, {}, {}
for c in SCALARS:
    s, flag = chr(c), 0
    cleaned = clean.normalize_str("a" + s + "b")
    if cleaned == "ab":
        flag |= REMOVED
    if cjk.normalize_str(s) == f" {s} ":
        flag |= CJK
    pieces = [p for p, _ in split.pre_tokenize_str("a" + s + "b")]
    if pieces == ["a", "b"]:
        flag |= SPACE
    elif pieces == ["a", s, "b"]:
        flag |= PUNCTUATION
    else:
        assert pieces == ["a" + s + "b"], (hex(c), pieces)
    # The normalizer turns into a space exactly what the pre-tokenizer splits at.
    assert (cleaned == "a b") == (flag & SPACE != 0 and flag & REMOVED == 0), hex(c)
    decomposed = nfd.normalize_str(s)
    if decomposed != s:
        decompositions[c] = [ord(x) for x in decomposed]
        flag |= 0 if 0xAC00 <= c <= 0xD7A3 else DECOMPOSES
    if strip.normalize_str(s) == "" and decomposed == s:
        flag |= MARK
    lowered = lowercase.normalize_str(s)
    if lowered != s:
        lowercases[c] = [ord(x) for x in lowered]
        flag |= LOWERCASES
    for bit, splitter in classes_asked:
        if len(splitter.pre_tokenize_str("\u0001" + s + "\u0001")) == 3:
            flag |= bit
    flags[c] = flag

marks = {c for c in SCALARS if flags[c] & MARK}
for c in SCALARS:
    kept = [x for x in decompositions.get(c, [c]) if x not in marks]
    assert strip.normalize_str(chr(c)) == "".join(map(chr, kept)), hex(c)

# Hangul syllables decompose by arithmetic; the table leaves them out.
for c in range(0xAC00, 0xD7A4):
    i = c - 0xAC00
    parts = [0x1100 + i // 588, 0x1161 + i % 588 // 28] + ([0x11A7 + i % 28] if i % 28 else [])
    assert decompositions.pop(c) == parts, hex(c)

# Canonical combining classes, by how the package reorders a scalar against probes of known class.
probes = {}
for c in SCALARS:
    mark = nfd.normalize_str("a" + chr(c) + "\u0334") == "a\u0334" + chr(c) or c == 0x334
    if mark and unicodedata.combining(chr(c)) and c not in decompositions:
        probes.setdefault(unicodedata.combining(chr(c)), chr(c))
levels = sorted(probes)


def swapped(first, second):
    return first != second and nfd.normalize_str("a" + first + second) == "a" + second + first


classes = {}
for c in SCALARS:
    s = chr(c)
    if c in decompositions or 0xAC00 <= c <= 0xD7A3:
        continue
    below = swapped(s, probes[1])  # class over 1
    if below or swapped(probes[levels[-1]], s):
        lower = max([0] + [k for k in levels if swapped(s, probes[k])])
        upper = min([255] + [k for k in levels if swapped(probes[k], s)])
        between = [k for k in levels if lower < k < upper]
        assert len(between) == 1, (hex(c), between)
        classes[c] = between[0]
        flags[c] |= REORDERS
known = {c: unicodedata.combining(chr(c)) for c in classes}
differing = {hex(c): (classes[c], known[c]) for c in classes if known[c] != classes[c]}
print("combining classes that differ from Python's:", differing, file=sys.stderr)


def literal(name, comment, numbers):
    print(f"  /// {comment}")
    print("  // swift-format-ignore")
    print(f"  static let {name}: [UInt32] = [")
    line = "   "
    for n in numbers:
        item = f" {n}," if n < 10 else f" {n:#x},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("  ]")


ranges = []
for c in SCALARS:
    if ranges and ranges[-1][2] == flags[c] and ranges[-1][1] == c - 1:
        ranges[-1][1] = c
    else:
        ranges.append([c, c, flags[c]])
ranges = [r for r in ranges if r[2]]

runs = []  # first, last, class
for c, k in sorted(classes.items()):
    if runs and runs[-1][1] == c - 1 and runs[-1][2] == k:
        runs[-1][1] = c
    else:
        runs.append([c, c, k])

multiple = {c: v for c, v in lowercases.items() if len(v) > 1}
assert list(multiple) == [0x130], multiple
single = sorted((c, v[0]) for c, v in lowercases.items() if len(v) == 1)
lower = []  # first, last, step, lowercase of first
for c, v in single:
    if lower:
        first, last, step, target = lower[-1]
        if v - c == target - first and (c - last == step or (first == last and c - last in (1, 2))):
            lower[-1] = [first, c, c - last, target]
            continue
    lower.append([c, c, 1, v])

flat = []
for c, v in sorted(decompositions.items()):
    flat.append(c | len(v) << 24)
    flat.extend(v)

print(f"""// Generated by Tests/Fixtures/tokenizers/make_unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.

/// What the Unicode tables inside the `tokenizers` package say of each scalar.
enum UnicodeTables {{""")
literal("flags", "First scalar, last scalar, `ScalarFlags` bits; ascending.", [x for r in ranges for x in r])
print()
literal("lowercase", "First scalar, last scalar, step, lowercase of the first; ascending.", [x for r in lower for x in r])
print()
literal("combiningClasses", "First scalar, last scalar, canonical combining class; ascending.", [x for r in runs for x in r])
print()
literal("decompositions", "Scalar with the count of parts in the top byte, then the parts; ascending.", flat)
print("}")
