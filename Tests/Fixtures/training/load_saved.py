"""Loads a retriever and a classifier that ragbench trained, and compares scores and guesses.

    python load_saved.py RETRIEVER-RUN HITS.json CLASSIFIER-RUN TEXTS.jsonl
"""

import json
import sys

import torch
from sentence_transformers import SentenceTransformer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

torch.set_num_threads(1)
retriever, hits, classifier, texts = sys.argv[1:]
model = SentenceTransformer(retriever + "/model", device="cpu")
answer = json.load(open(hits))
found = answer["results"] if isinstance(answer, dict) else answer
query = model.encode(["gout and sleep"], normalize_embeddings=True)
passages = model.encode([hit["title"] + " " + hit["text"] for hit in found], normalize_embeddings=True)
for hit, score in zip(found, (passages @ query.T)[:, 0]):
    assert abs(hit["score"] - score) < 1e-5, (hit["score"], score)

head = AutoModelForSequenceClassification.from_pretrained(classifier + "/model").eval()
tokenizer = AutoTokenizer.from_pretrained(classifier + "/model")
rows = [json.loads(line) for line in open(texts)]
guesses = [json.loads(line) for line in open(classifier + "/predictions.jsonl")]
with torch.no_grad():
    for row, guess in zip(rows, guesses, strict=True):
        scores = head(**tokenizer(row["text"], return_tensors="pt")).logits[0]
        assert head.config.id2label[int(scores.argmax())] == guess["guess"], (row, guess, scores)
print(len(found), "scores and", len(rows), "guesses agree")
