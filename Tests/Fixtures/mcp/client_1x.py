#!/usr/bin/env python3
"""The official SDK (mcp 1.30.0) as a client of `ragbench serve`: client_1x.py COMMAND...

Prints one line at the end; any assertion ends it with a status.
"""

import os
import sys

import anyio
from checks import check_tools, content
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client


async def main():
  server = StdioServerParameters(command=sys.argv[1], args=sys.argv[2:], env=dict(os.environ))
  async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
    welcome = await session.initialize()
    assert welcome.protocolVersion == types.LATEST_PROTOCOL_VERSION, welcome
    assert welcome.serverInfo.name == "ragbench" and welcome.capabilities.tools is not None
    await session.send_ping()
    listed = (await session.list_tools()).tools

    async def call(name, arguments, progress=None):
      return await session.call_tool(name, arguments, progress_callback=progress)

    await check_tools(call, listed)
    try:
      await session.call_tool("no_such_tool", {})
      raise AssertionError("an unknown tool was called")
    except McpError as error:
      assert error.error.code == -32602, error

    handle = content(await session.call_tool("inject", {"documents": [{"text": "gout"}]}))["handle"]
    started = anyio.Event()

    async def note(done, total, message):
      started.set()

    async with anyio.create_task_group() as group:
      async def evaluate():
        await session.call_tool("evaluate", {"handle": handle}, progress_callback=note)
        raise AssertionError("evaluate was not cancelled")

      number = session._request_id
      group.start_soon(evaluate)
      await started.wait()
      # This generation leaves the notification to its user.
      await session.send_notification(types.ClientNotification(types.CancelledNotification(
          params=types.CancelledNotificationParams(requestId=number, reason="enough"))))
      group.cancel_scope.cancel()
    cancelled = 0
    for _ in range(100):
      stats = content(await session.call_tool("stats", {}))
      cancelled = stats["cancelled"]
      if cancelled == 1 and stats["inFlight"] == 1:
        break
      await anyio.sleep(0.05)
    assert cancelled == 1, cancelled
  print("ok", welcome.protocolVersion)


anyio.run(main)
