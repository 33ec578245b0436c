"""A pinhole camera that ray-traces textured spheres, boxes and planes, and is differentiable."""
