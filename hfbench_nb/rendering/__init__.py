"""Converting values to text: HTML templates, number formats, and escaping for each format."""
