"""The engine of several machines: Procrastinate's jobs on PostgreSQL say when the same code does its work.

Nothing of this is imported unless the store is PostgreSQL; procrastinate is imported nowhere else.
"""
