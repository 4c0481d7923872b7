"""How values become text: HTML templates, number formats, and escaping for each format."""
