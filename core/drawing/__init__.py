"""Charts as SVG without scripts, and the one stylesheet of all pages."""
