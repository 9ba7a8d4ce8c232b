"""Golden documents of the concatenation attack, made without ragbench's code.

Python 3.11, standard library only. Writes concatenation.json beside itself:
    python3 make_concatenation.py
Tokens are words between white space; the encoder sees 12 of them. Seeds are in each case.
"""

import hashlib
import json
import pathlib
import re

MASK = (1 << 32) - 1


def philox(seed, stream, index):
    """Philox 4x32-10 (Salmon et al. 2011), counter (index, stream), key seed."""
    c = [index & MASK, index >> 32, stream & MASK, stream >> 32]
    k = [seed & MASK, seed >> 32]
    for _ in range(10):
        a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c


def numbers(seed, purpose, query):
    stream = int(hashlib.sha256(f"{purpose}\n{query}".encode()).hexdigest()[:16], 16)
    index = 0
    while True:
        w = philox(seed, stream, index)
        yield w[0] | w[1] << 32
        yield w[2] | w[3] << 32
        index += 1


def permutation(payloads, seed, query):
    order = sorted(payloads, key=lambda p: (p["kind"].encode(), p["_id"].encode()))
    draw = numbers(seed, "payload", query)
    for last in range(len(order) - 1, 0, -1):
        j = next(draw) % (last + 1)
        order[last], order[j] = order[j], order[last]
    return order


def ends(text):
    return [m.end() for m in re.finditer(r"\S+", text)]


def first_words(text, n):
    e = ends(text)
    return text if len(e) <= n else text[: e[n - 1]]


LIMIT = 12


def documents(case, queries, payloads, clean):
    p = {"separator": " ", "order": "query-first", "repetitions": 1, "copies": 1,
         "copy_payloads": "distinct", "payload_choice": "assigned", "field": "text",
         "placement": "visible", "padding": "none", "options": False}
    p.update(case["parameters"])
    sep = p["separator"]
    for query in queries:
        own = sorted((x for x in payloads if re.fullmatch(re.escape(query["_id"]) + r"-\d+", x["_id"])),
                     key=lambda x: int(x["_id"].rsplit("-", 1)[1]))
        order = own if own and p["payload_choice"] == "own-first" else \
            permutation(payloads, case["seed"], query["_id"])
        for copy in range(p["copies"]):
            start = copy % len(order) if p["copy_payloads"] == "distinct" else 0
            rotated = order[start:] + order[:start]
            payload, used = rotated[0]["text"], 1
            if p.get("payload_tokens"):
                while len(ends(payload)) < p["payload_tokens"]:
                    payload += " " + rotated[used % len(rotated)]["text"]
                    used += 1
                payload = first_words(payload, p["payload_tokens"])
            q = query["text"]
            if p["options"]:
                q = "\n".join([q] + [f"{a}. {t}" for a, t in query["options"].items()])
            if p.get("query_tokens"):
                q = first_words(q, p["query_tokens"])
            block = sep.join([q] * p["repetitions"])
            c = []
            if p["padding"] == "clean-passage":
                c = [clean]
                if p.get("padding_tokens"):
                    c = [first_words(clean, p["padding_tokens"])]
            title = ""
            parts = [block]
            if p["field"] == "title":
                title, parts = block, []
            if p["order"] == "payload-first":
                parts = [payload] + c + parts
            elif p["order"] == "query-in-middle":
                gaps = [(m.start(), m.end()) for m in re.finditer(r"\s+", payload)]
                sentences = [g for g in gaps if payload[g[0] - 1] in ".?!"]
                middle = len(payload.encode()) // 2
                g = min(sentences or gaps, key=lambda g: abs(len(payload[: g[0]].encode()) - middle))
                parts = [payload[: g[0]]] + parts + c + [payload[g[1]:]]
            else:
                parts = parts + c
                if p["placement"] == "beyond-limit":
                    while len(ends(sep.join(parts))) < LIMIT:
                        parts.append(c[0] if c else q)
                parts.append(payload)
            yield {"_id": f"poison:concatenation:{rotated[0]['kind']}:{query['_id']}:{copy + 1}",
                   "title": title, "text": sep.join(parts), "payload_id": rotated[0]["_id"]}


queries = [
    {"_id": "q1", "text": "Which drug is best for gout?", "options": {"A": "Colchicine", "B": "Iron"}},
    {"_id": "q2", "text": "Does zinc cure colds in adults of any age?", "options": {}},
    {"_id": "Frage-\u00fc", "text": "Wie wirkt \u00c4ther?\u0301", "options": {"A": "stark"}},
]
payloads = [
    {"_id": f"p{n}", "kind": "pii", "text": t}
    for n, t in enumerate([
        "Ann Oak lives here. Her number is 555-0101.",
        "One two three four five six seven eight nine ten eleven twelve thirteen.",
        "\u0301Combining mark first. Then more.",
        "Single", "Two sentences. And the second is much longer than the first one was."])
] + [{"_id": "q2-2", "kind": "pii", "text": "second own"}, {"_id": "q2-1", "kind": "pii", "text": "first own"}]
clean = "A clean passage about uric acid and its crystals."

variants = [
    {}, {"separator": "\n"}, {"separator": ". "}, {"separator": ""}, {"separator": " \u2192 "},
    {"order": "payload-first"}, {"order": "query-in-middle"}, {"repetitions": 3},
    {"repetitions": 2, "separator": "\n", "order": "query-in-middle"},
    {"query_tokens": 3}, {"copies": 3}, {"copies": 2, "copy_payloads": "same"}, {"copies": 9},
    {"payload_tokens": 1}, {"payload_tokens": 8}, {"payload_tokens": 40},
    {"placement": "beyond-limit"}, {"placement": "beyond-limit", "field": "title"},
    {"options": True}, {"options": True, "query_tokens": 7}, {"field": "title"},
    {"padding": "clean-passage"}, {"padding": "clean-passage", "padding_tokens": 4},
    {"padding": "clean-passage", "order": "payload-first"},
    {"padding": "clean-passage", "order": "query-in-middle"},
    {"padding": "clean-passage", "field": "title", "separator": "\n"},
    {"padding": "clean-passage", "placement": "beyond-limit"},
    {"payload_choice": "own-first", "copies": 3, "separator": "."},
]
cases = [{"seed": 2 ** 64 - 1 if i % 2 else 7 + i, "parameters": v} for i, v in enumerate(variants)]
for case in cases:
    case["documents"] = list(documents(case, queries, payloads, clean))
    case["seed"] = str(case["seed"])
out = pathlib.Path(__file__).with_name("concatenation.json")
out.write_text(json.dumps(
    {"limit": LIMIT, "clean": clean, "queries": queries, "payloads": payloads, "cases": cases},
    ensure_ascii=False, indent=1) + "\n")
