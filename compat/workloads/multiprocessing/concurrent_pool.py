"""Work in a pool of concurrent.futures, and in programs of asyncio."""

import asyncio
import sys
from concurrent.futures import ProcessPoolExecutor


async def start_programs() -> list[bytes]:
    """What three programs print."""

    async def start(number: int) -> bytes:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-c", f"print({number})", stdout=asyncio.subprocess.PIPE
        )
        output, _ = await program.communicate()
        return output.strip()

    return await asyncio.gather(*map(start, range(3)))


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        print(list(pool.map(abs, [-1, -2, -3])))
    print(asyncio.run(start_programs()))
