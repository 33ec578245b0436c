"""Where the surfaces of two geoms are closest, one file a pair of shapes."""
