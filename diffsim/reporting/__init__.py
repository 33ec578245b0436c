"""Tables and pictures of results. Reads saved files only."""
