"""Counts of requests and their latency, in the text format of Prometheus."""

from __future__ import annotations

import threading
from bisect import bisect_left

BUCKETS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """Requests by status and one latency histogram; safe to use from any thread."""

    def __init__(self, release: str) -> None:
        self._release = release
        self._lock = threading.Lock()
        self._by_status: dict[int, int] = {}
        # One more than there are bounds: the last is +Inf.
        self._by_bucket = [0] * (len(BUCKETS_S) + 1)
        self._seconds = 0.0

    def observe(self, status: int, seconds: float) -> None:
        """Count one finished request."""
        with self._lock:
            self._by_status[status] = self._by_status.get(status, 0) + 1
            self._by_bucket[bisect_left(BUCKETS_S, seconds)] += 1
            self._seconds += seconds

    def render(self) -> str:
        """All of it as text, one consistent moment."""
        with self._lock:
            by_status = sorted(self._by_status.items())
            by_bucket = list(self._by_bucket)
            seconds = self._seconds
        lines = [
            "# HELP shop_info The release that answers.",
            "# TYPE shop_info gauge",
            f'shop_info{{release="{self._release}"}} 1',
            "# HELP http_requests_total Finished requests by status.",
            "# TYPE http_requests_total counter",
        ]
        lines += [f'http_requests_total{{status="{status}"}} {n}' for status, n in by_status]
        lines += [
            "# HELP http_request_duration_seconds Time from request to answer.",
            "# TYPE http_request_duration_seconds histogram",
        ]
        below = 0
        for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], by_bucket):
            below += count
            lines.append(f'http_request_duration_seconds_bucket{{le="{bound}"}} {below}')
        lines.append(f"http_request_duration_seconds_sum {seconds:.6f}")
        lines.append(f"http_request_duration_seconds_count {below}")
        return "\n".join(lines) + "\n"
