"""From a notebook to an executed notebook, and from there to a page that can be mailed."""
