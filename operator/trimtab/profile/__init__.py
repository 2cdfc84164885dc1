"""A variant's profile from a running Triton: how long a batch takes, and what a replica carries.

`model` is what is served, `inputs` and `request` what is sent, `connections` sends it on time,
`triton` reads the server's own counters, `points`, `capacity` and `loads` measure, `predict` lays
core's latency model beside it, `server` starts a Triton where none runs, `run` joins them.
"""
