"""Tidegate beside nginx stream and HAProxy: the same work, on the same machine, in the same run.

`contenders` starts the proxies, `loads` makes the traffic, `works` says what is measured (`scaling` and `prefaces` in turns
of their own), `rounds` runs all in turn, `report` and `picture` show the ratios, and `goals` says which of them are enough.
"""
