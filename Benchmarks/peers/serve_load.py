#!/usr/bin/env python3
"""Measures a query server that reads JSON-RPC lines: the same load for ours and for a peer.

    serve_load.py --name NAME --queries FILE [--requests N] [--concurrency 32] -- COMMAND...

COMMAND reads lines {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search",
"arguments": {"query": "...", "k": 10}}} and answers each with a line. Every query is asked once, so that
nothing can be answered from a cache. Measured, JSON on standard output:

- first_answer_seconds: from the start of a fresh process to the answer to its first query, which lies on its
  standard input from the beginning; median of --starts starts, files in the page cache.
- p50_ms, p95_ms, p99_ms: one query at a time.
- queries_per_second: --concurrency queries in flight all the time.
- cpu_ms_per_query: processor time of the server for each of these, all threads together. On a machine that others
  use too it says more than the clock.
- resident_mib: memory of the process tree afterwards (VmRSS), and the highest it was (VmHWM).
"""

import argparse
import json
import os
import statistics
import subprocess
import threading
import time


def request(number, query, k):
  return (json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call",
                      "params": {"name": "search", "arguments": {"query": query, "k": k}}}) + "\n").encode()


HANDSHAKE = (json.dumps({"jsonrpc": "2.0", "id": "hello", "method": "initialize", "params": {
    "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "serve_load", "version": "1"}}}) + "\n").encode()


class Server:
  def __init__(self, command, first=None):
    self.started = time.perf_counter()
    self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    self.process.stdin.write(HANDSHAKE + (first or b""))
    self.process.stdin.flush()
    self.read("hello")

  def read(self, expected=None):
    while True:
      line = self.process.stdout.readline()
      if not line:
        raise SystemExit("the server has ended: %s" % self.process.wait())
      answer = json.loads(line)
      if "id" not in answer:
        continue
      if "error" in answer or answer["result"].get("isError"):
        raise SystemExit("error: %s" % line[:500])
      if expected is None or answer["id"] == expected:
        return answer

  def send(self, line):
    self.process.stdin.write(line)
    self.process.stdin.flush()

  def memory(self):
    values = {}
    with open("/proc/%d/status" % self.process.pid) as file:
      for line in file:
        if line.startswith(("VmRSS", "VmHWM")):
          values[line[:5]] = int(line.split()[1]) / 1024
    return values

  def cpu_seconds(self):
    with open("/proc/%d/stat" % self.process.pid) as file:
      fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

  def close(self):
    self.process.stdin.close()
    self.process.wait()


def hits(answer):
  result = answer["result"]
  structured = result.get("structuredContent")
  return structured["hits"] if structured else json.loads(result["content"][0]["text"])["hits"]


def main():
  parser = argparse.ArgumentParser()
  parser.add_argument("--name", required=True)
  parser.add_argument("--queries", required=True)
  parser.add_argument("--requests", type=int, default=1000)
  parser.add_argument("--concurrency", type=int, default=32)
  parser.add_argument("--starts", type=int, default=3)
  parser.add_argument("--k", type=int, default=10)
  parser.add_argument("--answers", help="write the ids of the hits of the sequential queries there")
  parser.add_argument("command", nargs="+")
  options = parser.parse_args()
  with open(options.queries, encoding="utf-8") as file:
    queries = [line.rstrip("\n") for line in file]
  half = min(options.requests, len(queries) // 2 - 40)
  load = os.getloadavg()[0]

  firsts = []
  for start in range(options.starts):
    server = Server(options.command, request(1, queries[-1 - start], options.k))
    server.read(1)
    firsts.append(time.perf_counter() - server.started)
    server.close()

  server = Server(options.command)
  for number, query in enumerate(queries[:20]):
    server.send(request(number, query, options.k))
    server.read(number)
  latencies, ids = [], []
  for number, query in enumerate(queries[20:20 + half]):
    begin = time.perf_counter()
    server.send(request(number, query, options.k))
    answer = server.read(number)
    latencies.append(1000 * (time.perf_counter() - begin))
    ids.append([hit["id"] for hit in hits(answer)])
  latencies.sort()

  # One thread writes, bounded by a semaphore, and this one reads.
  rest = queries[20 + half:20 + 2 * half]
  room = threading.Semaphore(options.concurrency)

  def write():
    for number, query in enumerate(rest):
      room.acquire()
      server.send(request(number, query, options.k))

  writer = threading.Thread(target=write)
  begin, cpu = time.perf_counter(), server.cpu_seconds()
  writer.start()
  for _ in rest:
    server.read()
    room.release()
  seconds, cpu = time.perf_counter() - begin, server.cpu_seconds() - cpu
  writer.join()
  memory = server.memory()
  server.close()
  if options.answers:
    with open(options.answers, "w") as file:
      json.dump(ids, file)
  share = lambda q: round(latencies[min(len(latencies) - 1, int(q * len(latencies)))], 3)
  print(json.dumps({
      "name": options.name, "requests": half, "concurrency": options.concurrency,
      "first_answer_seconds": round(statistics.median(firsts), 3),
      "p50_ms": share(0.5), "p95_ms": share(0.95), "p99_ms": share(0.99),
      "queries_per_second": round(len(rest) / seconds, 1), "cpu_ms_per_query": round(1000 * cpu / len(rest), 3),
      "resident_mib": round(memory["VmRSS"], 1), "peak_mib": round(memory["VmHWM"], 1),
      "load_average_before": round(load, 2),
  }))


if __name__ == "__main__":
  main()
