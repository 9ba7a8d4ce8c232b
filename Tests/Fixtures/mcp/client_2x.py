#!/usr/bin/env python3
"""The official SDK (mcp 2.3.0) as a client of `ragbench serve`: client_2x.py MODE VERSION COMMAND...

MODE is auto (which probes server/discover), legacy (which sends initialize), or a version to take without a
probe; VERSION is what must be agreed on. Prints one line at the end; any assertion ends it with a status.
"""

import os
import sys

import anyio
from checks import check_tools, content
from mcp import Client, MCPError, StdioServerParameters


async def main():
  mode, version, command = sys.argv[1], sys.argv[2], sys.argv[3:]
  server = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
  async with Client(server, mode=mode, read_timeout_seconds=120) as client:
    assert client.protocol_version == version, client.protocol_version
    if mode != version:
      assert client.server_info.name == "ragbench" and client.instructions
    listed = (await client.list_tools()).tools

    async def call(name, arguments, progress=None):
      return await client.call_tool(name, arguments, progress_callback=progress)

    await check_tools(call, listed)
    try:
      await client.call_tool("no_such_tool", {})
      raise AssertionError("an unknown tool was called")
    except MCPError as error:
      assert error.code == -32602, error

    # A scope that is cancelled while evaluate is at work tells the server so.
    handle = content(await client.call_tool("inject", {"documents": [{"text": "gout"}]}))["handle"]
    started = anyio.Event()

    async def note(done, total, message):
      started.set()

    async with anyio.create_task_group() as group:
      async def evaluate():
        await client.call_tool("evaluate", {"handle": handle}, progress_callback=note)
        raise AssertionError("evaluate was not cancelled")

      group.start_soon(evaluate)
      await started.wait()
      group.cancel_scope.cancel()
    cancelled = 0
    for _ in range(100):
      stats = content(await client.call_tool("stats", {}))
      cancelled = stats["cancelled"]
      if cancelled == 1 and stats["inFlight"] == 1:
        break
      await anyio.sleep(0.05)
    assert cancelled == 1, cancelled
  print("ok", mode, version)


anyio.run(main)
