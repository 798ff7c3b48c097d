"""Networks: opened, read as a flat list of layer calls, rewritten, run. Nothing here optimizes a picture."""
