"""An open-loop load generator for KServe v2 inference, free of coordinated omission.

Requests leave when the schedule says so, whatever became of those before them, and every latency
counts from the *scheduled* time. A closed-loop tool waits for a slow answer before it asks again:
it goes quiet exactly while the server is slow, and so leaves out the very requests that suffer.

Every request has a TCP connection of its own, because kube-proxy spreads connections over pods and
a long-lived one stays with the pod it met first.
"""

from e2e.load.arrivals import Schedule, Trace, Workload
from e2e.load.generator import Endpoint, Limits, Report, run
from e2e.load.payload import Call, TensorSpec, calls_for
from e2e.load.process import LoadProcess
from e2e.load.stats import Result, Second, Summary, percentile, summarise

__all__ = [
    "Call",
    "Endpoint",
    "Limits",
    "LoadProcess",
    "Report",
    "Result",
    "Schedule",
    "Second",
    "Summary",
    "TensorSpec",
    "Trace",
    "Workload",
    "calls_for",
    "percentile",
    "run",
    "summarise",
]
