#!/usr/bin/env python3
"""Golden BM25 scores: tokens from SQLite's FTS5 through fts5vocab, the formula in plain Python.

BM25 as Lucene computes it with exact lengths: idf = ln(1 + (N - df + 0.5) / (df + 0.5)),
tf / (tf + k1 (1 - b + b length / mean)), k1 0.9, b 0.4. Written with Python 3.11, SQLite 3.40.1;
random texts with seed 20.

    python3 make_bm25.py > bm25.json
"""
import collections, json, math, random, sqlite3, sys

random.seed(20)
WORDS = ("heart hearts cardiac failure failing Failures naïve naive café running runner relational "
         "operator's co-operate x-ray 5-HT2A β-blocker the of and a in 12 mg 3.5 don't U.S.A. "
         "generalizations oscillators 患者 Ärzte ﬁbrosis").split()
documents = []
for number in range(60):
    title = " ".join(random.choice(WORDS) for _ in range(random.randrange(0, 4)))
    text = " ".join(random.choice(WORDS) for _ in range(random.randrange(0, 40)))
    documents.append({"id": f"d{number:02}", "title": title, "text": text})
# Ties: same text under several ids.
for name in ("z9", "a1", "é", "e\u0301"):
    documents.append({"id": name, "title": "", "text": "tied heart tied"})
queries = ["heart failure", "the running of a runner", "tied", "tied tied heart", "naïve CAFÉ", "absent",
           "", "operators don't co-operate 3.5 mg", "患者 fibrosis"]
queries += [" ".join(random.choice(WORDS) for _ in range(177))]
injected = [{"id": "p1", "title": "", "text": "heart failure heart failure unseen"},
            {"id": "p2", "title": "the", "text": "tied heart tied"},
            {"id": "p3", "title": "", "text": "running " * 50}]


def tokens(text):
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE t USING fts5 (x, tokenize = 'porter unicode61')")
    db.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, instance)")
    db.execute("INSERT INTO t VALUES (?)", (text,))
    return [row[0] for row in db.execute("SELECT term FROM v")]


def scores(documents, statistics, query):
    bags = [(d["id"], tokens(d["title"] + " " + d["text"])) for d in documents]
    basis = [tokens(d["title"] + " " + d["text"]) for d in statistics]
    mean = sum(map(len, basis)) / len(basis)
    wanted = collections.Counter(tokens(query))
    result = {}
    for name, bag in bags:
        counts = collections.Counter(bag)
        total = 0.0
        for term, weight in sorted(wanted.items()):
            if counts[term]:
                df = sum(term in set(other) for other in basis)
                idf = math.log1p((len(basis) - df + 0.5) / (df + 0.5))
                norm = 0.9 * (1 - 0.4 + 0.4 * len(bag) / mean)
                total += weight * idf * counts[term] / (counts[term] + norm)
        if total > 0:
            result[name] = total
    return [{"id": name, "score": score} for name, score in result.items()]


json.dump({
    "documents": documents, "injected": injected,
    "queries": [{"text": query, "clean": scores(documents, documents, query),
                 "overlay": scores(injected, documents, query),
                 "together": scores(documents + injected, documents + injected, query)}
                for query in queries]}, sys.stdout, ensure_ascii=False, indent=1)
print()
