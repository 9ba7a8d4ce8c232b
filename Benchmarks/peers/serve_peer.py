#!/usr/bin/env python3
"""The peer of `ragbench serve`: sentence-transformers and faiss-cpu behind the same JSON-RPC lines.

    serve_peer.py --model DIR --store STORE.sqlite [--batch 32] [--threads 2]

The index is made of the vectors of ragbench's store (so both search the same numbers) and held as
faiss.IndexFlatIP; passages with their provenance are read from the store for each answer, as ours are. One
thread reads lines, one answers. With --batch 1 every query is encoded by itself; with --batch N, those that
have arrived while the last batch was at work are encoded and searched together, at most N.

Versions: requirements.txt beside.
"""

import argparse
import json
import os
import queue
import sqlite3
import sys
import threading


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--model", required=True)
  parser.add_argument("--store", required=True)
  parser.add_argument("--batch", type=int, default=1)
  parser.add_argument("--threads", type=int, default=2)
  options = parser.parse_args()
  os.environ |= {"OMP_NUM_THREADS": str(options.threads), "MKL_NUM_THREADS": str(options.threads),
                 "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

  import faiss
  import numpy
  import torch
  from sentence_transformers import SentenceTransformer

  torch.set_num_threads(options.threads)
  faiss.omp_set_num_threads(options.threads)
  model = SentenceTransformer(options.model, device="cpu")
  database = sqlite3.connect("file:%s?mode=ro" % options.store, uri=True, check_same_thread=False)
  rows = database.execute("SELECT chunk, vector FROM embeddings WHERE vector IS NOT NULL AND retriever = (SELECT MAX(key) FROM retrievers) ORDER BY key").fetchall()
  chunks = [row[0] for row in rows]
  vectors = numpy.frombuffer(b"".join(row[1] for row in rows), dtype="<f4").reshape(len(rows), -1).copy()
  faiss.normalize_L2(vectors)
  index = faiss.IndexFlatIP(vectors.shape[1])
  index.add(vectors)
  waiting = queue.SimpleQueue()

  def answer(batch):
    queries = [line["params"]["arguments"]["query"] for line in batch]
    ks = [line["params"]["arguments"].get("k", 10) for line in batch]
    encoded = model.encode(queries, batch_size=max(1, options.batch), normalize_embeddings=True, show_progress_bar=False)
    scores, found = index.search(encoded, min(max(ks), len(chunks)))
    lines = []
    for number, line in enumerate(batch):
      hits = []
      for rank in range(min(ks[number], found.shape[1])):
        row = database.execute(
            "SELECT documents.id, title, text, run, source, line FROM chunks JOIN documents ON documents.key = chunks.document"
            " JOIN imports ON imports.key = documents.import WHERE chunks.key = ?", (chunks[found[number][rank]],)).fetchone()
        hits.append({"rank": rank + 1, "id": row[0], "title": row[1], "text": row[2], "score": float(scores[number][rank]),
                     "provenance": {"run": row[3], "source": row[4], "line": row[5]}})
      content = {"query": queries[number], "hits": hits}
      lines.append(json.dumps({"jsonrpc": "2.0", "id": line["id"], "result": {
          "content": [{"type": "text", "text": json.dumps(content)}], "structuredContent": content, "isError": False}}))
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()

  def work():
    while True:
      line = waiting.get()
      if line is None:
        return
      batch = [line]
      while len(batch) < options.batch:
        try:
          line = waiting.get_nowait()
        except queue.Empty:
          break
        if line is None:
          answer(batch)
          return
        batch.append(line)
      answer(batch)

  worker = threading.Thread(target=work)
  worker.start()
  for text in sys.stdin:
    line = json.loads(text)
    if line["method"] == "initialize":
      sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": line["id"], "result": {
          "protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
          "serverInfo": {"name": "peer", "version": "1"}}}) + "\n")
      sys.stdout.flush()
    else:
      waiting.put(line)
  waiting.put(None)
  worker.join()


if __name__ == "__main__":
  main()
