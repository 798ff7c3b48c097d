"""Pictures: files and bytes in, arrays in the middle, files and bytes out; sets of many. Nothing here knows a network."""
