"""Pictures: files and bytes in, arrays in the middle, files and bytes out; sets. Nothing here knows a network."""

from core.pictures import samples as samples
