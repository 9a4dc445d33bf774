"""Passes on what clients of an address and a Unix socket send each other: `python relay.py HOST PORT SOCKET`."""

import asyncio
import sys


async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on one direction until its sender has ended."""
    try:
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    except OSError:
        pass  # the other direction meets it, too
    finally:
        writer.close()


async def main(host: str, port: int, path: str) -> None:
    """Pass on until killed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(path)
        await asyncio.gather(pass_on(reader, server_writer), pass_on(server_reader, writer))

    async with await asyncio.start_server(serve, host, port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
