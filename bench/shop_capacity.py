"""How much the reference shop can take: `python bench/shop_capacity.py --variant fragile --times 1 2 3`.

Starts the shop by itself (no proxies), sends it the journeys of its target file, open-loop and Poisson, at multiples
of the normal 25 journeys a second, and prints what customers saw. Latencies count from the intended start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import uvloop

from targets.shop.local import LocalShop

NORMAL = 25.0  # journeys a second
PATIENCE_S = 10.0
THINK_S = 0.2
JOURNEYS = (
    (5, ("home", "list", "product")),
    (2, ("home", "search", "product")),
    (3, ("home", "product", "cart", "checkout", "order")),
)


class Crowd:
    """Customers who arrive when they arrive, however slow the shop is."""

    def __init__(self, entry: str, seed: int) -> None:
        self.entry = entry
        self.random = random.Random(seed)
        self.samples: list[tuple[str, int, float]] = []  # step, status (0: nobody answered), seconds

    async def customer(self, session: aiohttp.ClientSession, steps: tuple[str, ...]) -> None:
        product, cookie, order = self.random.randint(1, 5000), "", ""
        for number, step in enumerate(steps):
            if number:
                await asyncio.sleep(THINK_S)
            headers = {"Accept": "application/json", "Cookie": cookie}
            method, path, body = "GET", "/", None
            match step:
                case "list":
                    path = f"/products?page={self.random.randint(1, 50)}"
                case "search":
                    path = f"/products?q={self.random.choice(['red', 'blue', 'shirt'])}"
                case "product":
                    path = f"/products/{product}"
                case "cart":
                    method, path, body = "POST", "/cart", {"product_id": product, "quantity": 1}
                case "checkout":
                    method, path = "POST", "/checkout"
                    headers["Idempotency-Key"] = uuid.uuid4().hex
                case "order":
                    path = f"/orders/{order}"
            started, status = time.perf_counter(), 0
            try:
                async with session.request(method, self.entry + path, json=body, headers=headers) as answer:
                    content = await answer.read()
                    status = answer.status
                    if step == "cart" and "shop_session" in answer.cookies:
                        cookie = f"shop_session={answer.cookies['shop_session'].value}"
                    if step == "checkout" and status < 300:
                        order = json.loads(content)["order_id"]
            except (aiohttp.ClientError, TimeoutError):
                pass
            self.samples.append((step, status, time.perf_counter() - started))
            if not 200 <= status < 400:
                return

    async def come(self, rate: float, seconds: float) -> None:
        timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(
            timeout=timeout, connector=connector, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            at, end = time.perf_counter(), time.perf_counter() + seconds
            customers = []
            while at < end:
                await asyncio.sleep(max(0.0, at - time.perf_counter()))
                (_, steps), *_ = self.random.choices(JOURNEYS, [weight for weight, _ in JOURNEYS])
                customers.append(asyncio.create_task(self.customer(session, steps)))
                at += self.random.expovariate(rate)
            await asyncio.gather(*customers)


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile, in seconds."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def measure(shop: LocalShop, times: float, seconds: float, seed: int = 1) -> dict[str, Any]:
    """Send `times` the normal rate for `seconds`; counts, ratios and seconds."""
    crowd = Crowd(shop.url("edge", ""), seed)
    before = cpu(shop)
    started = time.perf_counter()
    uvloop.run(crowd.come(NORMAL * times, seconds))
    elapsed = time.perf_counter() - started
    used = {name: after - before[name] for name, after in cpu(shop).items()}
    good = [sample for sample in crowd.samples if 200 <= sample[1] < 400]
    pages = [s for step, _, s in crowd.samples if step in ("home", "list", "search", "product")]
    checkouts = [s for step, _, s in crowd.samples if step == "checkout"]
    return {
        "times": times,
        "requests": len(crowd.samples),
        "rate": round(len(crowd.samples) / elapsed, 1),
        "availability": round(len(good) / len(crowd.samples), 5),
        "pages_p50_s": round(percentile(pages, 0.5), 4),
        "pages_p99_s": round(percentile(pages, 0.99), 4),
        "checkout_p99_s": round(percentile(checkouts, 0.99), 4),
        "statuses": dict(sorted(Counter(str(sample[1]) for sample in crowd.samples).items())),
        "cpu_ms_per_request": {name: round(1000 * s / len(crowd.samples), 3) for name, s in used.items()},
        "cores": round(sum(used.values()) / elapsed, 2),
    }


def cpu(shop: LocalShop) -> dict[str, float]:
    """CPU seconds of each part so far, its children included."""
    used = {"load": sum(psutil.Process().cpu_times()[:2])}
    for name, process in shop.processes.items():
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        used[name] = sum(sum(member.cpu_times()[:2]) for member in family)
    return used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variant", choices=["resilient", "fragile"], default="resilient")
    parser.add_argument("--times", type=float, nargs="+", default=[1.0, 2.0, 3.0, 4.0, 5.0])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--warm-up", type=float, default=3.0)
    parser.add_argument("--json", action="store_true", help="one line of JSON a multiple")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="shop-") as folder,
        LocalShop(Path(folder), switches={"SHOP_VARIANT": args.variant}) as shop,
    ):
        shop.start()
        measure(shop, 1.0, args.warm_up)
        for times in args.times:
            found = measure(shop, times, args.seconds)
            if args.json:
                print(json.dumps(found), flush=True)
                continue
            print(
                f"{args.variant} x{times:<4g} {found['rate']:7.1f} req/s  availability {found['availability']:.3%}  "
                f"pages p50 {found['pages_p50_s'] * 1000:.1f} ms p99 {found['pages_p99_s']:.3f} s  "
                f"checkout p99 {found['checkout_p99_s']:.3f} s  {found['cores']} cores  {found['statuses']}",
                flush=True,
            )
            print("   CPU ms/request:", found["cpu_ms_per_request"], flush=True)


if __name__ == "__main__":
    sys.exit(main())
