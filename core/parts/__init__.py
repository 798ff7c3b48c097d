"""A map over numbered parts with an associative merge: in this process or on a Dask cluster; it goes on after Stop."""
