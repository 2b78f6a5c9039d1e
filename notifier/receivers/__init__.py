"""What messages are sent to: one module or folder for each kind, all under one contract.

The contract is `notifier.service.ports.Receiver`; `tests/contract/receivers` holds every kind to it.
"""
