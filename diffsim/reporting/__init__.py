"""Tables, pictures and replays of results, from saved files and plain arrays only."""
