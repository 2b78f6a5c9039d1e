"""Migrations: each brings a store from one version of the tables to the next, in one transaction."""
