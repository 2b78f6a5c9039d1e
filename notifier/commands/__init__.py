"""The commands of `notifier`, one module a family: each adds itself to the parser, and says what to do."""
