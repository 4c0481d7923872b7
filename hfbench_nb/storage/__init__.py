"""Files: the journal of a run and its folder, CSV, printed reports, published references."""
