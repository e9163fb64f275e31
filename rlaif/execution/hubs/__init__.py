"""Offline hubs: the libraries' own caches, filled beforehand, so that code downloads nothing."""
