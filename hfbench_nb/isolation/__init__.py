"""Processes that measure: how they are started, talked to and ended."""
