"""What messages are sent to: one module or folder for each kind, all under one contract.

`session`, `exchange` and `answers` are what they need of HTTP, `text` and `plain` what they need of text.
The contract is `notifier.service.ports.Receiver`; `tests/contract/receivers` holds every kind to it.
"""
