"""Controllers: from sensor readings to commands, with parameters that are a plain pytree."""
