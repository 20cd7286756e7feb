"""limits, the rate limiter of slowapi and Flask-Limiter: its moving window in memory."""

import sys
import time

from limits import RateLimitItemPerHour
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from worker import version_of

CLIENTS = 100_000  # a tenth of the guard's, in favour of this library
HITS = 200_000


def main():
    limiter, item = MovingWindowRateLimiter(MemoryStorage()), RateLimitItemPerHour(500)
    keys = [f"{i * 0x9E3779B97F4A7C15 % 2**64:016x}kkkkkkkk" for i in range(CLIENTS)]
    for key in keys:
        limiter.hit(item, key)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "run":
            begin = time.perf_counter()
            for i in range(HITS):
                limiter.hit(item, keys[i % CLIENTS])
            print(f"{(time.perf_counter() - begin) / HITS:.9f}", flush=True)
        else:
            print(version_of("limits"), flush=True)


main()
