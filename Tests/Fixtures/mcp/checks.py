"""What both generations of the SDK check of `ragbench serve`, given a client that lists and calls."""

import json

TOOLS = ["search", "get_document", "detect", "inject", "rollback", "evaluate", "list_indexes", "stats"]


def content(result):
  """The structured content of a result, which the text block repeats."""
  structured = getattr(result, "structured_content", None) or getattr(result, "structuredContent", None)
  is_error = getattr(result, "is_error", None)
  if is_error is None:
    is_error = result.isError
  assert not is_error, result
  assert structured == json.loads(result.content[0].text), result
  return structured


async def check_tools(call, listed):
  """Calls every tool. The SDK itself compares each result with the tool's output schema."""
  assert [tool.name for tool in listed] == TOOLS, listed
  for tool in listed:
    schema = getattr(tool, "input_schema", None) or tool.inputSchema
    assert schema["type"] == "object" and schema["additionalProperties"] is False, schema
    assert (getattr(tool, "output_schema", None) or tool.outputSchema)["type"] == "object"
    assert tool.description and tool.title

  progress = []

  async def note(done, total, message):
    progress.append((done, total))

  indexes = content(await call("list_indexes", {}))["indexes"]
  assert indexes[0]["documents"] == 255, indexes
  found = content(await call("search", {"query": "first-line treatment of gout", "k": 3}))
  assert len(found["hits"]) == 3 and all(0 < hit["pValue"] <= 1 for hit in found["hits"]), found
  first = found["hits"][0]["id"]
  document = content(await call("get_document", {"id": first}))
  assert document["id"] == first and document["text"]

  # Text that could break a line or a parser comes back as it went.
  odd = "line\nbreak \u2028\u2029\x85 emoji \U0001f600 quote \" backslash \\ e\u0301 " + "long " * 200_000
  injected = content(await call("inject", {"documents": [{"id": "odd", "text": odd}]}, note))
  handle = injected["handle"]
  assert progress and progress[-1][0] == 1, progress
  assert content(await call("get_document", {"id": "odd", "handle": handle}))["text"] == odd

  verdicts = content(await call("detect", {"texts": [odd], "query": "what?"}))["verdicts"]
  assert verdicts[0]["flagged"] in (True, False)
  progress.clear()
  measured = content(await call("evaluate", {"handle": handle, "querySet": "research"}, note))
  assert measured["questions"] == 40 and [entry["k"] for entry in measured["success"]] == [2, 5, 10]
  done = [entry[0] for entry in progress]
  assert done and done == sorted(set(done)) and done[-1] == 40, progress
  assert content(await call("rollback", {"handle": handle}))["documents"] == 1
  wrong = await call("search", {"query": "x", "k": 0})
  assert getattr(wrong, "is_error", None) or getattr(wrong, "isError", None)
  assert "k: expected 1 to 1000" in wrong.content[0].text
  stats = content(await call("stats", {}))
  assert stats["tools"]["search"]["calls"] == 2 and stats["search"]["detection"]["count"] == 1, stats
  return stats
