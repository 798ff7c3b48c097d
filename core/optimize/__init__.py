"""Optimization of pictures: what to maximize, of which parameters, through which views, by which updates; one loop."""
