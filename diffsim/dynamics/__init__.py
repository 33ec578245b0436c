"""Motion of bodies on a tree of joints: inertia, elimination, assembly."""
