"""What people would pick instead, doing the same work in the same run: `make bench-peers`.

install.sh        fetches the peers into build/peers, and starts nothing
process           a program under test: its memory, its CPU, and its end
inbox             what stands for Slack's incoming webhooks: says when what arrived, and refuses when told to
stage             Dintero and Slack for all programs, in a process of their own
tally             what was lost, what came twice, and how long it took; no I/O
rivals            what every program is asked to do
alertmanager, changedetection, notifier   one program each
report, __main__  how it is shown
"""
