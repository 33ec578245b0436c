"""Folders of runs: the one place that knows what their files are called, and reads them."""
