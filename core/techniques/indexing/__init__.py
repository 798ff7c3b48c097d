"""An index of many pictures: what excites every unit most in a stream of any length, kept as a folder to look at.

index_pictures  all of it: from pictures to a folder
top_patches     the index, as it grows: in this process, or on a cluster
write_index     the same as a folder: Parquet and JPEGs
read_index      that folder again, or a zip of it, as a set of pictures with its index of units
"""

from core.techniques.indexing.folder import SavedIndex, is_index, read_index, write_index
from core.techniques.indexing.patches import TopPatches, top_patches
from core.techniques.indexing.whole import Indexing, index_pictures

__all__ = [
    "Indexing",
    "SavedIndex",
    "TopPatches",
    "index_pictures",
    "is_index",
    "read_index",
    "top_patches",
    "write_index",
]
