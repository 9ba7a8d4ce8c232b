"""The 400 hard strings of the tokenizer fixtures: (category, text), NUL-free, no lone surrogates.

Hand-written cases first, then seeded mixtures of the hand-written pools up to the count.
All non-ASCII scalars are written as escapes where they are invisible or reorder text.
"""

import random
import unicodedata

SEED = 20261124
COUNT = 400


def hand_written():
  cases = []

  def add(category, *texts):
    for text in texts:
      cases.append((category, text))

  add("empty", "")
  add("spaces", " ", "  ", "     ", "\t", "\n", "\r\n", " \t \n ", "\u00a0", "\u3000", "\u2003\u2003",
      "\u2028", "\u2029", "\u1680", "\u202f", "\u205f", "\u0085")
  add("ascii", "hello", "Hello, World!", "The quick brown fox jumps over the lazy dog.", "a", "A", "I'm",
      "don't can't won't", "U.S.A.", "e.g. i.e. etc.", "foo_bar-baz", "CamelCaseWord", "x=y+z", "3.14159",
      "1,234,567.89", "50mg/kg", "COVID-19", "IL-6", "p<0.05", "HER2+", "10^-3", "ALLCAPS TEXT HERE")
  add("leading and trailing", " lead", "trail ", "  both  ", "\tlead", "trail\n", "a  b", "a   b    c", "a\tb",
      "a\nb", "a\r\nb", "a\u00a0b", "a\u3000b", "a\u2009b", "a\u200ab", "a\u2028b", "a\u0085b")
  add("symbols", "$+<=>^`|~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "$", "+", "<", "=", ">", "^", "`", "|", "~",
      "a$b+c<d=e>f^g`h|i~j", "...", "---", "??!!", "((()))", "[[[]]]", "<<>>", "«quoted»", "“curly” ‘quotes’",
      "em—dash en–dash", "bullet • point", "…ellipsis…", "§ 5 ¶ 6", "©®™", "€£¥₹₿", "±×÷≤≥≠≈∞∑√∫", "←↑→↓⇒⇔",
      "½¼¾", "H₂O CO₂ x² y³", "°C µg Å Ω", "№ ℃ ℉ K Å", "†‡", "¿Qué? ¡Sí!", "‰ ‱", "⟨a|b⟩", "「日本」", "、。！？")
  add("accents composed", "café", "naïve résumé", "Ångström", "Žluťoučký kůň", "Crème brûlée", "São Paulo",
      "ñandú", "Tiếng Việt", "Ελληνικά ά έ ή", "ёлка Й", "Ǖ ǘ ǚ ǜ", "ﬁ ﬂ ﬃ ﬀ", "Łódź", "Øresund", "đa")
  add("accents decomposed", *[unicodedata.normalize("NFD", t) for t in
      ["café", "naïve résumé", "Ångström", "Žluťoučký kůň", "São Paulo", "Tiếng Việt", "ёлка Й", "Ǖ ǘ", "Ελληνικά ά έ"]])
  add("combining marks", "a\u0301\u0302\u0303\u0304", "\u0301", "\u0301abc", "e\u0323\u0302", "e\u0302\u0323",
      "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319A\u034b\u0360L\u0358G\u0322O\u0321",
      "x\u20dd y\u20e3 1\u20e3", "n\u0303o\u0308", "\u0300\u0301\u0302", "a\u0338=\u0338", "o\u031b\u0309", "क\u093c",
      "\u0345α\u0345", "q\u0307\u0323", "\u3099か\u3099")
  add("cjk", "日本語のテキスト", "中文句子没有空格", "漢字 kanji 混在", "患者は発熱した。", "一二三四五", "㐀㐁", "𠀀𠀁𠮷", "豈更車",
      "ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３", "ｶﾀｶﾅ ﾊﾝｶｸ", "カタカナ ひらがな", "がぎぐげご パピプ", "か\u3099き\u3099", "⺀⼀", "㍿㎏", "〇々〆", "A日B本C",
      "\U0002f800\U0002f801", "\U00030000 \U00031350")
  add("hangul", "한국어 문장", unicodedata.normalize("NFD", "한국어 문장"), "ㄱㄴㄷ", "각", "\u1100\u1161\u11a8", "뷁 쀍",
      "대한민국 2024년")
  add("arabic and hebrew", "مرحبا بالعالم", "السَّلَامُ عَلَيْكُمْ", "ﷺ ﷲ", "١٢٣٤", "؟ ، ؛", "فارسی می\u200cخواهم", "שלום עולם", "שָׁלוֹם",
      "לְמַעַן", "ـــ", "\u0622\u0623", "٪ ۵۶۷")
  add("indic and south-east asian", "नमस्ते दुनिया", "हिन्दी में क्ष त्र ज्ञ", "বাংলা ভাষা", "தமிழ் கொ", "తెలుగు", "ಕನ್ನಡ", "മലയാളം",
      "ภาษาไทย ทดสอบ", "น้ำ ก๊าซ", "ລາວ", "ខ្មែរ", "မြန်မာ", "བོད་སྐད", "සිංහල", "१२३ ৪৫৬", "ᏣᎳᎩ ꮳꮃꭹ", "ᠮᠣᠩᠭᠣᠯ")
  add("case", "İstanbul", "ISTANBUL ıI iİ", "i\u0307", "straße STRASSE ẞ", "ΟΔΟΣ Οδυσσεύς ΣΑΣ", "Σ", "ΑΣ ΑΣ. ΑΣ1", "ǅ Ǆ ǆ", "ŉ ǰ",
      "ᾼ ᾈ ᾳ", "Ⅷ ⅷ Ⓐ ⓐ", "Ա ա և", "Ქ ქ Ა", "Ꭰ ꭰ", "𐐀𐐨", "Ω Ω K k Å", "ſ ẛ", "ÿ Ÿ", "Ⱥ ⱥ Ɀ", "ß SS ss ﬆ")
  add("digits", "0123456789", "٠١٢٣٤٥٦٧٨٩", "०१२३४५", "๐๑๒๓", "០១២", "𝟎𝟏𝟐𝟘𝟙", "①②③⑩", "Ⅰ Ⅱ ⅳ", "１２３", "2024-01-31T12:34:56Z", "1e-10", "0x1F",
      "1234567890123456789012345678901234567890", "v1.2.3-rc4", "1/2 ⅓")
  add("emoji", "😀", "I ❤️ NY", "👨\u200d👩\u200d👧\u200d👦", "👩🏽\u200d🚀", "🏳️\u200d🌈", "🇺🇸🇩🇪", "👍🏿", "☺ ☺\ufe0f ☺\ufe0e", "1\ufe0f\u20e3", "🧑\u200d⚕️ doctor",
      "text😀text", "😀😃😄😁", "🫠🫡🪿🩷", "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f")
  add("control", "a\x01b", "a\x07b\x08c", "\x1b[31mred\x1b[0m", "a\x7fb", "a\x80b\x9fc", "\x01\x02\x03", "a\x0bb\x0cc", "\x1c\x1d\x1e\x1f",
      "tab\tnewline\nreturn\rend", "a\rb")
  add("zero width and bidi", "zero\u200bwidth", "join\u200dner non\u200cjoin", "\ufeffBOM at start", "mid\ufeffBOM", "word\u2060joiner",
      "\u202eRTL override\u202c", "\u2066isolate\u2069 \u2067rtl\u2069", "left\u200emark right\u200fmark", "soft\u00adhyphen", "\u00ad",
      "\u200b", "\u200b\u200c\u200d\ufeff", "\u180e", "\u061c", "inv\u2061\u2062\u2063\u2064isible", "pass\u200bword: se\u00adcret")
  add("replacement and private", "\ufffd", "bad \ufffd bytes \ufffd\ufffd", "\ue000\ue001", "a\uf8ffb", "\U000f0000\U0010fffd", "\ufdd0 nonchar",
      "\uffff", "a\U0001ffffb", "\u0378 unassigned", "\U000e0001\U000e0041\U000e0042", "tag\U000e0048\U000e0049\U000e007fed",
      "var\ufe00\ufe0f\U000e0100sel")
  add("mathematical", "𝐀𝐁𝐂", "𝒜𝒷𝒸 𝔄𝔟", "𝕳𝖊𝖑𝖑𝖔", "𝚖𝚘𝚗𝚘", "𝛼𝛽𝛾 𝜕", "ℂℍℕℙℚℝℤ", "🅰🅱 🄰", "ⓗⓔⓛⓛⓞ", "ᵃᵇᶜ ₐₑₒ", "ʰʷ ɐɔə", "ⱼ ꟲ")
  add("special tokens as text", "[SEP]", "[CLS]", "[PAD] [UNK] [MASK]", "a [SEP] b", "[CLS]text[SEP]", "<|eot_id|>", "</s>", "<s>hello</s>", "<unk>",
      "<|im_start|>system\nYou are<|im_end|>", "[sep] [cls]", "##ing ##s", "<0x41> <0x0A>", "\u2581hello \u2581 world", "a\u2581b", "<pad>",
      "[INST] <<SYS>> x <</SYS>> [/INST]", "<bos><start_of_turn>user")
  add("long words", "a" * 99, "a" * 100, "a" * 101, "b" * 250, "antidisestablishmentarianism" * 5, "x" * 60 + "\u0301" * 60, "é" * 100, "é" * 101,
      unicodedata.normalize("NFD", "é" * 101), "漢" * 120, "😀" * 101, "한" * 40, "-" * 120, "ab " * 60, "\u200b" * 120 + "a", "A" * 100 + "." + "B" * 101,
      "pneumonoultramicroscopicsilicovolcanoconiosis", "ACGT" * 40, "https://example.org/" + "path/" * 30 + "?q=1&r=2#frag")
  add("unknown characters", "ꙮ", "𒀀𒁀", "𓀀𓂀", "ꯀ", "ᚠᚢᚦ", "𐌰𐌱", "🂡🀄", "a ꙮ b", "wordꙮ", "⠓⠑", "𝄞♭♯", "ꜽ")
  add("medical", "α-synuclein (SNCA) β₂-microglobulin", "CD4⁺/CD8⁺ T-cells", "5′-ATGC-3′", "Na⁺/K⁺-ATPase", "pH 7.4 ± 0.2", "≥3 mg·kg⁻¹·d⁻¹",
      "HbA1c 6.5% (48 mmol/mol)", "Sjögren's syndrome", "Ménière’s disease", "1,25-dihydroxyvitamin D₃", "(R)-(−)-carvone", "95% CI: 0.87–1.12; P=.03",
      "Guillain–Barré", "10 µL vs 10 μL", "H&E stain", "<b>bold</b>", "&amp; &#60;", "{\"a\": [1, 2]}")
  return cases


def hard_strings():
  cases = []
  seen = set()
  for category, text in hand_written():
    if text not in seen:
      seen.add(text)
      cases.append((category, text))
  rng = random.Random(SEED)
  pool = [text for _, text in cases if 0 < len(text) <= 40]
  while len(cases) < COUNT:
    glue = rng.choice(["", " ", "\n", "\u00a0", "\u200d", "-", ". "])
    text = glue.join(rng.choice(pool) for _ in range(rng.randint(2, 6)))
    if text not in seen:
      seen.add(text)
      cases.append(("mixed", text))
  assert len(cases) == COUNT and all("\0" not in text for _, text in cases)
  for _, text in cases:
    text.encode("utf-8")
  return cases


if __name__ == "__main__":
  cases = hand_written()
  print(len(cases), "hand-written,", len(hard_strings()), "in all")
