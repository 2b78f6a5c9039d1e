"""The running service: it polls, detects, plans and dispatches, and knows the outside through Protocols."""
