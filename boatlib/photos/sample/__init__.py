"""The drawn sample photos. Its modules are imported only when they are drawn."""

# raised whenever the drawings change: a cached set of an older version is then drawn anew
VERSION = 1
