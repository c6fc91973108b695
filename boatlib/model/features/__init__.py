"""Features of photos, computed once for each view, and the files in which they lie."""
