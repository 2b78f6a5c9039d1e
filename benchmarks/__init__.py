"""What the notifier costs, measured beside bare loops in one run: `python -m benchmarks`, or `make bench`.

alternating   laps of two works in turn, and what they come to
outside       the servers, in a process of their own
canned        a Dintero that costs next to nothing
population    accounts and connections to read
program       the real program, as a process of its own
pages, known  a large partner, and a store that knows it
growing, walking   processes that watch many connections, or a large partner; plot draws the first
polls, deliveries, growth, memory, start, latency, imports   one measurement each
tables, machine, document   how the figures are shown
"""
